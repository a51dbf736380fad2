-- Judging: rounds, looks with their one-use tokens, skips, and when an item is due for which job.

ALTER TYPE closed_as ADD VALUE 'referred'; -- police and partners were told; there is no address to remove

-- A reopened image or item is judged in a new round; what was said in the old ones stays as it was said.
ALTER TABLE images
  ADD COLUMN round integer NOT NULL DEFAULT 1 CHECK (round >= 1),
  ADD COLUMN verdict_basis text CHECK (verdict_basis IN ('looked', 'exact_hash', 'facts')),
  ADD CONSTRAINT images_verdict_has_basis CHECK ((verdict IS NULL) = (verdict_basis IS NULL)),
  ADD CONSTRAINT images_illegal_was_seen_or_listed CHECK (verdict <> 'illegal' OR verdict_basis <> 'facts');

ALTER TABLE items
  ADD COLUMN round integer NOT NULL DEFAULT 1 CHECK (round >= 1),
  ADD COLUMN settled_at timestamptz, -- when its verdict was last settled
  DROP CONSTRAINT items_check9,
  ADD CONSTRAINT items_due_for_a_job CHECK (
    (state IN ('received', 'actionable')
     OR kind = 'url' AND state IN ('held_for_police', 'awaiting_hosting', 'notified')) = (next_try_at IS NOT NULL)),
  ADD CONSTRAINT items_judged_before_acted_on CHECK (
    state NOT IN ('held_for_police', 'awaiting_hosting', 'actionable', 'notified') OR settled_at IS NOT NULL);
DROP INDEX items_due;
CREATE INDEX items_due ON items (state, next_try_at, id) WHERE next_try_at IS NOT NULL;
CREATE INDEX items_held ON items (state, moved_at, id) WHERE state IN ('held_for_police', 'awaiting_hosting');

-- What comes back after it was acted on or closed is judged in a new round, whoever brings it back.
CREATE FUNCTION begin_round() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.round := OLD.round + 1;
  RETURN NEW;
END $$;
CREATE TRIGGER items_begin_round BEFORE UPDATE OF state ON items
  FOR EACH ROW WHEN (NEW.state IN ('received', 'awaiting_assessment')
    AND OLD.state IN ('closed', 'held_for_police', 'awaiting_hosting', 'actionable', 'notified'))
  EXECUTE FUNCTION begin_round();

-- The staff surface has no address of the queue either: the sweep listens for its rows.
DROP TRIGGER items_tell_update ON items;
CREATE TRIGGER items_tell_update AFTER UPDATE OF state ON items
  FOR EACH ROW WHEN (NEW.state IN ('received', 'actionable') AND OLD.state <> NEW.state) EXECUTE FUNCTION tell_due();

-- A look begins when its one-use token fetches the picture; one that nobody ends counts its full time.
ALTER TABLE looks
  ADD COLUMN item_id      uuid NOT NULL REFERENCES items,
  ADD COLUMN round        integer NOT NULL CHECK (round >= 1),
  ADD COLUMN token_digest bytea NOT NULL UNIQUE CHECK (octet_length(token_digest) = 32),
  ADD COLUMN expires_at   timestamptz NOT NULL,
  ADD COLUMN fetched_at   timestamptz CHECK (fetched_at >= started_at),
  ADD CONSTRAINT looks_end_after_fetch CHECK (ended_at IS NULL OR fetched_at IS NOT NULL);
CREATE INDEX looks_open ON looks (person_id) WHERE ended_at IS NULL;

-- On what an assessment stands: a look, an exact hash in a trusted set (without a look), or facts alone.
ALTER TABLE assessments
  ADD COLUMN basis text NOT NULL CHECK (basis IN ('looked', 'exact_hash', 'facts')),
  ADD CONSTRAINT assessments_illegal_image_was_seen_or_listed
    CHECK (image_id IS NULL OR national IS DISTINCT FROM 'illegal' OR basis <> 'facts');
CREATE INDEX assessments_by_person ON assessments (person_id, assessed_at);

-- What no screen can talk the database out of.
CREATE FUNCTION check_assessment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM person_roles JOIN persons ON persons.id = person_id
                 WHERE person_id = NEW.person_id AND disabled_at IS NULL
                 AND role = ANY (CASE NEW.place WHEN 'lead' THEN ARRAY['lead'] ELSE ARRAY['analyst', 'lead'] END::person_role[])) THEN
    RAISE EXCEPTION 'this person may not assess in this place' USING ERRCODE = 'insufficient_privilege';
  END IF;
  -- What is judged on the item itself (a text, a dead link) has no picture to look at.
  IF NEW.basis = 'looked' AND NEW.image_id IS NOT NULL AND NOT EXISTS (
       SELECT FROM looks WHERE looks.image_id = NEW.image_id AND looks.person_id = NEW.person_id
       AND looks.round = NEW.round AND looks.fetched_at <= NEW.assessed_at) THEN
    RAISE EXCEPTION 'there is no look of this person at this image' USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.basis = 'exact_hash' AND NOT EXISTS (
       SELECT FROM live_matches WHERE live_matches.image_id = NEW.image_id AND is_trusted) THEN
    RAISE EXCEPTION 'this image is not known' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
-- Nobody is their own second; a lead may decide between others and themselves only where there is no other lead.
ALTER TABLE assessments
  DROP CONSTRAINT assessments_image_id_round_person_id_key,
  DROP CONSTRAINT assessments_item_id_round_person_id_key;
CREATE UNIQUE INDEX assessments_one_of_a_person_on_an_image ON assessments (image_id, round, person_id) WHERE place <> 'lead';
CREATE UNIQUE INDEX assessments_one_of_a_person_on_an_item ON assessments (item_id, round, person_id) WHERE place <> 'lead';

CREATE TRIGGER assessments_are_earned BEFORE INSERT ON assessments FOR EACH ROW EXECUTE FUNCTION check_assessment();
CREATE TRIGGER assessments_are_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON assessments
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- One hold a round; a reopened item may be held anew.
DROP INDEX police_holds_one_open;
ALTER TABLE police_holds ADD COLUMN round integer NOT NULL CHECK (round >= 1), ADD UNIQUE (item_id, round);

-- Passed over without a reason; the second one sends it to a lead.
CREATE TABLE skips (
  id         uuid PRIMARY KEY,
  image_id   uuid REFERENCES images,
  item_id    uuid REFERENCES items,
  round      integer NOT NULL CHECK (round >= 1),
  person_id  uuid NOT NULL REFERENCES persons,
  skipped_at timestamptz NOT NULL,
  CHECK (num_nonnulls(image_id, item_id) = 1)
);
CREATE INDEX skips_by_image ON skips (image_id, round);
CREATE INDEX skips_by_item ON skips (item_id, round);

CREATE TABLE hand_ons (
  item_id      uuid NOT NULL REFERENCES items,
  to_whom      text NOT NULL CHECK (btrim(to_whom) <> '' AND length(to_whom) <= 200),
  recipient_id uuid, -- one that we know, if it is one
  person_id    uuid NOT NULL REFERENCES persons,
  handed_on_at timestamptz NOT NULL,
  PRIMARY KEY (item_id, handed_on_at)
);
