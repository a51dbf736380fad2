-- Who hosts an item, who is told, and what was found afterwards.

CREATE TYPE sending_state AS ENUM (
  'waiting_approval', 'queued', 'sending', 'sent', 'acknowledged', 'resolved', 'rejected', 'unclear',
  'disputed', 'withdrawn');

CREATE TABLE hostings (
  id         uuid PRIMARY KEY,
  item_id    uuid NOT NULL REFERENCES items,
  address    inet,
  asn        bigint CHECK (asn BETWEEN 1 AND 4294967295),
  operator   text,
  country    text CHECK (country ~ '^[A-Z]{2}$'),
  sources    jsonb NOT NULL,
  agreement  text NOT NULL CHECK (agreement IN ('agreed', 'disputed', 'unknown')),
  decided_by uuid REFERENCES persons,
  located_at timestamptz NOT NULL,
  CHECK (agreement <> 'agreed' OR (operator IS NOT NULL AND country IS NOT NULL))
);
CREATE INDEX hostings_by_item ON hostings (item_id, located_at);

CREATE TABLE recipients (
  id          uuid PRIMARY KEY,
  name        text NOT NULL UNIQUE CHECK (name <> ''),
  kind        text NOT NULL CHECK (kind IN ('police', 'isp', 'hotline', 'helpline', 'authority')),
  language    text NOT NULL CHECK (language IN ('sq', 'en', 'sq+en')),
  channel     text NOT NULL CHECK (channel IN ('mail', 'outbox')),
  contact     text NOT NULL CHECK (contact <> ''),
  public_key  text,
  entered_by  uuid REFERENCES persons,
  entered_at  timestamptz NOT NULL,
  approved_by uuid REFERENCES persons,
  approved_at timestamptz,
  disabled_at timestamptz,
  CHECK ((approved_by IS NULL) = (approved_at IS NULL))
);

CREATE TABLE notices (
  id           uuid PRIMARY KEY,
  reference    text NOT NULL UNIQUE,
  recipient_id uuid NOT NULL REFERENCES recipients,
  state        sending_state NOT NULL,
  basis        text NOT NULL CHECK (basis IN ('looked', 'exact_hash')),
  host         text NOT NULL,
  message_id   text NOT NULL UNIQUE,
  created_at   timestamptz NOT NULL,
  due_at       timestamptz NOT NULL,
  next_try_at  timestamptz,
  nudged_at    timestamptz,
  tries        integer NOT NULL DEFAULT 0 CHECK (tries >= 0),
  started_at   timestamptz,
  sent_at      timestamptz,
  answered_at  timestamptz,
  reason       text,
  CHECK ((state = 'queued') <= (next_try_at IS NOT NULL)),
  CHECK ((state IN ('sending', 'unclear')) <= (started_at IS NOT NULL)),
  CHECK ((state IN ('sent', 'acknowledged')) <= (sent_at IS NOT NULL)),
  CHECK ((state = 'acknowledged') <= (answered_at IS NOT NULL)),
  CHECK ((state IN ('rejected', 'withdrawn', 'disputed')) <= (reason IS NOT NULL))
);
CREATE INDEX notices_due ON notices (next_try_at, id) WHERE state = 'queued';

CREATE TABLE notice_items (
  notice_id uuid NOT NULL REFERENCES notices,
  item_id   uuid NOT NULL REFERENCES items,
  PRIMARY KEY (notice_id, item_id)
);
CREATE INDEX notice_items_by_item ON notice_items (item_id);

CREATE TABLE referrals (
  id           uuid PRIMARY KEY,
  reference    text NOT NULL UNIQUE,
  item_id      uuid NOT NULL REFERENCES items,
  recipient_id uuid REFERENCES recipients,
  kind         text NOT NULL CHECK (kind IN ('police', 'hotline', 'helpline', 'authority')),
  state        sending_state NOT NULL,
  is_held      boolean NOT NULL DEFAULT false,
  message_id   text NOT NULL UNIQUE,
  created_at   timestamptz NOT NULL,
  due_at       timestamptz NOT NULL,
  next_try_at  timestamptz,
  nudged_at    timestamptz,
  tries        integer NOT NULL DEFAULT 0 CHECK (tries >= 0),
  started_at   timestamptz,
  sent_at      timestamptz,
  answered_at  timestamptz,
  reason       text,
  CHECK (recipient_id IS NOT NULL OR state = 'waiting_approval'),
  CHECK ((state = 'queued') <= (next_try_at IS NOT NULL)),
  CHECK ((state IN ('sending', 'unclear')) <= (started_at IS NOT NULL)),
  CHECK ((state IN ('sent', 'acknowledged')) <= (sent_at IS NOT NULL)),
  CHECK ((state = 'acknowledged') <= (answered_at IS NOT NULL)),
  CHECK ((state IN ('rejected', 'withdrawn', 'disputed')) <= (reason IS NOT NULL))
);
CREATE INDEX referrals_by_item ON referrals (item_id);
CREATE INDEX referrals_due ON referrals (next_try_at, id) WHERE state = 'queued';

-- The signed, sealed bundle that a referral carries. The file itself lies in the outbox.
CREATE TABLE packages (
  id          uuid PRIMARY KEY,
  referral_id uuid NOT NULL UNIQUE REFERENCES referrals,
  file_name   text NOT NULL UNIQUE,
  sha256      bytea NOT NULL CHECK (octet_length(sha256) = 32),
  bytes       bigint NOT NULL CHECK (bytes > 0),
  created_at  timestamptz NOT NULL
);

CREATE TABLE police_holds (
  id         uuid PRIMARY KEY,
  item_id    uuid NOT NULL REFERENCES items,
  set_by     uuid NOT NULL REFERENCES persons,
  set_at     timestamptz NOT NULL,
  lifted_by  uuid REFERENCES persons,
  lifted_at  timestamptz CHECK (lifted_at >= set_at),
  said_so    text,
  CHECK ((lifted_at IS NULL) = (lifted_by IS NULL)),
  CHECK ((lifted_at IS NULL) = (said_so IS NULL))
);
CREATE UNIQUE INDEX police_holds_one_open ON police_holds (item_id) WHERE lifted_at IS NULL;

CREATE TABLE online_checks (
  id         uuid PRIMARY KEY,
  item_id    uuid NOT NULL REFERENCES items,
  result     text NOT NULL CHECK (result IN ('online', 'removed', 'unreachable', 'moved', 'unknown')),
  status     integer CHECK (status BETWEEN 100 AND 599),
  sha256     bytea CHECK (octet_length(sha256) = 32),
  checked_at timestamptz NOT NULL
);
CREATE INDEX online_checks_by_item ON online_checks (item_id, checked_at);
