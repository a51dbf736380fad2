-- Who takes the public surface over could have mails about older reports sent to themself long after they are gone.

CREATE FUNCTION limit_public_reporter() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_user = 'hotline_public' THEN
    IF NOT EXISTS (SELECT FROM reports WHERE id = NEW.report_id AND received_at > now() - interval '1 day') THEN
      RAISE EXCEPTION 'the public surface only says who reports now' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF TG_TABLE_NAME = 'reporter_mails' THEN -- half a year after that the address goes
      IF NEW.asked_at > now() + interval '1 hour' THEN
        RAISE EXCEPTION 'the public surface only asks now' USING ERRCODE = 'insufficient_privilege';
      END IF;
    END IF;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER reporter_facts_public BEFORE INSERT ON reporter_facts
  FOR EACH ROW EXECUTE FUNCTION limit_public_reporter();
CREATE TRIGGER reporter_mails_public BEFORE INSERT ON reporter_mails
  FOR EACH ROW EXECUTE FUNCTION limit_public_reporter();
REVOKE ALL ON FUNCTION limit_public_reporter() FROM PUBLIC;
