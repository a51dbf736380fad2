-- Who we are, who may do what, and the chain of custody.

-- A deployment is live or practice; written once, never changed.
CREATE TABLE deployment (
  single  boolean PRIMARY KEY DEFAULT true CHECK (single),
  kind    text NOT NULL CHECK (kind IN ('live', 'practice')),
  set_at  timestamptz NOT NULL
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% rows are never changed or deleted', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER deployment_is_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON deployment
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Practice names resolve to loopback; a live database refuses them.
CREATE TABLE practice_names (
  host      text PRIMARY KEY CHECK (host = lower(host) AND host LIKE '%.example'),
  address   inet NOT NULL CHECK (
    address << '192.0.2.0/24' OR address << '198.51.100.0/24' OR address << '203.0.113.0/24'),
  dial_host inet NOT NULL CHECK (dial_host << '127.0.0.0/8'),
  dial_port integer NOT NULL CHECK (dial_port BETWEEN 1 AND 65535)
);

CREATE FUNCTION refuse_practice_data() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM deployment WHERE kind = 'practice') THEN
    RAISE EXCEPTION 'a live database refuses practice data' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER practice_only BEFORE INSERT OR UPDATE ON practice_names
  FOR EACH ROW EXECUTE FUNCTION refuse_practice_data();

-- Which keys this database was started with; another deployment's keys could not open what is sealed here.
CREATE TABLE key_digests (
  name   text PRIMARY KEY,
  digest bytea NOT NULL CHECK (octet_length(digest) = 32)
);

CREATE TABLE persons (
  id          uuid PRIMARY KEY,
  name        text NOT NULL UNIQUE CHECK (name ~ '^[[:alnum:]][[:alnum:] ._-]{0,62}$'),
  created_at  timestamptz NOT NULL,
  disabled_at timestamptz
);

CREATE TYPE person_role AS ENUM ('analyst', 'lead', 'clerk', 'admin', 'auditor');

CREATE TABLE person_roles (
  person_id uuid NOT NULL REFERENCES persons,
  role      person_role NOT NULL,
  PRIMARY KEY (person_id, role)
);

CREATE TABLE api_tokens (
  id           uuid PRIMARY KEY,
  name         text NOT NULL UNIQUE,
  scope        text NOT NULL CHECK (scope IN ('intake', 'match', 'stats')),
  token_digest bytea NOT NULL UNIQUE CHECK (octet_length(token_digest) = 32),
  created_at   timestamptz NOT NULL,
  expires_at   timestamptz NOT NULL CHECK (expires_at > created_at),
  revoked_at   timestamptz,
  last_used_at timestamptz
);

-- Custody: append-only streams, each event chained to the one before by SHA-256 over RFC 8785 JSON.
-- Writers insert events; only this file's functions, owned by the migrating role, touch the heads.
CREATE TABLE custody_heads (
  stream text PRIMARY KEY CHECK (stream ~ '^((item|image|hashset|recipient|person|report)/[0-9a-f-]{36}|system)$'),
  seq    bigint NOT NULL CHECK (seq >= 0),
  hash   bytea NOT NULL CHECK (octet_length(hash) = 32)
);

CREATE TABLE custody_events (
  stream text NOT NULL REFERENCES custody_heads,
  seq    bigint NOT NULL CHECK (seq > 0),
  at     timestamptz NOT NULL,
  actor  text NOT NULL CHECK (actor <> ''),
  event  text NOT NULL CHECK (event ~ '^[a-z_]+$'),
  record text NOT NULL,
  hash   bytea NOT NULL,
  PRIMARY KEY (stream, seq)
);

-- Returns the head of each stream and keeps it locked until the transaction ends. The order of the names
-- is the order of locking, so that two writers of the same streams cannot deadlock.
CREATE FUNCTION lock_custody_heads(names text[]) RETURNS TABLE (stream text, seq bigint, hash bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY (SELECT array_agg(n ORDER BY n) FROM (SELECT DISTINCT unnest(names) AS n) AS d) LOOP
    INSERT INTO custody_heads AS h (stream, seq, hash) VALUES (name, 0, decode(repeat('00', 32), 'hex'))
      ON CONFLICT DO NOTHING;
    RETURN QUERY SELECT h.stream, h.seq, h.hash FROM custody_heads AS h WHERE h.stream = name FOR UPDATE;
  END LOOP;
END $$;

-- Which role speaks for which actor, in which streams. The migrating role may speak for all.
CREATE FUNCTION may_append(role name, actor text, stream text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE role
    WHEN 'hotline_public' THEN actor ~ '^(public|cli|token/[0-9a-f-]{36})$' AND stream ~ '^(report|item)/'
    WHEN 'hotline_worker' THEN actor IN ('worker', 'sweep') AND stream ~ '^(item|image)/'
    WHEN 'hotline_outbound' THEN actor = 'outbound' AND stream ~ '^(item|recipient)/'
    WHEN 'hotline_staff' THEN actor ~ '^(staff|cli|person/[0-9a-f-]{36})$'
    WHEN 'hotline_owner' THEN true
    ELSE false END
$$;

CREATE FUNCTION chain_custody_event() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE head custody_heads;
DECLARE body jsonb := NEW.record::jsonb;
BEGIN
  SELECT * INTO head FROM custody_heads WHERE stream = NEW.stream FOR UPDATE;
  -- IS DISTINCT FROM throughout: a missing key must not make a comparison unknown, and so pass.
  IF head.stream IS NULL
     OR NEW.seq IS DISTINCT FROM head.seq + 1
     OR NEW.hash IS DISTINCT FROM sha256(convert_to(NEW.record, 'UTF8'))
     OR (body->>'prev') IS DISTINCT FROM encode(head.hash, 'hex')
     OR (body->>'stream') IS DISTINCT FROM NEW.stream
     OR (body->>'seq')::bigint IS DISTINCT FROM NEW.seq
     OR (body->>'event') IS DISTINCT FROM NEW.event
     OR (body->>'actor') IS DISTINCT FROM NEW.actor
     OR (body->>'at')::timestamptz IS DISTINCT FROM NEW.at
     OR jsonb_typeof(body->'body') IS DISTINCT FROM 'object' THEN
    RAISE EXCEPTION 'the event does not continue its stream' USING ERRCODE = 'check_violation';
  END IF;
  IF NOT may_append(session_user, NEW.actor, NEW.stream) THEN
    RAISE EXCEPTION 'this role does not speak for that actor or stream' USING ERRCODE = 'insufficient_privilege';
  END IF;
  UPDATE custody_heads SET seq = NEW.seq, hash = NEW.hash WHERE stream = NEW.stream;
  RETURN NEW;
END $$;

CREATE TRIGGER custody_chain BEFORE INSERT ON custody_events
  FOR EACH ROW EXECUTE FUNCTION chain_custody_event();
CREATE TRIGGER custody_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON custody_events
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
