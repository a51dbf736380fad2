-- How a person works at the console, and what one who leaves an item tells who goes on with it.

-- Who never chose anything has no row: they hold a key to look, and keys act.
CREATE TABLE preferences (
  person_id  uuid PRIMARY KEY REFERENCES persons,
  reveal     text NOT NULL CHECK (reveal IN ('hold', 'toggle')), -- toggle is for who cannot hold a key
  has_keys   boolean NOT NULL, -- whether single letters act
  changed_at timestamptz NOT NULL
);

-- Text only, and never shown to who could still be the second assessor of the item.
CREATE TABLE hand_over_notes (
  id         uuid PRIMARY KEY,
  item_id    uuid NOT NULL REFERENCES items,
  person_id  uuid NOT NULL REFERENCES persons,
  round      integer NOT NULL CHECK (round >= 1), -- of the item; what was left in another one is history
  done       text NOT NULL CHECK (length(done) <= 1000),
  next       text NOT NULL CHECK (length(next) <= 1000),
  watch_out  text NOT NULL CHECK (length(watch_out) <= 1000),
  written_at timestamptz NOT NULL,
  CHECK (btrim(done || next || watch_out) <> '')
);
CREATE INDEX hand_over_notes_by_item ON hand_over_notes (item_id, written_at, id);
CREATE INDEX hand_over_notes_by_time ON hand_over_notes (written_at, id);

-- The review page names the items of the same host that came in before.
CREATE INDEX items_of_host ON items (url_host, id) WHERE is_top_level AND url_host IS NOT NULL;

-- hotline_staff: everybody writes their own; what was written stays.
GRANT SELECT, INSERT ON preferences, hand_over_notes TO hotline_staff;
GRANT UPDATE (reveal, has_keys, changed_at) ON preferences TO hotline_staff;
