-- What strangers may have us keep and send: bytes of uploads that wait, and mails to reporters in a day.

-- A public report whose files are on their way: the bytes that it may bring, taken before the first of them is stored.
CREATE TABLE upload_holds (
  id       uuid PRIMARY KEY,
  bytes    bigint NOT NULL CHECK (bytes > 0),
  taken_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX intake_objects_stored ON intake_objects (item_id) WHERE deleted_at IS NULL;

-- All that public uploads take: on their way, and stored until their objects are gone. Sealing adds 16 bytes to every
-- 64 KiB, and a head; each file counts 64 KiB more, so that the number of small ones has a bound too. A hold whose
-- process died lapses after longer than any body may take.
CREATE VIEW public_upload_bytes AS
  SELECT
    (SELECT COALESCE(sum(bytes), 0)::bigint FROM upload_holds WHERE taken_at > now() - interval '45 minutes') AS held,
    (SELECT COALESCE(sum(bytes + bytes / 4096 + 65536), 0)::bigint FROM intake_objects
     WHERE deleted_at IS NULL AND EXISTS (
       SELECT FROM report_items JOIN reports ON reports.id = report_items.report_id
       WHERE report_items.item_id = intake_objects.item_id AND reports.channel = 'public')) AS stored;

-- Mails to reporters that left, or may have, on a day in Tiranë.
CREATE TABLE reporter_mail_days (
  day   date PRIMARY KEY,
  mails integer NOT NULL CHECK (mails >= 0)
);

-- hotline_public: holds and gives back; it cannot say since when, so that nothing is held after it has gone.
GRANT SELECT ON public_upload_bytes TO hotline_public;
GRANT SELECT (id, taken_at), INSERT (id, bytes), DELETE ON upload_holds TO hotline_public;

-- hotline_outbound: counts its mails.
GRANT SELECT, INSERT, UPDATE (mails) ON reporter_mail_days TO hotline_outbound;

-- hotline_staff: reads.
GRANT SELECT ON upload_holds, public_upload_bytes, reporter_mail_days TO hotline_staff;
