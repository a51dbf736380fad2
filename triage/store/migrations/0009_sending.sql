-- Networks, recipients as they are approved, and one table for all that leaves: notices and referrals are one machine.

-- Which operator announces which addresses. Replaced as a whole by `hotline networks import`.
CREATE TABLE networks (
  prefix   cidr PRIMARY KEY,
  asn      bigint NOT NULL CHECK (asn BETWEEN 1 AND 4294967295),
  operator text NOT NULL CHECK (operator <> '' AND length(operator) <= 200), -- its legal name
  brand    text NOT NULL DEFAULT '' CHECK (length(brand) <= 200),
  country  text NOT NULL CHECK (country ~ '^[A-Z]{2}$')                     -- of the operator; XK for Kosovo
);
CREATE INDEX networks_by_prefix ON networks USING gist (prefix inet_ops);

CREATE FUNCTION refuse_documentation_networks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.prefix && '192.0.2.0/24' OR NEW.prefix && '198.51.100.0/24' OR NEW.prefix && '203.0.113.0/24')
     <> EXISTS (SELECT FROM deployment WHERE kind = 'practice') THEN
    RAISE EXCEPTION 'fictional networks belong to practice, and only they' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER networks_of_practice BEFORE INSERT OR UPDATE ON networks
  FOR EACH ROW EXECUTE FUNCTION refuse_documentation_networks();

-- A practice name may stand on several addresses, as real ones do.
ALTER TABLE practice_names DROP CONSTRAINT practice_names_pkey, ADD PRIMARY KEY (host, address);

ALTER TABLE hostings ADD COLUMN reason text, ADD COLUMN round integer NOT NULL DEFAULT 1;

ALTER TABLE recipients
  ADD COLUMN country text CHECK (country ~ '^[A-Z]{2}$'), -- whose hotline it is
  ADD COLUMN asns    bigint[] NOT NULL DEFAULT '{}',      -- whose networks it answers for
  ADD CONSTRAINT recipients_isp_has_networks CHECK (kind <> 'isp' OR cardinality(asns) > 0),
  ADD CONSTRAINT recipients_hotline_has_country CHECK (kind <> 'hotline' OR country IS NOT NULL),
  ADD CONSTRAINT recipients_hotline_has_key CHECK (kind <> 'hotline' OR public_key IS NOT NULL);

-- An approval is of what was approved: another address or key must be approved again.
CREATE FUNCTION drop_stale_approval() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.kind, NEW.channel, NEW.contact, NEW.public_key, NEW.country, NEW.asns)
     IS DISTINCT FROM (OLD.kind, OLD.channel, OLD.contact, OLD.public_key, OLD.country, OLD.asns) THEN
    NEW.approved_by := NULL;
    NEW.approved_at := NULL;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER recipients_approved_as_they_are BEFORE UPDATE ON recipients
  FOR EACH ROW EXECUTE FUNCTION drop_stale_approval();

-- Nobody approves what they entered, while there are two leads; and who approves is a lead.
CREATE FUNCTION check_approval() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE leads bigint;
BEGIN
  IF NEW.approved_by IS NULL OR TG_OP = 'UPDATE' AND NEW.approved_by IS NOT DISTINCT FROM OLD.approved_by
     AND NEW.approved_at IS NOT DISTINCT FROM OLD.approved_at THEN
    RETURN NEW;
  END IF;
  SELECT count(*) FILTER (WHERE person_id <> NEW.entered_by) INTO leads
    FROM person_roles JOIN persons ON persons.id = person_id WHERE role = 'lead' AND disabled_at IS NULL;
  IF NOT EXISTS (SELECT FROM person_roles JOIN persons ON persons.id = person_id
                 WHERE person_id = NEW.approved_by AND role = 'lead' AND disabled_at IS NULL)
     OR NEW.approved_by = NEW.entered_by AND leads > 0 THEN
    RAISE EXCEPTION 'a lead who did not enter it approves a recipient' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER recipients_approved_by_another BEFORE INSERT OR UPDATE ON recipients
  FOR EACH ROW EXECUTE FUNCTION check_approval();

ALTER TABLE hand_ons ADD FOREIGN KEY (recipient_id) REFERENCES recipients;

