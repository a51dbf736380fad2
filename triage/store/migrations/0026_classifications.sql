-- The detail of what is illegal: a neutral record, said with an assessment or once it is settled; and why, in one key.

ALTER TABLE assessments ADD COLUMN reason_code text
  CHECK (reason_code IN ('age_clear', 'age_unclear', 'no_child', 'art_or_virtual', 'needs_law_check'));

-- One row is what one person said once. Nothing of it is ever changed: what is said later stands in a row of its own.
CREATE TABLE classifications (
  id                uuid PRIMARY KEY,
  item_id           uuid NOT NULL REFERENCES items, -- on whose page it was said; what is of the site is of this one
  image_id          uuid REFERENCES images,         -- none: the item itself was judged
  round             integer NOT NULL CHECK (round >= 1), -- of the image, else of the item
  assessment_id     uuid UNIQUE REFERENCES assessments,  -- none: said once the verdict was settled
  person_id         uuid NOT NULL REFERENCES persons,
  severity_abc      text NOT NULL CHECK (severity_abc IN ('A', 'B', 'C', 'undetermined')),
  age_band_youngest text NOT NULL
    CHECK (age_band_youngest IN ('0-2', '3-6', '7-10', '11-13', '14-15', '16-17', 'unknown')),
  maturity          text NOT NULL CHECK (maturity IN ('infant', 'prepubescent', 'pubescent', 'unknown')),
  sex               text NOT NULL CHECK (sex IN ('female', 'male', 'both', 'undetermined')),
  origin            text NOT NULL CHECK (origin IN
    ('real', 'computer_generated', 'ai_generated', 'manipulated_real', 'drawn', 'undetermined')),
  recording         text NOT NULL CHECK (recording IN
    ('contact_unknown', 'child_alone_device', 'livestream_capture', 'hidden_camera', 'unknown')),
  victim_known      text NOT NULL CHECK (victim_known IN ('identified', 'unidentified', 'unknown')),
  language_clues    text[] NOT NULL CHECK (cardinality(language_clues) <= 8
    AND array_to_string(language_clues, ',', '?') ~ '^([a-z]{2,3}(,[a-z]{2,3})*)?$'),
  site_type         text NOT NULL CHECK (site_type IN
    ('website', 'file_host', 'image_store', 'image_board', 'image_host', 'forum', 'blog', 'social_network',
     'banner_site', 'link_site', 'redirector', 'search_provider', 'web_archive', 'not_applicable', 'unknown')),
  commerciality     text NOT NULL CHECK (commerciality IN ('commercial', 'non_commercial', 'undetermined')),
  payment           text[] NOT NULL CHECK (payment <@ ARRAY
    ['amex', 'bitcoin', 'diners', 'email', 'liberty_reserve', 'mastercard', 'paypal', 'sms', 'visa', 'western_union',
     'other', 'none']),
  given_at          timestamptz NOT NULL,
  CONSTRAINT classifications_paid_or_not CHECK (
    (commerciality <> 'non_commercial' OR payment <@ ARRAY['none'])
    AND (NOT payment @> ARRAY['none'] OR cardinality(payment) = 1))
);
CREATE INDEX classifications_by_image ON classifications (image_id, round) WHERE image_id IS NOT NULL;
CREATE INDEX classifications_by_item ON classifications (item_id, round) WHERE image_id IS NULL;

