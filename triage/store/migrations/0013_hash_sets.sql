-- Hash sets as lists that change: who may have them, what was disputed or contested, which state an entry is of,
-- what waits for a person, and which past decisions leaned on what has gone.

ALTER TABLE hash_sets
  ADD COLUMN scheme      text NOT NULL DEFAULT '' CHECK (length(scheme) <= 200), -- the provider's own scale
  ADD COLUMN sharing     text NOT NULL DEFAULT 'nobody' CHECK (sharing IN ('nobody', 'partners')), -- may our feed hold it
  ADD COLUMN is_negative boolean NOT NULL DEFAULT false, -- a list of harmless files: it silences, it never alerts
  ADD COLUMN synced_at   timestamptz; -- when its provider's word was last taken in, changed or not

ALTER TABLE hash_entries
  ADD COLUMN generation   bigint NOT NULL DEFAULT 0 CHECK (generation >= 0), -- of the lists, at its last change
  ADD COLUMN revised_at   timestamptz, -- when its provider last changed it, as the list says
  ADD COLUMN is_contested boolean NOT NULL DEFAULT false, -- lists contradict each other on its bytes: advisory at most
  ADD COLUMN disputed_at  timestamptz; -- by our own people: silent at once, until they take it back
UPDATE hash_entries SET generation = (SELECT generation FROM hash_generation);
-- A third of the time of an import went into looking up each hash's entry once more: the import inserts hashes by a
-- join on the entries, no role may delete an entry, and an invariant looks for hashes without one.
ALTER TABLE hash_entry_fingerprints DROP CONSTRAINT hash_entry_fingerprints_entry_id_fkey;

