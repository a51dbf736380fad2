-- What came in, what is to be judged, and each attempt to fetch it.

CREATE TYPE remit AS ENUM ('csam', 'csem', 'hate_speech', 'other');
CREATE TYPE item_kind AS ENUM ('url', 'upload', 'text');
CREATE TYPE item_state AS ENUM (
  'received', 'awaiting_hand_on', 'awaiting_assessment', 'awaiting_lead', 'held_for_police',
  'awaiting_hosting', 'actionable', 'notified', 'closed');
CREATE TYPE closed_as AS ENUM (
  'handed_on', 'same_as_before', 'not_actionable', 'removed', 'removed_before_notice', 'not_judged');
CREATE TYPE lane AS ENUM ('danger', 'look', 'no_look', 'second', 'lead', 'hand_on', 'partner');
CREATE TYPE capture_outcome AS ENUM ('captured', 'refused', 'failed', 'gave_up', 'abandoned');

CREATE TABLE reports (
  id              uuid PRIMARY KEY,
  reference       text NOT NULL UNIQUE,
  channel         text NOT NULL CHECK (channel IN ('public', 'api', 'cli', 'partner')),
  token_id        uuid REFERENCES api_tokens,
  remit           remit NOT NULL,
  danger          boolean NOT NULL,
  note            text NOT NULL CHECK (length(note) <= 20000),
  receipt_hmac    bytea NOT NULL UNIQUE CHECK (octet_length(receipt_hmac) = 32),
  idempotency_key text CHECK (length(idempotency_key) BETWEEN 1 AND 200),
  body_digest     bytea CHECK (octet_length(body_digest) = 32),
  received_at     timestamptz NOT NULL,
  CHECK ((channel = 'api') = (token_id IS NOT NULL)),
  CHECK ((idempotency_key IS NULL) = (body_digest IS NULL)),
  CHECK (idempotency_key IS NULL OR token_id IS NOT NULL)
);
CREATE UNIQUE INDEX reports_idempotency ON reports (token_id, idempotency_key) WHERE idempotency_key IS NOT NULL;

-- Lines that could not be read as a web address; kept for the analyst, never fetched.
CREATE TABLE report_unreadable_lines (
  report_id uuid NOT NULL REFERENCES reports,
  line      integer NOT NULL CHECK (line >= 1),
  text      text NOT NULL CHECK (length(text) <= 4096),
  reason    text NOT NULL,
  PRIMARY KEY (report_id, line)
);

CREATE TABLE items (
  id            uuid PRIMARY KEY,
  reference     text NOT NULL UNIQUE,
  kind          item_kind NOT NULL,
  state         item_state NOT NULL,
  remit         remit NOT NULL,
  url           text CHECK (length(url) <= 2048),
  url_key       bytea UNIQUE CHECK (octet_length(url_key) = 32),
  file_name     text CHECK (length(file_name) <= 255),
  is_top_level  boolean NOT NULL,
  danger        boolean NOT NULL DEFAULT false,
  base_lane     lane CHECK (base_lane <> 'danger'),
  lane          lane GENERATED ALWAYS AS (
                  CASE WHEN danger AND base_lane IN ('look', 'no_look', 'hand_on') THEN 'danger'::lane ELSE base_lane END) STORED,
  reason        text,
  closed_as     closed_as,
  received_at   timestamptz NOT NULL,
  moved_at      timestamptz NOT NULL,
  captured_at   timestamptz,
  capture_id    uuid, -- its last successful capture: what it shows now
  tries         integer NOT NULL DEFAULT 0 CHECK (tries >= 0),
  next_try_at   timestamptz,
  nudged_at     timestamptz,
  CHECK ((kind = 'url') = (url IS NOT NULL)),
  CHECK ((captured_at IS NULL) = (capture_id IS NULL)),
  CHECK (url_key IS NOT DISTINCT FROM sha256(convert_to(url, 'UTF8'))),
  CHECK (kind <> 'text' OR state <> 'received'),
  CHECK ((state IN ('awaiting_assessment', 'awaiting_lead', 'awaiting_hand_on')) = (base_lane IS NOT NULL)),
  CHECK ((base_lane IS NULL) = (reason IS NULL)),
  CHECK ((state = 'awaiting_hand_on') = (base_lane IS NOT DISTINCT FROM 'hand_on')),
  CHECK ((state = 'awaiting_lead') = (base_lane IS NOT DISTINCT FROM 'lead')),
  CHECK ((state = 'closed') = (closed_as IS NOT NULL)),
  CHECK ((state = 'received') = (next_try_at IS NOT NULL))
);
CREATE INDEX items_due ON items (next_try_at, id) WHERE state = 'received';
CREATE INDEX items_queue ON items (lane, received_at, id) WHERE lane IS NOT NULL AND is_top_level;

CREATE TABLE report_items (
  report_id uuid NOT NULL REFERENCES reports,
  item_id   uuid NOT NULL REFERENCES items,
  line      integer NOT NULL CHECK (line >= 0),
  PRIMARY KEY (report_id, item_id)
);
CREATE INDEX report_items_by_item ON report_items (item_id);

