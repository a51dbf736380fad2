-- A lead may refuse a list that waits, as well as let it.
ALTER TABLE hash_imports DROP CONSTRAINT hash_imports_check1;
ALTER TABLE hash_imports
  ADD CONSTRAINT hash_imports_decided CHECK (decided_by IS NULL OR state <> 'waiting' AND btrim(reason) <> '');
