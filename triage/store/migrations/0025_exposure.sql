-- Exposure: what reduces how much a person sees, and who looked at a person's figures.

-- Since when a person looks at pictures. Taking the role away and giving it again does not begin anew.
CREATE TABLE look_starts (
  person_id uuid PRIMARY KEY REFERENCES persons,
  since     timestamptz NOT NULL
);
INSERT INTO look_starts (person_id, since)
  SELECT id, created_at FROM persons
  WHERE EXISTS (SELECT FROM person_roles WHERE person_id = persons.id AND role IN ('analyst', 'lead'));

CREATE FUNCTION note_look_start() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO look_starts (person_id, since) VALUES (NEW.person_id, now()) ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION note_look_start() FROM PUBLIC;
CREATE TRIGGER person_roles_begin_looking AFTER INSERT ON person_roles
  FOR EACH ROW WHEN (NEW.role IN ('analyst', 'lead')) EXECUTE FUNCTION note_look_start();

-- Who went on beyond the soft cap, after how much of the local day.
CREATE TABLE look_go_ons (
  id        uuid PRIMARY KEY,
  person_id uuid NOT NULL REFERENCES persons,
  day       date NOT NULL,
  seconds   integer NOT NULL CHECK (seconds >= 0),
  looks     integer NOT NULL CHECK (looks >= 0),
  at        timestamptz NOT NULL
);
CREATE INDEX look_go_ons_by_person ON look_go_ons (person_id, day);

CREATE TABLE breaks (
  id        uuid PRIMARY KEY,
  person_id uuid NOT NULL REFERENCES persons,
  begun_at  timestamptz NOT NULL,
  ends_at   timestamptz NOT NULL CHECK (ends_at > begun_at)
);
CREATE INDEX breaks_by_person ON breaks (person_id, begun_at);

-- What a lead allows another person for one local day in place of the hard caps; the last one counts.
CREATE TABLE exposure_overrides (
  id        uuid PRIMARY KEY,
  person_id uuid NOT NULL REFERENCES persons,
  day       date NOT NULL,
  seconds   integer NOT NULL CHECK (seconds BETWEEN 0 AND 18000),
  looks     integer NOT NULL CHECK (looks BETWEEN 0 AND 600),
  reason    text NOT NULL CHECK (btrim(reason) <> '' AND length(reason) <= 500),
  made_by   uuid NOT NULL REFERENCES persons CHECK (made_by <> person_id),
  at        timestamptz NOT NULL
);
CREATE INDEX exposure_overrides_by_person ON exposure_overrides (person_id, day, at, id);

-- Who looked at the figures of one person, and why; that person sees it.
CREATE TABLE figures_seen (
  id        uuid PRIMARY KEY,
  person_id uuid NOT NULL REFERENCES persons,
  seen_by   uuid NOT NULL REFERENCES persons CHECK (seen_by <> person_id),
  reason    text NOT NULL CHECK (btrim(reason) <> '' AND length(reason) <= 500),
  at        timestamptz NOT NULL
);
CREATE INDEX figures_seen_by_person ON figures_seen (person_id, at, id);

-- Who would rather not read on the first page how many of their items are gone.
CREATE TABLE hidden_outcomes (
  person_id uuid PRIMARY KEY REFERENCES persons
);

-- A shift begins with a sign-in; looks that were avoided are counted by day.
CREATE INDEX sessions_by_start ON sessions (person_id, started_at);
CREATE INDEX assessments_without_look ON assessments (assessed_at) WHERE basis = 'exact_hash';

CREATE TRIGGER look_go_ons_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON look_go_ons
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER breaks_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON breaks
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER exposure_overrides_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON exposure_overrides
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER figures_seen_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON figures_seen
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- hotline_staff: a token that fetched nothing can be made useless (its end is moved), and nothing else of a look.
GRANT SELECT ON look_starts TO hotline_staff;
GRANT SELECT, INSERT ON look_go_ons, breaks, exposure_overrides, figures_seen TO hotline_staff;
GRANT SELECT, INSERT, DELETE ON hidden_outcomes TO hotline_staff;
GRANT UPDATE (expires_at) ON looks TO hotline_staff;
