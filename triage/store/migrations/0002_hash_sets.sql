-- Hash sets: the lists, their entries and fingerprints, who trusts which class, and the state that indexes follow.

CREATE TABLE hash_sets (
    id uuid PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    provider text NOT NULL CHECK (provider <> '' AND length(provider) <= 200),
    licence text NOT NULL CHECK (length(licence) <= 200),
    region text NOT NULL CHECK (length(region) <= 200),
    created_at timestamptz NOT NULL
);

-- An entry is never deleted: one that its provider took back keeps its row, with the moment it was withdrawn.
CREATE TABLE hash_entries (
    id uuid PRIMARY KEY,
    set_id uuid NOT NULL REFERENCES hash_sets (id),
    source_key text NOT NULL CHECK (source_key <> '' AND length(source_key) <= 200),
    class text NOT NULL CHECK (class IN (
        'baseline', 'national_illegal', 'advisory', 'self_reported', 'not_illegal', 'unknown', 'contested'
    )),
    raw_scheme text NOT NULL CHECK (length(raw_scheme) <= 200),
    raw_value text NOT NULL CHECK (length(raw_value) <= 200),
    changed_at timestamptz NOT NULL,
    withdrawn_at timestamptz,
    -- By our own people, not by the provider: the provider's next list does not bring it back.
    withdrawn_here boolean NOT NULL DEFAULT false CHECK (NOT withdrawn_here OR withdrawn_at IS NOT NULL),
    UNIQUE (set_id, source_key)
);

CREATE TABLE hash_entry_fingerprints (
    entry_id uuid NOT NULL REFERENCES hash_entries (id),
    algorithm text NOT NULL CHECK (algorithm IN ('md5', 'sha1', 'sha256', 'pdq', 'phash')),
    value bytea NOT NULL CHECK (octet_length(value) = CASE algorithm
        WHEN 'md5' THEN 16
        WHEN 'sha1' THEN 20
        WHEN 'sha256' THEN 32
        WHEN 'pdq' THEN 32
        WHEN 'phash' THEN 8
    END),
    PRIMARY KEY (entry_id, algorithm, value)
);

CREATE INDEX hash_entry_fingerprints_by_value ON hash_entry_fingerprints (algorithm, value);

-- Trusted means: an exact hit needs no look. It takes two persons, in writing: one proposes, another confirms.
-- What a list calls not illegal or what is contested can never be trusted.
CREATE TABLE hash_set_trusts (
    set_id uuid NOT NULL REFERENCES hash_sets (id),
    class text NOT NULL CHECK (class IN (
        'baseline', 'national_illegal', 'advisory', 'self_reported', 'unknown'
    )),
    step text NOT NULL CHECK (step IN ('proposed', 'confirmed')),
    person_id uuid NOT NULL REFERENCES persons (id),
    reason text NOT NULL CHECK (btrim(reason) <> '' AND length(reason) <= 2000),
    at timestamptz NOT NULL,
    -- A confirmation points at its proposal, so that neither can stand alone, nor be undone in the wrong order.
    follows text GENERATED ALWAYS AS (CASE step WHEN 'confirmed' THEN 'proposed' END) STORED,
    PRIMARY KEY (set_id, class, step),
    UNIQUE (set_id, class, person_id),
    FOREIGN KEY (set_id, class, follows) REFERENCES hash_set_trusts (set_id, class, step)
);

-- One row. Whoever changes entries or fingerprints raises it in the same transaction; its lock puts the
-- changes in a row, so that a snapshot with number n holds all changes up to n and no later one.
CREATE TABLE hash_generation (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    generation bigint NOT NULL CHECK (generation >= 0)
);

INSERT INTO hash_generation (generation) VALUES (0);