-- Uploads, sealed to the intake key as they arrived; consumed by their capture, then deleted.
CREATE TABLE intake_objects (
  name        text PRIMARY KEY,
  item_id     uuid NOT NULL REFERENCES items,
  bytes       bigint NOT NULL CHECK (bytes >= 0),
  created_at  timestamptz NOT NULL,
  consumed_at timestamptz,
  deleted_at  timestamptz,
  CHECK (deleted_at IS NULL OR consumed_at IS NOT NULL)
);
CREATE INDEX intake_objects_by_item ON intake_objects (item_id);

-- One attempt each; a row without an end is a lease. At most one per item.
CREATE TABLE captures (
  id           uuid PRIMARY KEY,
  item_id      uuid NOT NULL REFERENCES items,
  worker       text NOT NULL,
  started_at   timestamptz NOT NULL,
  lease_until  timestamptz NOT NULL CHECK (lease_until > started_at),
  ended_at     timestamptz,
  outcome      capture_outcome,
  reason       text,
  final_url    text,
  status       integer CHECK (status BETWEEN 100 AND 599),
  hops         jsonb,
  content_type text,
  bytes        bigint CHECK (bytes >= 0),
  sha256       bytea CHECK (octet_length(sha256) = 32),
  elapsed_ms   integer CHECK (elapsed_ms >= 0),
  CHECK ((ended_at IS NULL) = (outcome IS NULL)),
  CHECK ((outcome IN ('refused', 'failed', 'gave_up')) <= (reason IS NOT NULL)),
  CHECK ((outcome = 'captured') <= (sha256 IS NOT NULL AND bytes IS NOT NULL))
);
CREATE UNIQUE INDEX captures_one_lease ON captures (item_id) WHERE ended_at IS NULL;
CREATE INDEX captures_by_item ON captures (item_id, started_at);
CREATE INDEX captures_open ON captures (lease_until) WHERE ended_at IS NULL;

ALTER TABLE items ADD FOREIGN KEY (capture_id) REFERENCES captures;

-- The pictures of a page, each with the page's last capture that showed it. A picture on two pages is one item
-- with two parents.
CREATE TABLE item_children (
  parent_id  uuid NOT NULL REFERENCES items,
  child_id   uuid NOT NULL REFERENCES items,
  capture_id uuid NOT NULL REFERENCES captures,
  place      integer NOT NULL CHECK (place >= 0),
  PRIMARY KEY (parent_id, child_id),
  CHECK (parent_id <> child_id)
);
CREATE INDEX item_children_by_child ON item_children (child_id);

-- The pictures that a page shows now.
CREATE VIEW shown_children AS
  SELECT item_children.parent_id, item_children.child_id, item_children.place
  FROM item_children JOIN items
    ON items.id = item_children.parent_id AND items.capture_id = item_children.capture_id;

-- An ended capture is a record; only a lease may be changed.
CREATE TRIGGER captures_ended_are_fixed BEFORE UPDATE ON captures
  FOR EACH ROW WHEN (OLD.ended_at IS NOT NULL) EXECUTE FUNCTION refuse_change();

-- The public surface has no address of the queue: the sweep listens for its rows.
CREATE FUNCTION tell_due() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('hotline_due', NEW.state::text);
  RETURN NEW;
END $$;
CREATE TRIGGER items_tell_insert AFTER INSERT ON items
  FOR EACH ROW WHEN (NEW.state = 'received') EXECUTE FUNCTION tell_due();
CREATE TRIGGER items_tell_update AFTER UPDATE OF state ON items
  FOR EACH ROW WHEN (NEW.state = 'received' AND OLD.state <> 'received') EXECUTE FUNCTION tell_due();

-- What the public role may change of an item: report it again, or say that a child is in danger.
CREATE FUNCTION limit_public_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_user = 'hotline_public' THEN
    IF TG_OP = 'INSERT' THEN
      IF NEW.state NOT IN ('received', 'awaiting_hand_on') AND NOT (NEW.kind = 'text' AND NEW.state = 'awaiting_assessment')
         OR NEW.tries <> 0 OR NEW.nudged_at IS NOT NULL OR NEW.capture_id IS NOT NULL OR NOT NEW.is_top_level
         OR NEW.next_try_at > now() + interval '1 hour' THEN
        RAISE EXCEPTION 'the public surface only receives' USING ERRCODE = 'insufficient_privilege';
      END IF;
    ELSIF NEW.state <> OLD.state AND (
         (OLD.state, NEW.state) NOT IN (('closed', 'received'), ('awaiting_hand_on', 'received'))
         OR NEW.remit NOT IN ('csam', 'csem') OR NEW.tries <> 0 OR NEW.nudged_at IS NOT NULL
         OR NEW.next_try_at > now() + interval '1 hour')
       OR NEW.state = OLD.state AND
         (NEW.remit, NEW.base_lane, NEW.reason, NEW.closed_as, NEW.moved_at, NEW.tries, NEW.next_try_at, NEW.nudged_at)
         IS DISTINCT FROM
         (OLD.remit, OLD.base_lane, OLD.reason, OLD.closed_as, OLD.moved_at, OLD.tries, OLD.next_try_at, OLD.nudged_at)
       OR OLD.danger AND NOT NEW.danger
       OR OLD.is_top_level AND NOT NEW.is_top_level THEN
      RAISE EXCEPTION 'the public surface only receives' USING ERRCODE = 'insufficient_privilege';
    END IF;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER items_public_moves BEFORE INSERT OR UPDATE ON items
  FOR EACH ROW EXECUTE FUNCTION limit_public_moves();
