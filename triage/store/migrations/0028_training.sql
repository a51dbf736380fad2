-- The training set: what each person said of drawn pictures with known answers, and who passed.

-- How long an answer took is not kept, so that nobody can count it.
CREATE TABLE training_answers (
  person_id uuid NOT NULL REFERENCES persons,
  round     integer NOT NULL CHECK (round >= 1),
  task      smallint NOT NULL CHECK (task BETWEEN 1 AND 12),
  answer    text NOT NULL CHECK (length(answer) <= 20),
  is_right  boolean NOT NULL,
  PRIMARY KEY (person_id, round, task)
);

-- Who judged before there was a training set has no round: they have passed.
CREATE TABLE trainings (
  person_id uuid PRIMARY KEY REFERENCES persons,
  round     integer CHECK (round >= 1),
  passed_at timestamptz NOT NULL
);
INSERT INTO trainings (person_id, passed_at) SELECT person_id, max(assessed_at) FROM assessments GROUP BY person_id;

-- Nobody passes without the answers: ten right ones of a whole round of twelve.
CREATE FUNCTION check_training() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT count(*) < 12 OR count(*) FILTER (WHERE is_right) < 10 FROM training_answers
      WHERE training_answers.person_id = NEW.person_id AND training_answers.round = NEW.round) THEN
    RAISE EXCEPTION 'this person has not passed the training set' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER trainings_are_earned BEFORE INSERT ON trainings FOR EACH ROW EXECUTE FUNCTION check_training();

CREATE TRIGGER training_answers_are_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON training_answers
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER trainings_are_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON trainings
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- hotline_staff: everybody answers for themselves; what was said stays.
GRANT SELECT, INSERT ON training_answers, trainings TO hotline_staff;
REVOKE ALL ON FUNCTION check_training() FROM PUBLIC;
