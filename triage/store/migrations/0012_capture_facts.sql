-- What capturing needs beyond one fetch: turns per host, ways out, why a fetch failed, what a page is, files that a
-- page carries inside it, and pictures too small to be anything.

ALTER TYPE closed_as ADD VALUE 'too_small';

-- Whose turn it is at a site (a registrable domain, or an address): one row a site, whatever the number of workers.
CREATE TABLE host_turns (
  site        text PRIMARY KEY CHECK (site = lower(site) AND length(site) BETWEEN 1 AND 255),
  begun_until timestamptz NOT NULL, -- one pace further with each request that began
  free_at     timestamptz NOT NULL, -- one pace further with each turn that was given, begun or not
  shut_until  timestamptz NOT NULL, -- nothing begins before: it is in trouble, or asked us to wait
  failures    integer NOT NULL DEFAULT 0 CHECK (failures >= 0), -- in a row: no answer, too slow, or asked to wait
  changed_at  timestamptz NOT NULL,
  CHECK (free_at >= begun_until)
);
CREATE INDEX host_turns_old ON host_turns (changed_at);

ALTER TABLE items
  ADD COLUMN asked_exit text CHECK (asked_exit ~ '^[a-z][a-z0-9-]{0,31}$'), -- by a person, for the next capture
  ADD COLUMN has_turn   boolean NOT NULL DEFAULT false, -- next_try_at is its turn at its site
  ADD COLUMN is_patient boolean NOT NULL DEFAULT false, -- far down in a long report or page, or tried before: others go first
  ADD COLUMN is_asked_for boolean NOT NULL DEFAULT false, -- a person wants to see it, however small it is
  ADD CONSTRAINT items_turn_is_waited_for CHECK (NOT has_turn OR state = 'received');

ALTER TABLE captures
  ADD COLUMN exit_name      text CHECK (exit_name ~ '^[a-z][a-z0-9-]{0,31}$'),
  ADD COLUMN failure        text CHECK (failure ~ '^[a-z_]{1,40}$'),
  ADD COLUMN page_kind      text CHECK (page_kind ~ '^[a-z_0-9]{1,40}$'),
  ADD COLUMN pictures_found integer CHECK (pictures_found >= 0), -- on a page, taken or not
  ADD COLUMN examines       bytea CHECK (octet_length(examines) = 32); -- the bytes that this worker decodes just now

-- The same bytes are decoded by one worker at a time; the others wait and find the image.
CREATE UNIQUE INDEX captures_one_examines ON captures (examines) WHERE ended_at IS NULL;

-- A page may carry pictures inside its own text (data: addresses). Each becomes a child item of kind upload, once.
CREATE TABLE embedded_files (
  page_id uuid NOT NULL REFERENCES items,
  sha256  bytea NOT NULL CHECK (octet_length(sha256) = 32),
  item_id uuid NOT NULL REFERENCES items,
  PRIMARY KEY (page_id, sha256)
);
CREATE INDEX embedded_files_by_item ON embedded_files (item_id);

-- The frames of an animation, side by side, are a view of their own.
ALTER TABLE evidence_objects DROP CONSTRAINT evidence_objects_kind_check;
ALTER TABLE evidence_objects ADD CONSTRAINT evidence_objects_kind_check
  CHECK (kind IN ('bytes', 'colour', 'grey_half', 'thumb', 'sheet'));
ALTER TABLE looks DROP CONSTRAINT looks_rendering_check;
ALTER TABLE looks ADD CONSTRAINT looks_rendering_check CHECK (rendering IN ('grey_half', 'colour', 'sheet'));

-- hotline_worker: takes turns, keeps what a page carries.
GRANT SELECT, INSERT, UPDATE, DELETE ON host_turns TO hotline_worker;
GRANT SELECT, INSERT ON embedded_files TO hotline_worker;
GRANT INSERT (name, item_id, bytes, created_at) ON intake_objects TO hotline_worker;
GRANT UPDATE (asked_exit, has_turn, is_patient) ON items TO hotline_worker;

-- hotline_staff: reads, and asks for a way out.
GRANT SELECT ON host_turns, embedded_files TO hotline_staff;
GRANT UPDATE (asked_exit, is_asked_for) ON items TO hotline_staff;
