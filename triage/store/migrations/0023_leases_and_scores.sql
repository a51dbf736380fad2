-- The queue: who has an item open, how urgent it is and why, and an order that an index gives.

-- One person works on one opened item. A row that has not ended is a lease; one that is over counts no more, whether
-- it was ended or not.
CREATE TABLE item_leases (
  id        uuid PRIMARY KEY,
  item_id   uuid NOT NULL REFERENCES items,
  person_id uuid NOT NULL REFERENCES persons,
  lane      lane NOT NULL, -- in which it was opened
  taken_at  timestamptz NOT NULL,
  kept_at   timestamptz NOT NULL, -- the last act or sign of life
  until     timestamptz NOT NULL,
  ended_at  timestamptz,
  ended_as  text CHECK (ended_as IN ('left', 'expired', 'freed', 'moved')), -- freed: by a lead; moved: the item went on
  CHECK (kept_at >= taken_at AND until > kept_at AND until <= kept_at + interval '30 minutes'),
  CHECK ((ended_at IS NULL) = (ended_as IS NULL)),
  CHECK (ended_at >= taken_at)
);
CREATE UNIQUE INDEX item_leases_one_holder ON item_leases (item_id) WHERE ended_at IS NULL;
CREATE INDEX item_leases_by_person ON item_leases (person_id, taken_at, id);
CREATE INDEX item_leases_open ON item_leases (person_id, kept_at, id) WHERE ended_at IS NULL;
CREATE INDEX item_leases_by_item ON item_leases (item_id, taken_at);

-- Whether a lease that has not ended counts at a moment: not when its time is over, nor when the clock was set back by
-- more than its life.
CREATE FUNCTION is_live_lease(kept_at timestamptz, until timestamptz, moment timestamptz) RETURNS boolean
LANGUAGE sql STABLE AS $$
  SELECT moment < until AND moment >= kept_at - (until - kept_at)
$$;

-- What is open on an item, and what one person did with it in its round: each picture that it or its page shows and
-- that is not settled, and each picture of a page that has no file.
CREATE FUNCTION open_things(whole uuid, person uuid)
RETURNS TABLE (is_disputed boolean, has_judged boolean, has_passed boolean) LANGUAGE sql STABLE AS $$
  SELECT images.state = 'disputed',
    EXISTS (SELECT FROM assessments WHERE assessments.image_id = images.id AND assessments.round = images.round
            AND assessments.person_id = person),
    EXISTS (SELECT FROM skips WHERE skips.image_id = images.id AND skips.round = images.round
            AND skips.person_id = person)
  FROM (SELECT whole AS item_id UNION SELECT child_id FROM shown_children WHERE parent_id = whole) AS family
  JOIN items AS shown ON shown.id = family.item_id
  JOIN item_images ON item_images.item_id = shown.id AND item_images.capture_id = shown.capture_id
  JOIN images ON images.id = item_images.image_id AND images.state <> 'settled'
  WHERE shown.state IN ('awaiting_assessment', 'awaiting_lead')
    OR images.state = 'judged_once' AND shown.closed_as IS DISTINCT FROM 'not_judged'
  UNION ALL
  SELECT bare.state = 'awaiting_lead',
    EXISTS (SELECT FROM assessments WHERE assessments.item_id = bare.id AND assessments.round = bare.round
            AND assessments.person_id = person),
    EXISTS (SELECT FROM skips WHERE skips.item_id = bare.id AND skips.round = bare.round AND skips.person_id = person)
  FROM shown_children JOIN items AS bare ON bare.id = child_id
  WHERE parent_id = whole AND bare.state IN ('awaiting_assessment', 'awaiting_lead')
    AND NOT EXISTS (SELECT FROM item_images WHERE item_images.item_id = bare.id
                    AND item_images.capture_id = bare.capture_id)
$$;

CREATE TRIGGER item_leases_ended_are_fixed BEFORE UPDATE ON item_leases
  FOR EACH ROW WHEN (OLD.ended_at IS NOT NULL) EXECUTE FUNCTION refuse_change();

-- Who opens an item is somebody who may judge it.
CREATE FUNCTION check_lease() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM person_roles JOIN persons ON persons.id = person_id
                 WHERE person_id = NEW.person_id AND disabled_at IS NULL AND role IN ('analyst', 'lead')) THEN
    RAISE EXCEPTION 'this person may not open items' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER item_leases_are_of_assessors BEFORE INSERT ON item_leases
  FOR EACH ROW EXECUTE FUNCTION check_lease();

