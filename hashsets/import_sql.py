"""The statements of an import: a list, already in temporary tables, against the stored entries of one set.

1. Withdraw what the list takes back; of a snapshot, also what it no longer names.
2. Change what differs; before adding, so that new entries are not compared with themselves.
3. Add what is new.
4. Bring the fingerprints of all named entries to what the list says.

A row that is older than what is stored, by its provider's own time, says nothing: unless it comes in a snapshot,
deltas may be taken in twice and in any order.
"""

MAKE_TABLES = """
    CREATE TEMPORARY TABLE incoming_entries (
        source_key text NOT NULL, class text NOT NULL, raw_scheme text NOT NULL, raw_value text NOT NULL,
        withdrawn boolean NOT NULL, revised_at timestamptz, algorithms text[] NOT NULL, hashes text[] NOT NULL
    ) ON COMMIT DROP
"""

MAKE_FINGERPRINTS = """
    CREATE TEMPORARY TABLE incoming_fingerprints ON COMMIT DROP AS
    SELECT source_key, algorithm, decode(hash, 'hex') AS value
    FROM incoming_entries, unnest(algorithms, hashes) AS one (algorithm, hash)
    WHERE NOT withdrawn AND NOT EXISTS (
        SELECT FROM denied_hashes AS d WHERE d.algorithm = one.algorithm AND d.value = decode(hash, 'hex')
    )
"""

DROP_STALE = """
    DELETE FROM incoming_entries AS i USING hash_entries AS e
    WHERE e.set_id = %(set_id)s AND e.source_key = i.source_key AND i.revised_at < e.revised_at
"""

COUNT_PLAN = """
    SELECT count(*) FILTER (WHERE e.withdrawn_at IS NULL),
        count(*) FILTER (WHERE e.withdrawn_at IS NULL AND i.source_key IS NULL AND %(is_snapshot)s),
        count(*) FILTER (WHERE e.withdrawn_at IS NULL AND i.withdrawn),
        count(*) FILTER (WHERE e.withdrawn_at IS NULL AND NOT i.withdrawn AND (
            i.class <> e.class OR e.id IN (
                SELECT o.id FROM incoming_entries AS named
                JOIN hash_entries AS o ON o.set_id = %(set_id)s AND o.source_key = named.source_key
                JOIN hash_entry_fingerprints AS f ON f.entry_id = o.id
                LEFT JOIN incoming_fingerprints AS n
                ON n.source_key = o.source_key AND n.algorithm = f.algorithm AND n.value = f.value
                WHERE n.source_key IS NULL)))
    FROM hash_entries AS e LEFT JOIN incoming_entries AS i ON i.source_key = e.source_key
    WHERE e.set_id = %(set_id)s
"""

WITHDRAW_INCOMING = """
    UPDATE hash_entries AS e SET withdrawn_at = %(now)s, changed_at = %(now)s, generation = %(generation)s,
        revised_at = coalesce(i.revised_at, e.revised_at)
    FROM incoming_entries AS i
    WHERE e.set_id = %(set_id)s AND e.source_key = i.source_key AND i.withdrawn AND e.withdrawn_at IS NULL
"""

WITHDRAW_MISSING = """
    UPDATE hash_entries AS e SET withdrawn_at = %(now)s, changed_at = %(now)s, generation = %(generation)s
    WHERE e.set_id = %(set_id)s AND e.withdrawn_at IS NULL
    AND NOT EXISTS (SELECT FROM incoming_entries AS i WHERE i.source_key = e.source_key)
"""

