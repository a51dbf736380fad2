"""The statements of an import: a list, already in temporary tables, against the stored entries of one set.

1. Withdraw what the list takes back.
2. Change what differs; before adding, so that new entries are not compared with themselves.
3. Add what is new.
4. Bring the fingerprints of all named entries to what the list says.
"""

WITHDRAW_INCOMING = """
    UPDATE hash_entries AS e SET withdrawn_at = %(now)s, changed_at = %(now)s, generation = %(generation)s
    FROM incoming_entries AS i
    WHERE e.set_id = %(set_id)s AND e.source_key = i.source_key AND i.withdrawn AND e.withdrawn_at IS NULL
"""

# Differs: another class or word, once withdrawn by the provider, or the two sides do not hold the same fingerprints.
CHANGE_INCOMING = """
    UPDATE hash_entries AS e
    SET class = i.class, raw_scheme = i.raw_scheme, raw_value = i.raw_value,
        withdrawn_at = CASE WHEN e.withdrawn_here THEN e.withdrawn_at END,
        changed_at = %(now)s, generation = %(generation)s
    FROM incoming_entries AS i
    WHERE e.set_id = %(set_id)s AND e.source_key = i.source_key AND NOT i.withdrawn AND (
        (e.class, e.raw_scheme, e.raw_value) IS DISTINCT FROM (i.class, i.raw_scheme, i.raw_value)
        OR e.withdrawn_at IS NOT NULL AND NOT e.withdrawn_here
        OR EXISTS (
            (SELECT algorithm, value FROM hash_entry_fingerprints WHERE entry_id = e.id
             EXCEPT SELECT algorithm, value FROM incoming_fingerprints WHERE source_key = e.source_key)
            UNION ALL
            (SELECT algorithm, value FROM incoming_fingerprints WHERE source_key = e.source_key
             EXCEPT SELECT algorithm, value FROM hash_entry_fingerprints WHERE entry_id = e.id)
        )
    )
"""

ADD_INCOMING = """
    INSERT INTO hash_entries (id, set_id, source_key, class, raw_scheme, raw_value, changed_at, generation)
    SELECT uuidv7(), %(set_id)s, i.source_key, i.class, i.raw_scheme, i.raw_value, %(now)s, %(generation)s
    FROM incoming_entries AS i WHERE NOT i.withdrawn
    ON CONFLICT (set_id, source_key) DO NOTHING
"""

DELETE_OLD_FINGERPRINTS = """
    DELETE FROM hash_entry_fingerprints AS f USING hash_entries AS e, incoming_entries AS i
    WHERE f.entry_id = e.id AND e.set_id = %(set_id)s AND e.source_key = i.source_key AND NOT i.withdrawn
    AND NOT EXISTS (
        SELECT FROM incoming_fingerprints AS n
        WHERE n.source_key = i.source_key AND n.algorithm = f.algorithm AND n.value = f.value
    )
"""

INSERT_NEW_FINGERPRINTS = """
    INSERT INTO hash_entry_fingerprints (entry_id, algorithm, value)
    SELECT e.id, n.algorithm, n.value
    FROM incoming_fingerprints AS n
    JOIN hash_entries AS e ON e.set_id = %(set_id)s AND e.source_key = n.source_key
    ON CONFLICT (entry_id, algorithm, value) DO NOTHING
"""