-- What a report's note speaks of, told once by its words as it came in. Who scores reads no note.
ALTER TABLE reports
  ADD COLUMN note_flags text[] NOT NULL DEFAULT '{}'
    CHECK (note_flags <@ ARRAY['violence', 'infant', 'animal', 'live']);

-- The score, its parts, and what the queue is filtered by; the sweep writes them.
ALTER TABLE items
  ADD COLUMN is_danger_reported boolean NOT NULL DEFAULT false, -- a report says so, not only an assessor
  ADD COLUMN report_count integer NOT NULL DEFAULT 0 CHECK (report_count >= 0), -- who scores reads no reports
  ADD COLUMN note_flags   text[] NOT NULL DEFAULT '{}', -- of all its reports that are not low: each once, in order
  ADD COLUMN score        smallint NOT NULL DEFAULT 0 CHECK (score BETWEEN 0 AND 100),
  ADD COLUMN blind_score  smallint NOT NULL DEFAULT 0 CHECK (blind_score BETWEEN 0 AND 100), -- without what an assessor said
  ADD COLUMN score_parts  jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(score_parts) = 'object'),
  ADD COLUMN placed_at timestamptz, -- when it last changed its lane within its state
  ADD COLUMN round_began_at timestamptz, -- none: the first, which began when it came in
  ADD COLUMN score_due_at timestamptz, -- when its score changes next by itself; none: it does not wait
  ADD COLUMN has_known    boolean NOT NULL DEFAULT false, -- shows a picture that is known
  ADD COLUMN host_country text CHECK (host_country ~ '^[A-Z]{2}$'), -- where it is hosted, as far as that is known
  ADD COLUMN waits_second boolean NOT NULL DEFAULT false, -- shows a picture, or is itself, judged once
  ADD COLUMN first_by     uuid, -- the one who judged all of that first; none where several did
  ADD CONSTRAINT items_first_of_a_second CHECK (first_by IS NULL OR waits_second),
  ADD CONSTRAINT items_score_due_while_waiting CHECK (score_due_at IS NULL OR base_lane IS NOT NULL AND is_top_level);
UPDATE items SET score_due_at = 'epoch' WHERE base_lane IS NOT NULL AND is_top_level;
UPDATE items SET round_began_at = moved_at WHERE round > 1;
-- Its clock runs from there, and not from where a first word moved it: that would tell what was said.
CREATE OR REPLACE FUNCTION begin_round() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.round := OLD.round + 1;
  NEW.round_began_at := NEW.moved_at;
  RETURN NEW;
END $$;
ALTER TABLE items
  ADD COLUMN url_host text GENERATED ALWAYS AS ( -- of a normal form: no user stands before it
    substring(url FROM '^[a-z]+://(\[[0-9a-f:.]+\]|[^/:?#]+)')) STORED,
  -- Danger first, low last, then by score. Smaller comes first.
  ADD COLUMN queue_place smallint GENERATED ALWAYS AS (
    CASE WHEN danger THEN 100 WHEN is_low THEN 300 ELSE 200 END - score) STORED,
  ADD COLUMN second_place smallint GENERATED ALWAYS AS (
    CASE WHEN is_danger_reported THEN 100 WHEN is_low THEN 300 ELSE 200 END - blind_score) STORED;
-- What waits for a second assessor, for whoever did not judge it first: in its lane, or acted on already, or with a lead
-- for another picture of the page.
ALTER TABLE items
  ADD COLUMN is_in_second boolean GENERATED ALWAYS AS (
    is_top_level AND state <> 'received'
    AND (base_lane IS NOT DISTINCT FROM 'second' OR waits_second AND (base_lane IS NULL OR base_lane = 'lead'))) STORED;

DROP INDEX items_queue;
CREATE INDEX items_queue ON items (lane, queue_place, received_at, id) WHERE lane IS NOT NULL AND is_top_level;
CREATE INDEX items_second ON items (second_place, received_at, id) INCLUDE (first_by) WHERE is_in_second;
CREATE INDEX items_score_due ON items (score_due_at, id) WHERE score_due_at IS NOT NULL;

