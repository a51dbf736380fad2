-- Distinct files, what was computed of them, what they matched, and what people said.

CREATE TYPE image_state AS ENUM ('unjudged', 'judged_once', 'disputed', 'settled');
CREATE TYPE image_media AS ENUM ('picture', 'video', 'archive', 'other');
CREATE TYPE national_verdict AS ENUM ('illegal', 'not_illegal', 'out_of_scope', 'doubtful');

CREATE TABLE images (
  id               uuid PRIMARY KEY,
  sha256           bytea NOT NULL UNIQUE CHECK (octet_length(sha256) = 32),
  state            image_state NOT NULL DEFAULT 'unjudged',
  media            image_media NOT NULL,
  can_be_shown     boolean NOT NULL,
  is_undecided     boolean NOT NULL DEFAULT false, -- decoding took too much; the next capture decodes again
  finding          text,
  bytes            bigint NOT NULL CHECK (bytes >= 0),
  format           text,
  width            integer CHECK (width > 0),
  height           integer CHECK (height > 0),
  frames           integer CHECK (frames > 0),
  verdict          national_verdict,
  verdict_baseline boolean,
  settled_at       timestamptz,
  first_seen_at    timestamptz NOT NULL,
  CHECK ((state = 'settled') = (verdict IS NOT NULL)),
  CHECK ((state = 'settled') = (settled_at IS NOT NULL)),
  CHECK (NOT (is_undecided AND can_be_shown)),
  CHECK (verdict_baseline IS NOT TRUE OR verdict = 'illegal'),
  CHECK (NOT can_be_shown OR (media = 'picture' AND width IS NOT NULL AND height IS NOT NULL AND frames IS NOT NULL))
);
CREATE INDEX images_settled ON images (settled_at) WHERE settled_at IS NOT NULL;

CREATE TABLE item_images (
  item_id    uuid NOT NULL REFERENCES items,
  image_id   uuid NOT NULL REFERENCES images,
  capture_id uuid NOT NULL REFERENCES captures,
  PRIMARY KEY (item_id, image_id)
);
CREATE INDEX item_images_by_image ON item_images (image_id);

CREATE TABLE fingerprints (
  id                 uuid PRIMARY KEY,
  image_id           uuid NOT NULL REFERENCES images,
  algorithm          text NOT NULL CHECK (algorithm IN ('md5', 'sha1', 'sha256', 'pdq', 'phash')),
  version            smallint NOT NULL CHECK (version >= 1),
  frame              smallint NOT NULL CHECK (frame >= 0),
  orientation        text NOT NULL,
  value              bytea NOT NULL,
  quality            smallint CHECK (quality BETWEEN 0 AND 100),
  matched_generation bigint NOT NULL CHECK (matched_generation >= 0),
  CHECK (octet_length(value) = CASE algorithm WHEN 'md5' THEN 16 WHEN 'sha1' THEN 20 WHEN 'phash' THEN 8 ELSE 32 END),
  CHECK ((algorithm = 'pdq') = (quality IS NOT NULL)),
  UNIQUE (image_id, algorithm, version, frame, orientation)
);
CREATE INDEX fingerprints_behind ON fingerprints (matched_generation, id);

CREATE TABLE matches (
  id             uuid PRIMARY KEY,
  fingerprint_id uuid NOT NULL REFERENCES fingerprints,
  image_id       uuid NOT NULL REFERENCES images,
  entry_id       uuid NOT NULL REFERENCES hash_entries,
  kind           text NOT NULL CHECK (kind IN ('exact', 'near')),
  distance       smallint NOT NULL CHECK (distance BETWEEN 0 AND 256),
  class          text NOT NULL,
  is_trusted     boolean NOT NULL,
  generation     bigint NOT NULL,
  matched_at     timestamptz NOT NULL,
  UNIQUE (fingerprint_id, entry_id),
  CHECK (kind = 'near' OR distance = 0)
);
CREATE INDEX matches_by_image ON matches (image_id);
CREATE INDEX matches_by_entry ON matches (entry_id);

