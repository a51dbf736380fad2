-- Passkeys: a way in by itself, beside password and code.

-- One credential of an authenticator. It proves a person only at the host name it was made for.
CREATE TABLE passkeys (
  id            uuid PRIMARY KEY,
  person_id     uuid NOT NULL REFERENCES persons,
  rp_id         text NOT NULL CHECK (rp_id = lower(rp_id) AND rp_id <> ''),
  credential_id bytea NOT NULL UNIQUE CHECK (octet_length(credential_id) BETWEEN 16 AND 1023),
  public_key    bytea NOT NULL CHECK (octet_length(public_key) BETWEEN 32 AND 2048), -- COSE (RFC 9052)
  sign_count    bigint NOT NULL CHECK (sign_count BETWEEN 0 AND 4294967295),
  name          text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 60),
  transports    text[] NOT NULL CHECK (cardinality(transports) <= 8),
  is_backed_up  boolean NOT NULL,
  created_at    timestamptz NOT NULL,
  last_used_at  timestamptz CHECK (last_used_at >= created_at),
  doubted_at    timestamptz CHECK (doubted_at >= created_at) -- its count went back: a copy of it may exist
);
CREATE INDEX passkeys_by_person ON passkeys (person_id);

-- What an authenticator is to sign, once. The form brings the token; taking the challenge deletes the row.
CREATE TABLE passkey_challenges (
  token_digest bytea PRIMARY KEY CHECK (octet_length(token_digest) = 32),
  purpose      text NOT NULL CHECK (purpose IN ('join', 'add', 'sign_in', 'confirm')),
  bound_to     bytea CHECK (octet_length(bound_to) = 32), -- digest of the link or of the session
  challenge    bytea NOT NULL CHECK (octet_length(challenge) = 32),
  created_at   timestamptz NOT NULL,
  CHECK ((purpose = 'sign_in') = (bound_to IS NULL))
);
CREATE INDEX passkey_challenges_by_age ON passkey_challenges (created_at);

-- Failures with a passkey are counted apart: who guesses passwords must not keep a person's passkey waiting.
ALTER TABLE sign_in_failures
  ADD COLUMN way text NOT NULL DEFAULT 'password' CHECK (way IN ('password', 'passkey'));

GRANT SELECT, INSERT, DELETE ON passkeys, passkey_challenges TO hotline_staff;
GRANT UPDATE (name, sign_count, is_backed_up, last_used_at, doubted_at) ON passkeys TO hotline_staff;
GRANT DELETE ON credentials TO hotline_staff; -- a one-time link begins anew: what was there before goes