# Differs: another class or word, once withdrawn by the provider, or the two sides do not hold the same fingerprints.
CHANGE_INCOMING = """
    UPDATE hash_entries AS e
    SET class = i.class, raw_scheme = i.raw_scheme, raw_value = i.raw_value,
        withdrawn_at = CASE WHEN e.withdrawn_here THEN e.withdrawn_at END,
        revised_at = coalesce(i.revised_at, e.revised_at), changed_at = %(now)s, generation = %(generation)s
    FROM incoming_entries AS i
    WHERE e.set_id = %(set_id)s AND e.source_key = i.source_key AND NOT i.withdrawn AND (
        (e.class, e.raw_scheme, e.raw_value) IS DISTINCT FROM (i.class, i.raw_scheme, i.raw_value)
        OR e.withdrawn_at IS NOT NULL AND NOT e.withdrawn_here
        OR e.source_key IN (
            SELECT coalesce(stored.source_key, n.source_key)
            FROM (
                SELECT o.source_key, f.algorithm, f.value FROM incoming_entries AS named
                JOIN hash_entries AS o ON o.set_id = %(set_id)s AND o.source_key = named.source_key
                JOIN hash_entry_fingerprints AS f ON f.entry_id = o.id
            ) AS stored
            FULL JOIN incoming_fingerprints AS n
            ON n.source_key = stored.source_key AND n.algorithm = stored.algorithm AND n.value = stored.value
            WHERE stored.source_key IS NULL OR n.source_key IS NULL
        )
    )
"""

# Only the provider's own time is another one: nothing that anybody matches by has changed.
NOTE_REVISION = """
    UPDATE hash_entries AS e SET revised_at = i.revised_at FROM incoming_entries AS i
    WHERE e.set_id = %(set_id)s AND e.source_key = i.source_key
    AND i.revised_at IS NOT NULL AND (e.revised_at IS NULL OR i.revised_at > e.revised_at)
"""

ADD_INCOMING = """
    INSERT INTO hash_entries
        (id, set_id, source_key, class, raw_scheme, raw_value, revised_at, changed_at, generation)
    SELECT uuidv7(), %(set_id)s, i.source_key, i.class, i.raw_scheme, i.raw_value, i.revised_at, %(now)s,
        %(generation)s
    FROM incoming_entries AS i WHERE NOT i.withdrawn AND NOT EXISTS (
        SELECT FROM hash_entries AS e WHERE e.set_id = %(set_id)s AND e.source_key = i.source_key
    )
"""

# What a delta takes back before the one that brings it was taken in: kept, so that the older word finds it.
ADD_WITHDRAWN = """
    INSERT INTO hash_entries
        (id, set_id, source_key, class, raw_scheme, raw_value, revised_at, changed_at, withdrawn_at, generation)
    SELECT uuidv7(), %(set_id)s, i.source_key, i.class, i.raw_scheme, i.raw_value, i.revised_at, %(now)s, %(now)s,
        %(generation)s - 1
    FROM incoming_entries AS i WHERE i.withdrawn AND i.revised_at IS NOT NULL AND NOT EXISTS (
        SELECT FROM hash_entries AS e WHERE e.set_id = %(set_id)s AND e.source_key = i.source_key
    )
"""

DELETE_OLD_FINGERPRINTS = """
    DELETE FROM hash_entry_fingerprints AS f USING hash_entries AS e, incoming_entries AS i
    WHERE f.entry_id = e.id AND e.set_id = %(set_id)s AND e.source_key = i.source_key AND NOT i.withdrawn
    AND e.generation = %(generation)s
"""

# Of what is new or has just lost its old ones. In the order of the values: so the big index is filled page by page.
INSERT_NEW_FINGERPRINTS = """
    INSERT INTO hash_entry_fingerprints (entry_id, algorithm, value)
    SELECT e.id, n.algorithm, n.value
    FROM incoming_fingerprints AS n
    JOIN hash_entries AS e ON e.set_id = %(set_id)s AND e.source_key = n.source_key
    WHERE e.generation = %(generation)s
    ORDER BY n.algorithm, n.value
"""

# Of the other set of which most entries became contested: how many, and how many it has.
COUNT_CONTESTED = """
    SELECT marked.entries, (SELECT count(*) FROM live_hash_entries AS l WHERE l.set_id = marked.set_id)
    FROM (
        SELECT set_id, count(*) AS entries FROM hash_entries
        WHERE generation = %(generation)s AND is_contested AND set_id <> %(set_id)s
        GROUP BY set_id HAVING count(*) >= %(least)s
    ) AS marked ORDER BY marked.entries DESC, marked.set_id LIMIT 1
"""