-- Matches that count now, read with today's lists and trust. This is where "known by a list" is said, once:
-- an exact digest that the entry still carries, in a class that may alert and that two persons trust.
CREATE VIEW live_matches AS
  SELECT matches.image_id, matches.entry_id, matches.kind, matches.distance, matches.matched_at,
         matches.kind = 'exact' AND hash_entries.class IN ('baseline', 'national_illegal')
         AND EXISTS (SELECT FROM hash_set_trusts WHERE hash_set_trusts.set_id = hash_entries.set_id
                     AND hash_set_trusts.class = hash_entries.class AND step = 'confirmed') AS is_trusted
  FROM matches
  JOIN hash_entries ON hash_entries.id = matches.entry_id AND hash_entries.withdrawn_at IS NULL
  WHERE matches.kind = 'near' OR EXISTS (
    SELECT FROM fingerprints JOIN hash_entry_fingerprints
      ON hash_entry_fingerprints.algorithm = fingerprints.algorithm AND hash_entry_fingerprints.value = fingerprints.value
    WHERE fingerprints.id = matches.fingerprint_id AND hash_entry_fingerprints.entry_id = matches.entry_id);

-- What an item shows now, and whether each image of it is known.
CREATE VIEW shown_images AS
  SELECT item_images.item_id, item_images.image_id,
         images.verdict IS NOT DISTINCT FROM 'illegal' OR EXISTS (
           SELECT FROM live_matches WHERE live_matches.image_id = item_images.image_id AND is_trusted) AS is_known
  FROM item_images
  JOIN items ON items.id = item_images.item_id AND items.capture_id = item_images.capture_id
  JOIN images ON images.id = item_images.image_id;

-- One age identity per image, sealed to the vault recipient. Destroying an image deletes its row first.
CREATE TABLE evidence_keys (
  image_id        uuid PRIMARY KEY REFERENCES images,
  sealed_identity bytea NOT NULL,
  created_at      timestamptz NOT NULL
);

CREATE TABLE evidence_objects (
  name       text PRIMARY KEY,
  image_id   uuid NOT NULL REFERENCES images,
  kind       text NOT NULL CHECK (kind IN ('bytes', 'colour', 'grey_half', 'thumb')),
  bytes      bigint NOT NULL CHECK (bytes > 0),
  created_at timestamptz NOT NULL,
  UNIQUE (image_id, kind)
);

-- What destroying left behind: counts only.
CREATE TABLE evidence_destroyed (
  image_id     uuid NOT NULL REFERENCES images,
  kind         text NOT NULL,
  name         text NOT NULL,
  destroyed_at timestamptz NOT NULL,
  object_gone  boolean NOT NULL DEFAULT false,
  PRIMARY KEY (name)
);
CREATE INDEX evidence_destroyed_pending ON evidence_destroyed (destroyed_at) WHERE NOT object_gone;

CREATE TABLE looks (
  id         uuid PRIMARY KEY,
  image_id   uuid NOT NULL REFERENCES images,
  person_id  uuid NOT NULL REFERENCES persons,
  rendering  text NOT NULL CHECK (rendering IN ('grey_half', 'colour')),
  started_at timestamptz NOT NULL,
  ended_at   timestamptz CHECK (ended_at >= started_at),
  shown_ms   integer CHECK (shown_ms >= 0),
  CHECK ((ended_at IS NULL) = (shown_ms IS NULL))
);
CREATE INDEX looks_by_image ON looks (image_id, person_id);
CREATE INDEX looks_by_person ON looks (person_id, started_at);

-- One person's judgement of an image or of an item, never of both. Nobody is their own second.
CREATE TABLE assessments (
  id          uuid PRIMARY KEY,
  image_id    uuid REFERENCES images,
  item_id     uuid REFERENCES items,
  round       integer NOT NULL CHECK (round >= 1),
  place       text NOT NULL CHECK (place IN ('first', 'second', 'lead')),
  person_id   uuid NOT NULL REFERENCES persons,
  label       smallint NOT NULL CHECK (label BETWEEN 1 AND 6),
  national    national_verdict,
  baseline    boolean,
  danger      boolean NOT NULL DEFAULT false,
  police_hold boolean NOT NULL DEFAULT false,
  reason      text NOT NULL DEFAULT '',
  assessed_at timestamptz NOT NULL,
  CHECK (num_nonnulls(image_id, item_id) = 1),
  CHECK (national IS NOT DISTINCT FROM (CASE label
    WHEN 1 THEN 'illegal' WHEN 2 THEN 'illegal' WHEN 3 THEN 'not_illegal'
    WHEN 4 THEN 'out_of_scope' WHEN 6 THEN 'doubtful' END)::national_verdict),
  CHECK (baseline IS NOT DISTINCT FROM (CASE label WHEN 1 THEN true WHEN 2 THEN false WHEN 3 THEN false WHEN 4 THEN false END)),
  CHECK (label <> 5 OR item_id IS NOT NULL),
  UNIQUE (image_id, round, place),
  UNIQUE (item_id, round, place),
  UNIQUE (image_id, round, person_id),
  UNIQUE (item_id, round, person_id)
);
