-- How persons come in: a one-time link to join, a password with a second factor, sessions kept by the server.

-- A link is stored only as a digest; using it sets the person's credentials.
CREATE TABLE join_links (
  link_digest bytea PRIMARY KEY CHECK (octet_length(link_digest) = 32),
  person_id   uuid NOT NULL REFERENCES persons,
  created_at  timestamptz NOT NULL,
  expires_at  timestamptz NOT NULL CHECK (expires_at > created_at),
  used_at     timestamptz CHECK (used_at >= created_at)
);
CREATE INDEX join_links_by_person ON join_links (person_id);

CREATE TABLE credentials (
  person_id     uuid PRIMARY KEY REFERENCES persons,
  password_hash text NOT NULL CHECK (password_hash LIKE '$argon2id$%'),
  sealed_secret bytea NOT NULL,                    -- of the one-time codes (RFC 6238), sealed to the staff surface
  last_step     bigint NOT NULL DEFAULT 0 CHECK (last_step >= 0), -- a code is taken once
  set_at        timestamptz NOT NULL
);

CREATE TABLE sign_in_failures (
  id        uuid PRIMARY KEY,
  person_id uuid NOT NULL REFERENCES persons,
  failed_at timestamptz NOT NULL
);
CREATE INDEX sign_in_failures_by_person ON sign_in_failures (person_id, failed_at);

-- The browser holds the only copy of the session's token.
CREATE TABLE sessions (
  token_digest bytea PRIMARY KEY CHECK (octet_length(token_digest) = 32),
  person_id    uuid NOT NULL REFERENCES persons,
  started_at   timestamptz NOT NULL,
  seen_at      timestamptz NOT NULL CHECK (seen_at >= started_at),
  ended_at     timestamptz CHECK (ended_at >= started_at)
);
CREATE INDEX sessions_by_person ON sessions (person_id) WHERE ended_at IS NULL;
