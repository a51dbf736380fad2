-- Search of items, the pages of messages, and questions about one file.

-- Each way to search walks an index and stops after a page. A host stands in it from its end, so that all hosts below
-- one, or below an ending such as .al, lie side by side.
CREATE INDEX items_by_time ON items (received_at, id);
CREATE INDEX items_by_state ON items (state, received_at, id);
CREATE INDEX items_by_lane ON items (lane, received_at, id) WHERE lane IS NOT NULL;
CREATE INDEX items_by_host_end ON items ((reverse(url_host) || '.') COLLATE "C", received_at, id)
  INCLUDE (url_host) WHERE url_host IS NOT NULL; -- with it, whoever counts need not visit the rows
CREATE INDEX hostings_by_asn ON hostings (asn, item_id) WHERE asn IS NOT NULL;
CREATE INDEX hostings_by_operator ON hostings (lower(operator) COLLATE "C", item_id) INCLUDE (operator) WHERE operator IS NOT NULL;

-- Whether an item was ever located: who searches by operator need not walk through all that was not.
ALTER TABLE items ADD COLUMN is_located boolean NOT NULL DEFAULT false;
UPDATE items SET is_located = true WHERE id IN (SELECT item_id FROM hostings);
CREATE INDEX items_by_time_located ON items (received_at, id) WHERE is_located;
CREATE FUNCTION note_located() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE items SET is_located = true WHERE id = NEW.item_id AND NOT is_located;
  RETURN NEW;
END $$;
CREATE TRIGGER hostings_locate AFTER INSERT ON hostings FOR EACH ROW EXECUTE FUNCTION note_located();

-- Messages of a state in their order, all of them or of one host.
CREATE INDEX sendings_by_state ON sendings (state, (NOT is_urgent), created_at, id);
CREATE INDEX sendings_by_host ON sendings (host, state, (NOT is_urgent), created_at, id);

-- One file that a person asks about: is it listed? It is sealed to the intake key, a worker compares and deletes it.
-- Rows live for minutes; what stays is that somebody asked, in the chain of custody.
CREATE TABLE file_questions (
  id          uuid PRIMARY KEY,
  person_id   uuid NOT NULL REFERENCES persons,
  object_name text NOT NULL UNIQUE CHECK (object_name ~ '^[0-9a-f]{40}$'),
  bytes       bigint NOT NULL CHECK (bytes > 0),
  asked_at    timestamptz NOT NULL,
  expires_at  timestamptz NOT NULL CHECK (expires_at > asked_at), -- no worker takes it any more, and it is forgotten
  nudged_at   timestamptz,
  tries       integer NOT NULL DEFAULT 0 CHECK (tries BETWEEN 0 AND 2),
  lease_until timestamptz,
  answered_at timestamptz,
  outcome     text CHECK (outcome IN ('compared', 'failed')),
  reason      text CHECK (length(reason) <= 500), -- why it could not be compared, or not read as a picture
  generation  bigint CHECK (generation >= 0),     -- of the lists that were searched
  compared    integer CHECK (compared >= 0),      -- fingerprints that were
  told_at     timestamptz CHECK (told_at >= answered_at),
  CHECK ((answered_at IS NULL) = (outcome IS NULL)),
  CHECK ((outcome = 'compared') = (generation IS NOT NULL)),
  CHECK ((generation IS NULL) = (compared IS NULL)),
  CHECK (outcome <> 'failed' OR reason IS NOT NULL),
  CHECK ((tries > 0) = (lease_until IS NOT NULL))
);
CREATE INDEX file_questions_due ON file_questions (asked_at, id) WHERE answered_at IS NULL;
CREATE INDEX file_questions_old ON file_questions (expires_at, id);

-- What it lies on or near to: the entry, by which kind of hash, how far. Never the hash.
CREATE TABLE file_question_hits (
  question_id uuid NOT NULL REFERENCES file_questions ON DELETE CASCADE,
  entry_id    uuid NOT NULL REFERENCES hash_entries,
  algorithm   text NOT NULL CHECK (algorithm IN ('md5', 'sha1', 'sha256', 'pdq', 'phash')),
  distance    smallint NOT NULL CHECK (distance BETWEEN 0 AND 256),
  band        text NOT NULL CHECK (band IN ('exact', 'strong', 'review', 'hint')),
  PRIMARY KEY (question_id, entry_id, algorithm)
);

-- The staff surface has no address of the queue: the sweep listens for its rows.
CREATE FUNCTION tell_file_question() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('hotline_due', 'file_question');
  RETURN NULL;
END $$;
CREATE TRIGGER file_questions_tell AFTER INSERT ON file_questions
  FOR EACH ROW EXECUTE FUNCTION tell_file_question();

REVOKE ALL ON file_questions, file_question_hits FROM PUBLIC;
REVOKE ALL ON FUNCTION note_located(), tell_file_question() FROM PUBLIC;

-- hotline_staff: asks, and reads the answer.
GRANT SELECT ON file_questions, file_question_hits TO hotline_staff;
GRANT INSERT (id, person_id, object_name, bytes, asked_at, expires_at) ON file_questions TO hotline_staff;
GRANT UPDATE (told_at) ON file_questions TO hotline_staff;
GRANT INSERT (id, bytes), DELETE ON upload_holds TO hotline_staff; -- room on the disk for a file that comes in

-- hotline_worker: answers, and forgets. Who asked is none of its business.
GRANT SELECT (id, object_name, bytes, asked_at, expires_at, nudged_at, tries, lease_until, answered_at, told_at)
      ON file_questions TO hotline_worker;
GRANT UPDATE (nudged_at, tries, lease_until, answered_at, outcome, reason, generation, compared) ON file_questions
      TO hotline_worker;
GRANT DELETE ON file_questions TO hotline_worker;
GRANT INSERT ON file_question_hits TO hotline_worker;
