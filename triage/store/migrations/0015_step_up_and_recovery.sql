-- Confirming that it is still the same person; recovery of a person who lost all ways in.

ALTER TABLE sessions
  ADD COLUMN confirmed_at timestamptz CHECK (confirmed_at >= started_at), -- last proof after signing in, which is one too
  ADD COLUMN failed_confirmations smallint NOT NULL DEFAULT 0 CHECK (failed_confirmations >= 0); -- since the last good one

-- Two people let a third one in again, or somebody on the machine does: one row each, and one one-time link.
CREATE TABLE recoveries (
  id          uuid PRIMARY KEY,
  person_id   uuid NOT NULL REFERENCES persons,
  way         text NOT NULL CHECK (way IN ('console', 'machine')),
  state       text NOT NULL CHECK (state IN ('asked', 'approved', 'refused', 'expired')),
  reason      text NOT NULL CHECK (btrim(reason) <> '' AND length(reason) <= 2000),
  asked_by    uuid REFERENCES persons,
  asked_as    person_role CHECK (asked_as IN ('admin', 'lead')), -- the role in which they spoke
  asked_at    timestamptz NOT NULL,
  expires_at  timestamptz NOT NULL CHECK (expires_at > asked_at),
  decided_by  uuid REFERENCES persons,
  decided_as  person_role CHECK (decided_as IN ('admin', 'lead')),
  decided_at  timestamptz CHECK (decided_at >= asked_at),
  decision    text CHECK (btrim(decision) <> '' AND length(decision) <= 2000), -- why it was approved or refused
  link_digest bytea UNIQUE REFERENCES join_links,
  CHECK ((way = 'console') = (asked_by IS NOT NULL)),
  CHECK ((asked_by IS NULL) = (asked_as IS NULL)),
  CHECK (asked_by <> person_id),
  CHECK ((state = 'approved') = (link_digest IS NOT NULL)),
  CHECK ((state IN ('approved', 'refused')) = (decided_at IS NOT NULL)),
  CHECK (way = 'console' OR (state = 'approved' AND decided_by IS NULL)),
  CHECK (way = 'machine' OR (state IN ('approved', 'refused')) = (decided_by IS NOT NULL)),
  CHECK ((decided_by IS NULL) = (decided_as IS NULL) AND (decided_by IS NULL) = (decision IS NULL)),
  -- two people, neither of them the one who is let in, at least one of them an admin
  CHECK (state <> 'approved' OR way = 'machine'
    OR (decided_by <> asked_by AND decided_by <> person_id AND (asked_as = 'admin' OR decided_as = 'admin')))
);
CREATE UNIQUE INDEX recoveries_one_open ON recoveries (person_id) WHERE state = 'asked';
CREATE INDEX recoveries_by_time ON recoveries (asked_at, id);

CREATE VIEW told_recoveries AS
  SELECT recoveries.id, recoveries.person_id, persons.name, way, state, reason, asked_by, asker.name AS asked_by_name,
    asked_as, asked_at, recoveries.expires_at, decider.name AS decided_by_name, decided_at, decision, join_links.used_at
  FROM recoveries JOIN persons ON persons.id = recoveries.person_id
  LEFT JOIN persons AS asker ON asker.id = asked_by
  LEFT JOIN persons AS decider ON decider.id = decided_by
  LEFT JOIN join_links ON join_links.link_digest = recoveries.link_digest;

GRANT UPDATE (confirmed_at, failed_confirmations) ON sessions TO hotline_staff;
GRANT SELECT ON told_recoveries TO hotline_staff;
GRANT SELECT, INSERT ON recoveries TO hotline_staff;
GRANT UPDATE (state, decided_by, decided_as, decided_at, decision, link_digest) ON recoveries TO hotline_staff;