DROP TABLE packages, notice_items, notices, referrals;

-- One row is one message that leaves once: a notice or a referral, a reminder of it, or its retraction.
CREATE TABLE sendings (
  id           uuid PRIMARY KEY,
  kind         text NOT NULL CHECK (kind IN ('notice', 'police', 'hotline')),
  part         text NOT NULL DEFAULT 'first' CHECK (part IN ('first', 'reminder', 'retraction')),
  number       integer NOT NULL DEFAULT 0 CHECK (number >= 0), -- of a reminder, from 1; of a retraction, from 0
  reference    text NOT NULL,                    -- the same for what follows the first message
  message_id   text NOT NULL UNIQUE CHECK (message_id ~ '^<[^<> ]+@[^<> ]+>$'),
  recipient_id uuid REFERENCES recipients,       -- unset while nobody fitting is entered
  state        sending_state NOT NULL,
  basis        text NOT NULL CHECK (basis IN ('looked', 'exact_hash', 'facts')),
  host         text NOT NULL,                    -- of its addresses; empty for uploads and texts
  asn          bigint CHECK (asn BETWEEN 1 AND 4294967295),
  country      text CHECK (country ~ '^[A-Z]{2}$'),
  is_urgent    boolean NOT NULL DEFAULT false,   -- a child is at risk
  is_held      boolean NOT NULL DEFAULT false,   -- the police decide when notices may follow
  is_recalled  boolean NOT NULL DEFAULT false,   -- to be taken back as soon as it is known whether it left
  created_at   timestamptz NOT NULL,
  queued_at    timestamptz,                      -- since when it waits for an approved recipient
  next_try_at  timestamptz,
  nudged_at    timestamptz,
  tries        integer NOT NULL DEFAULT 0 CHECK (tries >= 0),
  started_at   timestamptz,
  sent_at      timestamptz,
  left_as      text CHECK (left_as IN ('mail', 'file')), -- by SMTP, or as a file of an outbox
  file_name    text UNIQUE,
  sha256       bytea CHECK (octet_length(sha256) = 32), -- of what left
  answered_at  timestamptz,
  answer       text CHECK (answer IN ('acknowledged', 'removed', 'not_ours', 'disputed')),
  reason       text,
  UNIQUE (reference, part, number),
  CHECK (part <> 'first' OR number = 0),
  CHECK (part <> 'reminder' OR number > 0),
  CHECK (recipient_id IS NOT NULL OR state IN ('waiting_approval', 'withdrawn')),
  CHECK ((state = 'queued') <= (next_try_at IS NOT NULL AND queued_at IS NOT NULL)),
  CHECK ((state IN ('sending', 'unclear')) <= (started_at IS NOT NULL)),
  CHECK ((state IN ('sent', 'acknowledged', 'disputed', 'resolved')) <= (sent_at IS NOT NULL)),
  CHECK ((state = 'acknowledged') <= (answered_at IS NOT NULL)),
  CHECK ((state IN ('waiting_approval', 'rejected', 'unclear', 'withdrawn', 'disputed')) <= (reason IS NOT NULL)),
  CHECK ((answer IS NULL) = (answered_at IS NULL)),
  CHECK ((sent_at IS NULL) = (left_as IS NULL))
);
CREATE INDEX sendings_due ON sendings (next_try_at, id) WHERE state = 'queued';
CREATE INDEX sendings_started ON sendings (started_at, id) WHERE state = 'sending';
CREATE INDEX sendings_by_reference ON sendings (reference);
CREATE INDEX sendings_open ON sendings (state, created_at, id) WHERE state NOT IN ('resolved', 'withdrawn');

CREATE TABLE sending_items (
  sending_id uuid NOT NULL REFERENCES sendings,
  item_id    uuid NOT NULL REFERENCES items,
  PRIMARY KEY (sending_id, item_id)
);
CREATE INDEX sending_items_by_item ON sending_items (item_id);

ALTER TABLE online_checks
  ADD COLUMN round    integer NOT NULL DEFAULT 1 CHECK (round >= 1), -- of the item
  ADD COLUMN address  inet,
  ADD COLUMN asn      bigint CHECK (asn BETWEEN 1 AND 4294967295),
  ADD COLUMN reason   text;