-- What tells a generation from another one of the same number, when an older backup of the database goes another way.
CREATE TABLE hash_generation_marks (
  generation bigint PRIMARY KEY CHECK (generation >= 0),
  mark       uuid NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO hash_generation_marks (generation) SELECT generation FROM hash_generation;
CREATE INDEX hash_entries_by_generation ON hash_entries (generation, id);
CREATE INDEX hash_entries_contested ON hash_entries (id) WHERE is_contested;

-- What an index holds: entries that are neither withdrawn nor disputed.
CREATE VIEW live_hash_entries AS
  SELECT id, set_id, source_key, class, raw_scheme, raw_value, is_contested, generation
  FROM hash_entries WHERE withdrawn_at IS NULL AND disputed_at IS NULL;

-- Who disputed which entry, who took it back, and why: the history, oldest first.
CREATE TABLE hash_disputes (
  id        uuid PRIMARY KEY,
  entry_id  uuid NOT NULL REFERENCES hash_entries,
  step      text NOT NULL CHECK (step IN ('disputed', 'undone')),
  person_id uuid NOT NULL REFERENCES persons,
  reason    text NOT NULL CHECK (btrim(reason) <> '' AND length(reason) <= 2000),
  at        timestamptz NOT NULL
);
CREATE INDEX hash_disputes_by_entry ON hash_disputes (entry_id, at, id);

-- Hashes that say nothing, beside those that the rule of blank pictures finds: no list brings them in.
CREATE TABLE denied_hashes (
  algorithm text NOT NULL CHECK (algorithm IN ('md5', 'sha1', 'sha256', 'pdq', 'phash')),
  value     bytea NOT NULL,
  reason    text NOT NULL CHECK (btrim(reason) <> '' AND length(reason) <= 2000),
  person_id uuid NOT NULL REFERENCES persons,
  at        timestamptz NOT NULL,
  PRIMARY KEY (algorithm, value)
);

-- Each list that was handed in: taken, refused whole, or waiting for a lead because it changes too much.
CREATE TABLE hash_imports (
  id            uuid PRIMARY KEY,
  set_id        uuid NOT NULL REFERENCES hash_sets,
  format        text NOT NULL CHECK (format <> '' AND length(format) <= 40),
  file_sha256   bytea CHECK (octet_length(file_sha256) = 32), -- none for entries that came from no file
  is_snapshot   boolean NOT NULL,
  state         text NOT NULL CHECK (state IN ('waiting', 'applied', 'refused')),
  live          integer NOT NULL, -- entries that were live before
  added         integer NOT NULL,
  changed       integer NOT NULL,
  flipped       integer NOT NULL, -- into another class, or without a hash; of another set, contested
  withdrawn     integer NOT NULL,
  bad_rows      integer NOT NULL,
  actor         text NOT NULL,
  at            timestamptz NOT NULL,
  decided_by    uuid REFERENCES persons,
  decided_at    timestamptz,
  reason        text CHECK (length(reason) <= 2000),
  CHECK ((decided_by IS NULL) = (decided_at IS NULL)),
  CHECK (decided_by IS NULL OR state = 'applied' AND btrim(reason) <> ''),
  CHECK (state <> 'waiting' OR file_sha256 IS NOT NULL)
);
CREATE INDEX hash_imports_by_set ON hash_imports (set_id, at);
CREATE UNIQUE INDEX hash_imports_one_waits ON hash_imports (set_id) WHERE state = 'waiting';

-- Rows that could not be used: where and why, never what they hold.
CREATE TABLE hash_import_bad_rows (
  import_id uuid NOT NULL REFERENCES hash_imports,
  place     integer NOT NULL CHECK (place >= 1), -- in the order in which they were found
  line      bigint NOT NULL,
  reason    text NOT NULL CHECK (reason <> '' AND length(reason) <= 500),
  PRIMARY KEY (import_id, place)
);

-- Past decisions on a picture that leaned on an entry which has gone or lost its weight. Those without a look are
-- reopened at once; those with a look stand, and a person goes through them.
CREATE TABLE hash_recalls (
  id          uuid PRIMARY KEY,
  entry_id    uuid NOT NULL REFERENCES hash_entries,
  image_id    uuid NOT NULL REFERENCES images,
  cause       text NOT NULL CHECK (cause IN ('withdrawn', 'disputed', 'contested', 'changed')),
  verdict     national_verdict NOT NULL,
  basis       text,
  is_reopened boolean NOT NULL,
  at          timestamptz NOT NULL,
  done_at     timestamptz,
  done_by     uuid REFERENCES persons, -- nobody, where the entry came back by itself
  CHECK (done_by IS NULL OR done_at IS NOT NULL)
);
CREATE UNIQUE INDEX hash_recalls_one_open ON hash_recalls (entry_id, image_id) WHERE done_at IS NULL;
CREATE INDEX hash_recalls_by_image ON hash_recalls (image_id);

-- Matches of today's lists: the entry is neither withdrawn nor disputed, and still carries the digest.
-- This is where "known by a list" is said, once: an exact digest, in a class that may alert, that two persons trust
-- and no other list contradicts.
-- is_silenced: a list of harmless files has these very bytes, or this frame within 10 bits and no farther than the
-- other list has it. Exact hits are never silenced.
CREATE VIEW present_matches AS
  SELECT matches.image_id, matches.entry_id, matches.kind, matches.distance, matches.matched_at,
         matches.kind = 'exact' AND hash_entries.class IN ('baseline', 'national_illegal')
         AND NOT hash_entries.is_contested AND NOT hash_sets.is_negative
         AND EXISTS (SELECT FROM hash_set_trusts WHERE hash_set_trusts.set_id = hash_entries.set_id
                     AND hash_set_trusts.class = hash_entries.class AND step = 'confirmed') AS is_trusted,
         hash_entries.is_contested,
         hash_sets.is_negative,
         matches.kind = 'near' AND NOT hash_sets.is_negative AND EXISTS (
           SELECT FROM matches AS harmless
           JOIN hash_entries AS owned ON owned.id = harmless.entry_id
             AND owned.withdrawn_at IS NULL AND owned.disputed_at IS NULL AND NOT owned.is_contested
           JOIN hash_sets AS negative ON negative.id = owned.set_id AND negative.is_negative
           JOIN fingerprints AS seen ON seen.id = harmless.fingerprint_id
           JOIN fingerprints AS own ON own.id = matches.fingerprint_id
           WHERE harmless.image_id = matches.image_id AND (
             harmless.kind = 'exact' AND EXISTS (
               SELECT FROM hash_entry_fingerprints AS carried WHERE carried.entry_id = owned.id
               AND carried.algorithm = seen.algorithm AND carried.value = seen.value)
             OR harmless.kind = 'near' AND seen.algorithm = 'pdq' AND seen.frame = own.frame AND harmless.distance <= 10
             AND (own.algorithm <> 'pdq' OR harmless.distance <= matches.distance))) AS is_silenced
  FROM matches
  JOIN hash_entries ON hash_entries.id = matches.entry_id
    AND hash_entries.withdrawn_at IS NULL AND hash_entries.disputed_at IS NULL
  JOIN hash_sets ON hash_sets.id = hash_entries.set_id
  WHERE matches.kind = 'near' OR EXISTS (
    SELECT FROM fingerprints JOIN hash_entry_fingerprints
      ON hash_entry_fingerprints.algorithm = fingerprints.algorithm AND hash_entry_fingerprints.value = fingerprints.value
    WHERE fingerprints.id = matches.fingerprint_id AND hash_entry_fingerprints.entry_id = matches.entry_id);

-- Matches that count now. A list of harmless files never speaks here.
CREATE OR REPLACE VIEW live_matches AS
  SELECT image_id, entry_id, kind, distance, matched_at, is_trusted
  FROM present_matches WHERE NOT is_negative AND NOT is_silenced;

GRANT SELECT ON live_hash_entries, present_matches, hash_generation_marks TO hotline_staff, hotline_worker;
GRANT INSERT ON hash_generation_marks TO hotline_staff;
GRANT SELECT ON hash_disputes, denied_hashes, hash_imports, hash_import_bad_rows, hash_recalls TO hotline_staff;
GRANT INSERT ON hash_disputes, denied_hashes, hash_imports, hash_import_bad_rows, hash_recalls TO hotline_staff;
GRANT UPDATE (state, reason, decided_by, decided_at) ON hash_imports TO hotline_staff;
GRANT UPDATE (done_at, done_by) ON hash_recalls TO hotline_staff;

-- Retro-match, and questions by machines.

-- One row: pictures of before are matched against what came since, as work that can be due.
CREATE TABLE rematching (
  single    boolean PRIMARY KEY DEFAULT true CHECK (single),
  id        uuid NOT NULL DEFAULT gen_random_uuid(),
  nudged_at timestamptz
);
INSERT INTO rematching DEFAULT VALUES;

-- Takes a verdict that is not "illegal" off a picture that a list matched after it was settled, or that a trusted
-- entry of it came back to or changed for since: it is judged anew.
-- The worker may do just this to a verdict, and never says one.
CREATE FUNCTION reopen_matched_image(wanted uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE images SET state = 'unjudged', verdict = NULL, verdict_baseline = NULL, verdict_basis = NULL,
                    settled_at = NULL, round = round + 1
  WHERE id = wanted AND state = 'settled' AND verdict <> 'illegal'
    AND EXISTS (SELECT FROM live_matches JOIN hash_entries ON hash_entries.id = entry_id WHERE image_id = wanted
                AND (matched_at > images.settled_at OR is_trusted AND hash_entries.changed_at > images.settled_at));
  RETURN FOUND;
END $$;

-- What a token has asked in the minute and on the day of its last question, in hashes.
CREATE TABLE match_quotas (
  token_id  uuid PRIMARY KEY REFERENCES api_tokens,
  minute    timestamptz NOT NULL,
  in_minute integer NOT NULL CHECK (in_minute >= 0),
  day       date NOT NULL,
  in_day    integer NOT NULL CHECK (in_day >= 0)
);

-- Every question of a machine: who, when, how many hashes and how many hits. Never which.
CREATE TABLE match_questions (
  id       uuid PRIMARY KEY,
  token_id uuid NOT NULL REFERENCES api_tokens,
  asked_at timestamptz NOT NULL,
  hashes   integer NOT NULL CHECK (hashes >= 0),
  hits     integer NOT NULL CHECK (hits >= 0)
);
CREATE INDEX match_questions_old ON match_questions (asked_at);

-- Forgets questions of more than 400 days ago, and no others: who asked is for the auditor, not for a worker to erase.
CREATE FUNCTION purge_match_questions() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE purged bigint;
BEGIN
  DELETE FROM match_questions WHERE asked_at < now() - interval '400 days';
  GET DIAGNOSTICS purged = ROW_COUNT;
  RETURN purged;
END $$;
REVOKE ALL ON FUNCTION purge_match_questions() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION purge_match_questions() TO hotline_worker;

REVOKE ALL ON FUNCTION reopen_matched_image(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION reopen_matched_image(uuid) TO hotline_worker;
GRANT SELECT ON rematching, match_quotas, match_questions TO hotline_staff;
GRANT SELECT, UPDATE (nudged_at) ON rematching TO hotline_worker;
GRANT INSERT ON match_quotas, match_questions TO hotline_staff;
GRANT UPDATE (minute, in_minute, day, in_day) ON match_quotas TO hotline_staff;


-- Our own feed of a set, as it left (out) or was taken in (in): the chain of manifests that the next one follows.
CREATE TABLE hash_feeds (
  set_id          uuid NOT NULL REFERENCES hash_sets,
  direction       text NOT NULL CHECK (direction IN ('out', 'in')),
  seq             bigint NOT NULL CHECK (seq >= 1),
  feed            text NOT NULL CHECK (feed <> '' AND length(feed) <= 127),
  kind            text NOT NULL CHECK (kind IN ('snapshot', 'delta')),
  manifest_sha256 bytea NOT NULL CHECK (octet_length(manifest_sha256) = 32),
  generation      bigint NOT NULL CHECK (generation >= 0), -- of the publisher's lists
  records         bigint NOT NULL CHECK (records >= 0),
  live_total      bigint NOT NULL CHECK (live_total >= 0),
  at              timestamptz NOT NULL,
  expires_at      timestamptz NOT NULL CHECK (expires_at > at OR direction = 'in'),
  PRIMARY KEY (set_id, direction, seq)
);

-- What our feed may hold: live entries of sets that partners may have, that nobody disputes and no list contradicts.
CREATE VIEW shareable_hash_entries AS
  SELECT hash_entries.id, hash_entries.set_id
  FROM hash_entries JOIN hash_sets ON hash_sets.id = hash_entries.set_id
  WHERE hash_sets.sharing = 'partners' AND withdrawn_at IS NULL AND disputed_at IS NULL
  AND NOT is_contested AND class <> 'contested'
  AND EXISTS (SELECT FROM hash_entry_fingerprints WHERE entry_id = hash_entries.id);

GRANT SELECT ON hash_feeds, shareable_hash_entries TO hotline_staff;
GRANT INSERT ON hash_feeds TO hotline_staff;