-- What is said of an item in other tables makes its score due. Rows are only added, and taken by the sweep: scoring makes
-- nobody wait. A report, an item's first hosting and a first or second word also write a column of the item, and wait for
-- who holds it.
CREATE TABLE score_dues (
  id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  item_id uuid NOT NULL
);

-- The items that show an image now, and the pages that show those.
CREATE FUNCTION items_around_image(wanted uuid) RETURNS SETOF uuid
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  WITH own AS (SELECT item_images.item_id FROM item_images JOIN items
               ON items.id = item_images.item_id AND items.capture_id = item_images.capture_id
               WHERE item_images.image_id = wanted)
  SELECT item_id FROM own UNION SELECT parent_id FROM shown_children JOIN own ON child_id = item_id
$$;

CREATE FUNCTION make_score_due() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.score_due_at := CASE WHEN NEW.base_lane IS NOT NULL AND NEW.is_top_level THEN 'epoch'::timestamptz END;
  RETURN NEW;
END $$;
CREATE TRIGGER items_score_due_new BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION make_score_due();
CREATE TRIGGER items_score_due_changed BEFORE UPDATE OF base_lane, reason, danger, is_top_level, capture_id ON items
  FOR EACH ROW WHEN ((NEW.base_lane, NEW.reason, NEW.danger, NEW.is_top_level, NEW.capture_id)
    IS DISTINCT FROM (OLD.base_lane, OLD.reason, OLD.danger, OLD.is_top_level, OLD.capture_id))
  EXECUTE FUNCTION make_score_due();

CREATE FUNCTION note_report_of_item() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE items SET report_count = report_count + 1,
    is_danger_reported = is_danger_reported OR reports.danger,
    note_flags = CASE WHEN reports.is_low OR reports.note_flags <@ items.note_flags THEN items.note_flags
      ELSE ARRAY(SELECT DISTINCT unnest(items.note_flags || reports.note_flags) ORDER BY 1) END
    FROM reports WHERE reports.id = NEW.report_id AND items.id = NEW.item_id;
  INSERT INTO score_dues (item_id) VALUES (NEW.item_id);
  RETURN NEW;
END $$;
CREATE TRIGGER report_items_make_due AFTER INSERT ON report_items
  FOR EACH ROW EXECUTE FUNCTION note_report_of_item();
UPDATE items SET report_count = said.reports, is_danger_reported = said.danger
  FROM (SELECT item_id, count(*) AS reports, bool_or(reports.danger) AS danger
        FROM report_items JOIN reports ON reports.id = report_id GROUP BY item_id) AS said
  WHERE said.item_id = items.id;

CREATE FUNCTION note_hosting() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO score_dues (item_id) VALUES (NEW.item_id);
  RETURN NEW;
END $$;
CREATE TRIGGER hostings_make_due AFTER INSERT ON hostings FOR EACH ROW EXECUTE FUNCTION note_hosting();

CREATE FUNCTION note_match() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO score_dues (item_id) SELECT items_around_image(NEW.image_id);
  RETURN NEW;
END $$;
CREATE TRIGGER matches_make_due AFTER INSERT ON matches FOR EACH ROW EXECUTE FUNCTION note_match();

