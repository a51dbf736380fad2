-- What a walk through every order of events showed to be missing.

-- What was judged to be of another remit and is reported in ours is judged anew: a new round, like all that comes back.
CREATE OR REPLACE TRIGGER items_begin_round BEFORE UPDATE OF state ON items
  FOR EACH ROW WHEN (NEW.state IN ('received', 'awaiting_assessment')
    AND OLD.state IN ('closed', 'held_for_police', 'awaiting_hosting', 'actionable', 'notified', 'awaiting_hand_on'))
  EXECUTE FUNCTION begin_round();

-- The queue of second assessors asks for these on every page; images only grow.
CREATE INDEX images_half_judged ON images (state, id) WHERE state IN ('judged_once', 'disputed');
