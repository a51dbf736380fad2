-- Hash sets as lists that change: who may have them, what was disputed or contested, which state an entry is of.

ALTER TABLE hash_sets
  ADD COLUMN sharing     text NOT NULL DEFAULT 'nobody' CHECK (sharing IN ('nobody', 'partners')), -- may our feed hold it
  ADD COLUMN is_negative boolean NOT NULL DEFAULT false, -- a list of harmless files: it silences, it never alerts
  ADD COLUMN synced_at   timestamptz; -- when its provider's word was last taken in, changed or not

ALTER TABLE hash_entries
  ADD COLUMN generation   bigint NOT NULL DEFAULT 0 CHECK (generation >= 0), -- of the lists, at its last change
  ADD COLUMN revised_at   timestamptz, -- when its provider last changed it, as the list says
  ADD COLUMN is_contested boolean NOT NULL DEFAULT false, -- lists contradict each other on its bytes: advisory at most
  ADD COLUMN disputed_at  timestamptz; -- by our own people: silent at once, until they take it back
UPDATE hash_entries SET generation = (SELECT generation FROM hash_generation);
CREATE INDEX hash_entries_by_generation ON hash_entries (generation, id);

-- What an index holds: entries that are neither withdrawn nor disputed.
CREATE VIEW live_hash_entries AS
  SELECT id, set_id, source_key, class, raw_scheme, raw_value, is_contested, generation
  FROM hash_entries WHERE withdrawn_at IS NULL AND disputed_at IS NULL;

GRANT SELECT ON live_hash_entries TO hotline_staff, hotline_worker;