-- Says of items whether they wait for a second assessor and who was the only first one. At the commit, when all is said;
-- each item is locked before it is read, so that of two who judge pictures of one page the later one sees both.
CREATE FUNCTION refresh_second(wanted uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE one uuid; firsts uuid[]; is_waiting boolean;
BEGIN
  FOR one IN SELECT id FROM items WHERE id = ANY(wanted) ORDER BY id FOR NO KEY UPDATE LOOP
    SELECT count(*) > 0, array_agg(DISTINCT person_id) INTO is_waiting, firsts FROM (
      SELECT assessments.person_id FROM (
        SELECT one AS item_id
        UNION SELECT child_id FROM shown_children JOIN items ON items.id = child_id
          WHERE parent_id = one AND items.closed_as IS DISTINCT FROM 'not_judged') AS family
      JOIN items AS shown ON shown.id = family.item_id AND shown.closed_as IS DISTINCT FROM 'not_judged'
      JOIN item_images ON item_images.item_id = shown.id AND item_images.capture_id = shown.capture_id
      JOIN images ON images.id = item_images.image_id AND images.state = 'judged_once'
      LEFT JOIN assessments ON assessments.image_id = images.id AND assessments.round = images.round
      UNION SELECT person_id FROM (
        SELECT one AS item_id UNION SELECT child_id FROM shown_children WHERE parent_id = one) AS waiting
      JOIN items ON items.id = waiting.item_id AND items.base_lane = 'second'
      JOIN assessments ON assessments.item_id = items.id AND assessments.round = items.round
    ) AS said;
    UPDATE items SET waits_second = is_waiting, first_by = CASE WHEN cardinality(firsts) = 1 THEN firsts[1] END
      WHERE id = one AND (waits_second, first_by)
        IS DISTINCT FROM (is_waiting, CASE WHEN cardinality(firsts) = 1 THEN firsts[1] END);
  END LOOP;
END $$;

CREATE FUNCTION note_image_state() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE around uuid[] := ARRAY(SELECT items_around_image(NEW.id));
BEGIN
  INSERT INTO score_dues (item_id) SELECT unnest(around);
  IF 'judged_once' IN (OLD.state, NEW.state) THEN
    PERFORM refresh_second(around);
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER images_tell_items AFTER UPDATE OF state ON images DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION note_image_state();

CREATE FUNCTION note_item_shows() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM refresh_second(ARRAY(SELECT NEW.id UNION SELECT parent_id FROM shown_children WHERE child_id = NEW.id));
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER items_tell_second AFTER UPDATE OF base_lane, capture_id, closed_as, round ON items
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN ((NEW.base_lane, NEW.capture_id, NEW.closed_as, NEW.round)
    IS DISTINCT FROM (OLD.base_lane, OLD.capture_id, OLD.closed_as, OLD.round)) EXECUTE FUNCTION note_item_shows();

-- What stands already.
SELECT refresh_second(ARRAY(SELECT around FROM images, items_around_image(images.id) AS around
  WHERE images.state = 'judged_once' UNION SELECT id FROM items WHERE base_lane = 'second'));

-- Who has an item open that nobody works on any more has it no longer. The holder who is just now acting on it keeps
-- the row locked: it runs out by itself.
CREATE FUNCTION end_leases_of_moved() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE item_leases SET ended_as = 'moved', ended_at = GREATEST(taken_at, CASE
    WHEN NEW.placed_at IS DISTINCT FROM OLD.placed_at THEN NEW.placed_at ELSE NEW.moved_at END) WHERE id IN (
    SELECT id FROM item_leases WHERE item_id = NEW.id AND ended_at IS NULL FOR NO KEY UPDATE SKIP LOCKED);
  RETURN NULL;
END $$;
CREATE TRIGGER items_end_leases AFTER UPDATE OF base_lane ON items
  FOR EACH ROW WHEN (OLD.base_lane IS NOT NULL AND OLD.base_lane IS DISTINCT FROM NEW.base_lane
    AND (NEW.base_lane IS NULL OR NEW.base_lane IN ('second', 'lead', 'hand_on')))
  EXECUTE FUNCTION end_leases_of_moved();

-- Who may touch what.
REVOKE ALL ON item_leases, score_dues FROM PUBLIC;
REVOKE ALL ON FUNCTION check_lease(), items_around_image(uuid), make_score_due(), note_report_of_item(), note_hosting(),
  note_match(), refresh_second(uuid[]), note_image_state(), note_item_shows(), end_leases_of_moved(),
  is_live_lease(timestamptz, timestamptz, timestamptz), open_things(uuid, uuid) FROM PUBLIC;

-- hotline_staff: opens, keeps, leaves; a lead frees. The scores are not its to write.
GRANT EXECUTE ON FUNCTION is_live_lease(timestamptz, timestamptz, timestamptz), open_things(uuid, uuid) TO hotline_staff;
GRANT SELECT, INSERT, UPDATE (kept_at, until, ended_at, ended_as) ON item_leases TO hotline_staff;
GRANT UPDATE (placed_at) ON items TO hotline_staff;
GRANT SELECT ON score_dues TO hotline_staff;

-- hotline_worker: the sweep scores. It reads no report and no assessment for it.
GRANT SELECT, DELETE ON score_dues TO hotline_worker;
GRANT UPDATE (score, blind_score, score_parts, score_due_at, has_known, host_country, placed_at) ON items TO hotline_worker;
