-- What admins change while it runs: tokens and settings; and how the chain of custody is searched.

-- Who made a token; nobody: the command line, where the system stream of custody says so.
ALTER TABLE api_tokens ADD COLUMN made_by uuid REFERENCES persons;

-- Settings that were changed at run time, as the history of their changes: the last one of a name counts.
CREATE TABLE setting_changes (
  id        uuid PRIMARY KEY,
  name      text NOT NULL CHECK (name ~ '^[a-z][a-z_]{0,62}$'),
  seq       integer NOT NULL CHECK (seq >= 1), -- of two persons who change the same one at once, one is refused
  before    text CHECK (length(before) <= 200), -- none: the default of the environment
  after     text CHECK (length(after) <= 200),
  reason    text NOT NULL CHECK (btrim(reason) <> '' AND length(reason) <= 500),
  person_id uuid NOT NULL REFERENCES persons,
  at        timestamptz NOT NULL,
  UNIQUE (name, seq),
  CHECK (before IS DISTINCT FROM after)
);
CREATE TRIGGER setting_changes_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON setting_changes
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE VIEW live_settings AS
  SELECT name, value FROM (
    SELECT DISTINCT ON (name) name, after AS value FROM setting_changes ORDER BY name, seq DESC) AS newest
  WHERE value IS NOT NULL;

-- Those that the public surface needs; triage/rules/live_settings.py says the same, and a test holds both together.
CREATE VIEW public_settings AS
  SELECT name, value FROM live_settings
  WHERE name IN ('public_uploads', 'police_phone', 'helpline_phone', 'report_max_urls', 'subnet_burst',
    'subnet_per_hour', 'public_per_minute');

-- The search goes backwards in time: all, by actor, by event.
CREATE INDEX custody_events_by_time ON custody_events (at, stream, seq);
CREATE INDEX custody_events_by_actor ON custody_events (actor, at, stream, seq);
CREATE INDEX custody_events_by_event ON custody_events (event, at, stream, seq);

GRANT SELECT ON setting_changes, live_settings, public_settings TO hotline_staff;
GRANT INSERT ON setting_changes TO hotline_staff;
GRANT SELECT ON live_settings TO hotline_outbound;
GRANT SELECT ON public_settings TO hotline_public;
GRANT UPDATE (last_used_at) ON api_tokens TO hotline_staff;
GRANT SELECT (last_used_at) ON api_tokens TO hotline_public;
