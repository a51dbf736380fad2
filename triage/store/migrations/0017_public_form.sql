-- The public form: a low lane for what looks like a machine's work, what a reporter says of themself, and mails to them.

ALTER TABLE reports
  ADD COLUMN is_low boolean NOT NULL DEFAULT false, -- a filled trap, an odd form age, or too many at once; never refused
  ADD CONSTRAINT reports_danger_is_never_low CHECK (NOT (is_low AND danger));

-- Every report of it was low: it is captured last and stands at the end of its queue. A child in danger outranks it.
ALTER TABLE items ADD COLUMN is_low boolean NOT NULL DEFAULT false;

-- What a reporter chose to say of themself, for the national statistics; apart from what they reported.
CREATE TABLE reporter_facts (
  report_id      uuid PRIMARY KEY REFERENCES reports,
  age_band       text CHECK (age_band IN ('under_14', '14_17', '18_24', '25_44', '45_64', '65_over')),
  sex            text CHECK (sex IN ('female', 'male', 'other')),
  city           text CHECK (city ~ '^[a-z]{2,20}$'),
  platform       text CHECK (platform ~ '^[a-z]{1,20}$'),
  platform_other text CHECK (length(platform_other) BETWEEN 1 AND 100 AND platform = 'other'),
  CHECK (COALESCE(age_band, sex, city, platform) IS NOT NULL)
);

-- A reporter who asked for mail. The address is sealed to the outbound process; it goes when the last word was said.
CREATE TABLE reporter_mails (
  report_id      uuid PRIMARY KEY REFERENCES reports,
  sealed_address bytea,
  language       text NOT NULL CHECK (language IN ('sq', 'en')),
  asked_at       timestamptz NOT NULL,
  told           text NOT NULL DEFAULT 'received' CHECK (told IN ('received', 'being_checked', 'closed')),
  telling        text CHECK (telling IN ('being_checked', 'closed')), -- the word that is being handed over
  started_at     timestamptz,
  tries          integer NOT NULL DEFAULT 0 CHECK (tries >= 0),
  next_try_at    timestamptz,
  nudged_at      timestamptz,
  ended_at       timestamptz,
  ended_as       text CHECK (ended_as IN ('told', 'refused', 'expired')),
  CHECK ((telling IS NULL) = (started_at IS NULL)),
  CHECK ((ended_at IS NULL) = (ended_as IS NULL)),
  CHECK ((ended_at IS NULL) = (sealed_address IS NOT NULL)),
  CHECK ((ended_at IS NULL) = (next_try_at IS NOT NULL)),
  CHECK (ended_at IS NULL OR telling IS NULL),
  CHECK ((ended_as = 'told') <= (told = 'closed'))
);
CREATE INDEX reporter_mails_due ON reporter_mails (next_try_at, report_id) WHERE ended_at IS NULL;

-- All that a mail to a reporter is about: how far the items of the report are.
CREATE VIEW mailed_items AS
  SELECT reporter_mails.report_id, items.state, items.moved_at
  FROM reporter_mails JOIN report_items ON report_items.report_id = reporter_mails.report_id
    JOIN items ON items.id = report_items.item_id;

-- As before; and an item becomes low only when it comes in, or comes in again.
CREATE OR REPLACE FUNCTION limit_public_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_user = 'hotline_public' THEN
    IF TG_OP = 'INSERT' THEN
      IF NEW.state NOT IN ('received', 'awaiting_hand_on') AND NOT (NEW.kind = 'text' AND NEW.state = 'awaiting_assessment')
         OR NEW.tries <> 0 OR NEW.nudged_at IS NOT NULL OR NEW.capture_id IS NOT NULL OR NOT NEW.is_top_level
         OR NEW.next_try_at > now() + interval '1 hour' THEN
        RAISE EXCEPTION 'the public surface only receives' USING ERRCODE = 'insufficient_privilege';
      END IF;
    ELSIF NEW.state <> OLD.state AND (
         (OLD.state, NEW.state) NOT IN (('closed', 'received'), ('awaiting_hand_on', 'received'))
         OR NEW.remit NOT IN ('csam', 'csem') OR NEW.tries <> 0 OR NEW.nudged_at IS NOT NULL
         OR NEW.next_try_at > now() + interval '1 hour')
       OR NEW.state = OLD.state AND
         (NEW.remit, NEW.base_lane, NEW.reason, NEW.closed_as, NEW.moved_at, NEW.tries, NEW.next_try_at, NEW.nudged_at)
         IS DISTINCT FROM
         (OLD.remit, OLD.base_lane, OLD.reason, OLD.closed_as, OLD.moved_at, OLD.tries, OLD.next_try_at, OLD.nudged_at)
       OR NEW.state = OLD.state AND NEW.is_low AND NOT OLD.is_low
       OR OLD.danger AND NOT NEW.danger
       OR OLD.is_top_level AND NOT NEW.is_top_level THEN
      RAISE EXCEPTION 'the public surface only receives' USING ERRCODE = 'insufficient_privilege';
    END IF;
  END IF;
  RETURN NEW;
END $$;

-- hotline_public: writes what was said, and cannot read it again.
GRANT SELECT (is_low), UPDATE (is_low) ON items TO hotline_public;
GRANT INSERT ON reporter_facts TO hotline_public;
GRANT INSERT (report_id, sealed_address, language, asked_at, next_try_at) ON reporter_mails TO hotline_public;

-- hotline_staff: reads; an address is sealed to a key that it does not hold. What a person asks for is low no more.
GRANT SELECT ON reporter_facts, reporter_mails, mailed_items TO hotline_staff;
GRANT UPDATE (is_low) ON items TO hotline_staff;

-- hotline_worker: the sweep puts due mails on the queue; the pictures of a low page are low.
GRANT SELECT (report_id, started_at, next_try_at, nudged_at, ended_at), UPDATE (nudged_at) ON reporter_mails TO hotline_worker;
GRANT UPDATE (is_low) ON items TO hotline_worker;

-- hotline_outbound: writes the mails, and forgets the addresses.
GRANT SELECT ON reporter_mails, mailed_items TO hotline_outbound;
GRANT UPDATE (sealed_address, told, telling, started_at, tries, next_try_at, nudged_at, ended_at, ended_as)
      ON reporter_mails TO hotline_outbound;
