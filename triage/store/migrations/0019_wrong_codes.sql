-- A wrong code with the right password is counted apart: whoever sends it knows the password.
ALTER TABLE sign_in_failures DROP CONSTRAINT sign_in_failures_way_check;
ALTER TABLE sign_in_failures
  ADD CONSTRAINT sign_in_failures_way CHECK (way IN ('password', 'code', 'passkey')),
  ALTER COLUMN way DROP DEFAULT;