-- It goes with an illegal word of the same person on the same thing in the same round, who looked at it; or it is said
-- of what is settled as illegal and somebody looked at, by one of its assessors or by a lead.
CREATE FUNCTION check_classification() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.assessment_id IS NOT NULL THEN
    IF NOT EXISTS (SELECT FROM assessments WHERE id = NEW.assessment_id AND person_id = NEW.person_id
                   AND round = NEW.round AND national = 'illegal' AND basis = 'looked'
                   AND image_id IS NOT DISTINCT FROM NEW.image_id
                   AND (NEW.image_id IS NOT NULL OR item_id = NEW.item_id)) THEN
      RAISE EXCEPTION 'this detail goes with no such assessment' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
  END IF;
  IF NEW.image_id IS NOT NULL AND NOT EXISTS (
       SELECT FROM images WHERE id = NEW.image_id AND round = NEW.round AND verdict = 'illegal'
       AND verdict_basis = 'looked')
     OR NEW.image_id IS NULL AND NOT EXISTS (
       SELECT FROM assessments JOIN items ON items.id = item_id
       WHERE items.id = NEW.item_id AND items.round = NEW.round AND assessments.round = NEW.round
       AND national = 'illegal' AND items.settled_at IS NOT NULL) THEN
    RAISE EXCEPTION 'this is not settled as illegal by somebody who saw it' USING ERRCODE = 'check_violation';
  END IF;
  IF NOT EXISTS (SELECT FROM person_roles JOIN persons ON persons.id = person_id
                 WHERE person_id = NEW.person_id AND disabled_at IS NULL AND (role = 'lead' OR role = 'analyst' AND EXISTS (
                   SELECT FROM assessments WHERE assessments.person_id = NEW.person_id AND round = NEW.round
                   AND (assessments.image_id = NEW.image_id
                        OR NEW.image_id IS NULL AND assessments.item_id = NEW.item_id)))) THEN
    RAISE EXCEPTION 'this person may not say the detail of it' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER classifications_are_earned BEFORE INSERT ON classifications
  FOR EACH ROW EXECUTE FUNCTION check_classification();
CREATE TRIGGER classifications_are_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON classifications
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What a detail can be said of, and whether one counts: pictures and items themselves that are settled as illegal by
-- somebody who saw them. What came with another label than the settled one does not count.
CREATE VIEW describable_images AS
  SELECT images.id AS image_id, images.round, settled.label, images.media,
         EXISTS (SELECT FROM classifications LEFT JOIN assessments ON assessments.id = assessment_id
                 WHERE classifications.image_id = images.id AND classifications.round = images.round
                 AND (assessment_id IS NULL OR assessments.label = settled.label)) AS has_detail
  FROM images CROSS JOIN LATERAL (SELECT CASE WHEN images.verdict_baseline THEN 1 ELSE 2 END AS label) AS settled
  WHERE images.verdict = 'illegal' AND images.verdict_basis = 'looked';

CREATE VIEW describable_items AS
  SELECT items.id AS item_id, items.round, last.label,
         EXISTS (SELECT FROM classifications LEFT JOIN assessments ON assessments.id = assessment_id
                 WHERE classifications.image_id IS NULL AND classifications.item_id = items.id
                 AND classifications.round = items.round
                 AND (assessment_id IS NULL OR assessments.label = last.label)) AS has_detail
  FROM items JOIN LATERAL (
    SELECT label, national FROM assessments WHERE assessments.item_id = items.id AND assessments.round = items.round
    ORDER BY array_position(ARRAY['first', 'second', 'lead'], place) DESC LIMIT 1) AS last ON last.national = 'illegal'
  WHERE items.settled_at IS NOT NULL AND items.state NOT IN ('received', 'awaiting_assessment', 'awaiting_lead');

-- A detail that changes once a referral left is told anew, by a message of the same reference. Who hosts it is told none.
ALTER TABLE sendings
  DROP CONSTRAINT sendings_part_check,
  ADD CONSTRAINT sendings_part_check CHECK (part IN ('first', 'reminder', 'update', 'retraction')),
  ADD CONSTRAINT sendings_update_is_numbered CHECK (part <> 'update' OR number > 0),
  ADD CONSTRAINT sendings_update_is_no_notice CHECK (part <> 'update' OR kind <> 'notice');

-- What partners and the police are told of it; those who host it never are.
GRANT SELECT ON classifications, describable_images, describable_items TO hotline_staff, hotline_outbound;
GRANT INSERT ON classifications TO hotline_staff;
REVOKE ALL ON FUNCTION check_classification() FROM PUBLIC;
