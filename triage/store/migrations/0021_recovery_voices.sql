-- Since when somebody has a role: a voice on a recovery counts only once its role was held for some days.

-- Of roles that stand already: since the person was added, or since their roles were last changed, whichever is later.
ALTER TABLE person_roles ADD COLUMN since timestamptz;
UPDATE person_roles SET since = greatest(
  (SELECT created_at FROM persons WHERE id = person_id),
  (SELECT max(at) FROM custody_events WHERE stream = 'person/' || person_id AND event = 'roles_changed'));
ALTER TABLE person_roles ALTER COLUMN since SET NOT NULL, ALTER COLUMN since SET DEFAULT now();

CREATE INDEX join_links_used ON join_links (person_id, used_at) WHERE used_at IS NOT NULL;
CREATE INDEX recoveries_by_asker ON recoveries (asked_by, asked_at);

-- A disabled person may be recovered, so pages say who is disabled.
CREATE OR REPLACE VIEW told_recoveries AS
  SELECT recoveries.id, recoveries.person_id, persons.name, way, state, reason, asked_by, asker.name AS asked_by_name,
    asked_as, asked_at, recoveries.expires_at, decider.name AS decided_by_name, decided_at, decision, join_links.used_at,
    persons.disabled_at
  FROM recoveries JOIN persons ON persons.id = recoveries.person_id
  LEFT JOIN persons AS asker ON asker.id = asked_by
  LEFT JOIN persons AS decider ON decider.id = decided_by
  LEFT JOIN join_links ON join_links.link_digest = recoveries.link_digest;

-- Nobody who speaks for the staff surface gives a role in the past: its time is the database's.
REVOKE INSERT ON person_roles FROM hotline_staff;
GRANT INSERT (person_id, role) ON person_roles TO hotline_staff;
