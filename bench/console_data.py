"""A database full of items for `bench/console.py`: made by the million in a few statements, most of them closed.

1. Ids tell what a row is and which number it has, so that every statement makes its rows without looking others up.
2. Of a thousand top-level items 925 are closed, 3 danger, 48 look, 10 no_look, 8 second, 3 lead, 3 hand_on.
   Every fiftieth in the look lane is a page of twelve pictures.
3. Every picture has digests and a PDQ hash of its own; those that wait have views, all of them of one drawing.
4. Triggers and foreign keys sleep meanwhile; what they would have written is written here, and a test asks the
   invariants.

Custody events are left out: no page reads more of them than those of its own item.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from triage.ids import new_id
from triage.rules.sign_in import csrf_of
from triage.rules.training import ROUND_TASKS
from triage.store.people import digest_token
from triage.vault import EVIDENCE, ObjectVault, new_identity, seal

Connection = psycopg.Connection[Any]

CHILDREN = 12
OPENED_AT_MOST = 3000
"""Pictures of the look lane, in its order, whose views lie in the store: nobody gets farther in one run."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who is signed in.

    Attributes:
        token: of the session, as the cookie holds it.
    """

    id: UUID
    name: str
    token: str = field(repr=False)

    @property
    def csrf(self) -> str:
        """What their forms bring along."""
        return csrf_of(self.token)


def add_visitors(conn: Connection, number: int, *, now: datetime) -> list[Visitor]:
    """Return so many analysts, trained and experienced, each with a session."""
    people = [Visitor(new_id(), f"Analyst {place}", secrets.token_urlsafe(32)) for place in range(number)]
    for one in people:
        values = {
            "id": one.id,
            "name": one.name,
            "now": now,
            "digest": digest_token(one.token),
            "tasks": ROUND_TASKS,
        }
        for statement in _VISITOR:
            conn.execute(statement, values)
    conn.commit()
    return people


_VISITOR = (
    "INSERT INTO persons (id, name, created_at) VALUES (%(id)s, %(name)s, %(now)s)",
    "INSERT INTO person_roles (person_id, role) VALUES (%(id)s, 'analyst')",
    "UPDATE look_starts SET since = '2020-01-01Z' WHERE person_id = %(id)s",
    "INSERT INTO training_answers (person_id, round, task, answer, is_right)"
    " SELECT %(id)s, 1, task, '3', true FROM generate_series(1, %(tasks)s) AS task",
    "INSERT INTO trainings (person_id, round, passed_at) VALUES (%(id)s, 1, %(now)s)",
    "INSERT INTO sessions (token_digest, person_id, started_at, seen_at) VALUES (%(digest)s, %(id)s, %(now)s, %(now)s)",
)


def write_reference(number: int) -> str:
    """Return the reference of the item at the top level that has a number, as the rows below have it."""
    code = f"{number:08X}"
    return f"IS-{code[:4]}-{code[4:]}"


def fill(
    conn: Connection, items: int, *, former: Sequence[UUID], vault_recipient: str, now: datetime
) -> None:
    """Fill an empty database.

    Args:
        conn: of the superuser: triggers and foreign keys sleep meanwhile.
        items: at the top level.
        former: who judged what is judged.
    """
    identity, _ = _make_picture_keys()
    values = {
        "n": items,
        "now": now,
        "former": list(former),
        "children": CHILDREN,
        "sealed": seal(identity.encode(), vault_recipient),
    }
    conn.execute("SET session_replication_role = replica")
    conn.execute("SET synchronous_commit = off")
    for statement in _FILL:
        conn.execute(statement, values)
        conn.commit()
    conn.execute("SET session_replication_role = origin")
    conn.commit()
    conn.autocommit = True
    conn.execute("VACUUM (ANALYZE)")
    conn.autocommit = False


_IDENTITIES: list[tuple[str, str]] = []


def _make_picture_keys() -> tuple[str, str]:
    """Return the identity and the recipient of all pictures of this run."""
    if not _IDENTITIES:
        _IDENTITIES.append(new_identity())
    return _IDENTITIES[0]


def store_views(conn: Connection, vault: ObjectVault, views: dict[str, bytes]) -> None:
    """Store the views of the pictures that are looked at first.

    Args:
        views: kind → JPEG; each is sealed once and has as many names as there are pictures.
    """
    if vault.folder is None:
        raise ValueError("the views lie in a folder")
    recipient = _make_picture_keys()[1]
    rows = conn.execute(
        "SELECT name, kind FROM evidence_objects JOIN (SELECT item_images.image_id, queue_place, received_at, items.id"
        "  FROM items LEFT JOIN item_children ON parent_id = items.id"
        "  JOIN item_images ON item_id = COALESCE(child_id, items.id) WHERE lane = 'look' AND is_top_level"
        "  ORDER BY queue_place, received_at, items.id LIMIT %(limit)s) AS first USING (image_id)",
        {"limit": OPENED_AT_MOST},
    ).fetchall()
    conn.rollback()
    stored: dict[str, Path] = {}
    for kind, data in views.items():
        stored[kind] = vault.folder / EVIDENCE / vault.put(EVIDENCE, seal(data, recipient))
    for name, kind in rows:
        (vault.folder / EVIDENCE / name).hardlink_to(stored[kind])


# The rows. All of it hangs on the number of an item: h says what it is.

_ITEMS = (
    "WITH numbered AS (SELECT number::integer AS number, (number::bigint * 7919 %% 1000)::integer AS h,"
    "  number %% 97 AS place FROM generate_series(1, %(n)s) AS number)"
)

_FILL = (
    "CREATE UNLOGGED TABLE bench_items AS " + _ITEMS + " SELECT number, h,"
    " overlay(upper(lpad(to_hex(number), 8, '0')) PLACING '-' FROM 5 FOR 0) AS code,"
    " ('01900000-0000-7000-8000-' || lpad(to_hex(number), 12, '0'))::uuid AS id,"
    " ('01900000-0001-7000-8000-' || lpad(to_hex(number), 12, '0'))::uuid AS image_id,"
    " ('01900000-0002-7000-8000-' || lpad(to_hex(number), 12, '0'))::uuid AS capture_id,"
    " ('01900000-0003-7000-8000-' || lpad(to_hex(number), 12, '0'))::uuid AS report_id,"
    " CASE WHEN h < 925 THEN 'closed' WHEN h < 994 THEN 'awaiting_assessment'"
    "  WHEN h < 997 THEN 'awaiting_lead' ELSE 'awaiting_hand_on' END::item_state AS state,"
    " CASE WHEN h < 925 THEN NULL WHEN h < 976 THEN 'look' WHEN h < 986 THEN 'no_look' WHEN h < 994 THEN 'second'"
    "  WHEN h < 997 THEN 'lead' ELSE 'hand_on' END::lane AS lane,"
    " (%(former)s::uuid[])[1 + number %% cardinality(%(former)s::uuid[])] AS person_id,"
    " h BETWEEN 925 AND 927 AS danger, h BETWEEN 928 AND 975 AND number %% 50 = 0 AS is_page,"
    " h < 997 AND NOT (h BETWEEN 928 AND 975 AND number %% 50 = 0) AS is_single,"
    " 'http://' || (ARRAY['foto', 'albumi', 'media', 'cdn'])[1 + place %% 4] || place"
    "  || (ARRAY['.example.al', '.example', '.example.net'])[1 + place %% 3] || '/p/' || number || '.jpg' AS url,"
    " %(now)s::timestamptz - CASE WHEN h < 925 THEN make_interval(secs => 86400 + number::bigint * 7919 %% 34000000)"
    "  ELSE make_interval(secs => number %% 200000) END AS at FROM numbered",
    "CREATE UNLOGGED TABLE bench_children AS SELECT bench_items.id AS parent_id,"
    " bench_items.capture_id AS parent_capture, place, url, at,"
    " overlay(upper(to_hex(2147483648 + number * 100 + place)) PLACING '-' FROM 5 FOR 0) AS code,"
    " ('01900000-0004-7000-8000-' || lpad(to_hex(number * 100 + place), 12, '0'))::uuid AS id,"
    " ('01900000-0005-7000-8000-' || lpad(to_hex(number * 100 + place), 12, '0'))::uuid AS image_id,"
    " ('01900000-0006-7000-8000-' || lpad(to_hex(number * 100 + place), 12, '0'))::uuid AS capture_id"
    " FROM bench_items, generate_series(1, %(children)s) AS place WHERE is_page",
    "INSERT INTO reports (id, reference, channel, remit, danger, note, receipt_hmac, received_at)"
    " SELECT report_id, 'R-' || code, 'public', 'csam', danger, 'Praktikë: raportim nr. ' || number,"
    " sha256(report_id::text::bytea), at FROM bench_items",
    "INSERT INTO items (id, reference, kind, state, remit, url, url_key, is_top_level, danger, base_lane, reason,"
    " closed_as, received_at, moved_at, captured_at, capture_id, settled_at, is_danger_reported,"
    " report_count, score, blind_score, score_parts, score_due_at, host_country, has_known, waits_second, first_by,"
    " is_located)"
    " SELECT id, 'IS-' || code, 'url', state, CASE WHEN lane = 'hand_on' THEN 'other' ELSE 'csam' END::remit, url,"
    " sha256(convert_to(url, 'UTF8')), true, danger, lane, CASE WHEN lane IS NOT NULL THEN 'new picture' END,"
    " CASE WHEN h < 630 THEN 'not_actionable' WHEN h < 925 THEN 'removed' END::closed_as, at, at,"
    " CASE WHEN lane IS DISTINCT FROM 'hand_on' THEN at END,"
    " CASE WHEN lane IS DISTINCT FROM 'hand_on' THEN capture_id END,"
    " CASE WHEN h < 925 THEN at END, danger, 1, CASE WHEN danger THEN 90 ELSE number %% 60 END,"
    " CASE WHEN danger THEN 90 ELSE number %% 60 END, '{\"new\": 25}',"
    " CASE WHEN lane IS NOT NULL THEN %(now)s::timestamptz + interval '7 days' END,"
    " CASE WHEN number %% 3 = 0 THEN 'AL' END, coalesce(lane = 'no_look', false), coalesce(lane = 'second', false),"
    " CASE WHEN lane = 'second' THEN person_id END, h BETWEEN 630 AND 924 FROM bench_items",
    "INSERT INTO items (id, reference, kind, state, remit, url, url_key, is_top_level, base_lane, reason, received_at,"
    " moved_at, captured_at, capture_id)"
    " SELECT id, 'IS-' || code, 'url', 'awaiting_assessment', 'csam', url || '/' || place,"
    " sha256(convert_to(url || '/' || place, 'UTF8')), false, 'look', 'new picture', at, at, at, capture_id"
    " FROM bench_children",
    "INSERT INTO report_items (report_id, item_id, line) SELECT report_id, id, 1 FROM bench_items",
    "INSERT INTO captures (id, item_id, worker, started_at, lease_until, ended_at, outcome, final_url, status, hops,"
    " content_type, bytes, sha256, elapsed_ms)"
    " SELECT capture_id, id, 'bench', at, at + interval '1 minute', at + interval '1 second', 'captured', url, 200,"
    " '[]', CASE WHEN is_page THEN 'text/html' ELSE 'image/jpeg' END, 90000, sha256(id::text::bytea), 400"
    " FROM bench_items WHERE h < 997",
    "INSERT INTO captures (id, item_id, worker, started_at, lease_until, ended_at, outcome, final_url, status, hops,"
    " content_type, bytes, sha256, elapsed_ms)"
    " SELECT capture_id, id, 'bench', at, at + interval '1 minute', at + interval '1 second', 'captured', url, 200,"
    " '[]', 'image/jpeg', 90000, sha256(id::text::bytea), 400 FROM bench_children",
    "INSERT INTO item_children (parent_id, child_id, capture_id, place)"
    " SELECT parent_id, id, parent_capture, place FROM bench_children",
    "INSERT INTO images (id, sha256, state, media, can_be_shown, bytes, format, width, height, frames, verdict,"
    " verdict_baseline, verdict_basis, settled_at, first_seen_at)"
    " SELECT image_id, sha256(id::text::bytea), CASE WHEN h < 925 THEN 'settled'"
    " WHEN lane = 'second' THEN 'judged_once' WHEN lane = 'lead' THEN 'disputed' ELSE 'unjudged' END::image_state,"
    " 'picture', true, 90000, 'JPEG', 1024, 768, 1,"
    " CASE WHEN h < 630 THEN 'not_illegal' WHEN h < 925 THEN 'illegal' END::national_verdict,"
    " CASE WHEN h BETWEEN 630 AND 924 THEN true END, CASE WHEN h < 925 THEN 'looked' END,"
    " CASE WHEN h < 925 THEN at END, at FROM bench_items WHERE is_single",
    "INSERT INTO images (id, sha256, media, can_be_shown, bytes, format, width, height, frames, first_seen_at)"
    " SELECT image_id, sha256(id::text::bytea), 'picture', true, 90000, 'JPEG', 1024, 768, 1, at FROM bench_children",
    "INSERT INTO item_images (item_id, image_id, capture_id)"
    " SELECT id, image_id, capture_id FROM bench_items WHERE is_single"
    " UNION ALL SELECT id, image_id, capture_id FROM bench_children",
    "INSERT INTO fingerprints (id, image_id, algorithm, version, frame, orientation, value, quality,"
    " matched_generation)"
    " SELECT CASE algorithm WHEN 'sha256' THEN capture_id ELSE gen_random_uuid() END, image_id, algorithm, 1, 0,"
    " CASE algorithm WHEN 'pdq' THEN 'r0' ELSE 'bytes' END, substr(sha256((algorithm || id)::bytea), 1, bytes),"
    " CASE algorithm WHEN 'pdq' THEN 100 END, 0 FROM (SELECT id, capture_id, image_id FROM bench_items WHERE is_single"
    " UNION ALL SELECT id, capture_id, image_id FROM bench_children) AS shown,"
    " (VALUES ('pdq', 32), ('sha256', 32), ('sha1', 20), ('md5', 16)) AS kinds (algorithm, bytes)",
    "INSERT INTO assessments (id, image_id, round, place, person_id, label, national, baseline, basis, assessed_at)"
    " SELECT gen_random_uuid(), image_id, 1, 'first', person_id, CASE WHEN h < 630 THEN 3 WHEN lane = 'lead' THEN 6"
    " ELSE 1 END, CASE WHEN h < 630 THEN 'not_illegal' WHEN lane = 'lead' THEN 'doubtful' ELSE 'illegal'"
    " END::national_verdict, CASE WHEN h < 630 THEN false WHEN lane = 'lead' THEN NULL ELSE true END, 'looked',"
    " at"
    " FROM bench_items WHERE is_single AND (h < 925 OR lane IN ('second', 'lead'))",
    "INSERT INTO looks (id, image_id, person_id, rendering, started_at, ended_at, shown_ms, item_id, round,"
    " token_digest, expires_at, fetched_at)"
    " SELECT gen_random_uuid(), image_id, person_id, 'grey_half', at, at + interval '2 seconds', 2000, id, 1,"
    " sha256(image_id::text::bytea), at + interval '10 seconds', at"
    " FROM bench_items WHERE is_single AND (h < 925 OR lane IN ('second', 'lead'))",
    "INSERT INTO hostings (id, item_id, address, asn, operator, country, sources, agreement, located_at)"
    " SELECT gen_random_uuid(), id, '192.0.2.10', 64496 + number %% 40, 'Operator ' || number %% 40, 'AL', '{}',"
    " 'agreed', at FROM bench_items WHERE h BETWEEN 630 AND 924",
    "INSERT INTO hash_sets (id, name, provider, licence, region, created_at)"
    " VALUES ('01900000-0007-7000-8000-000000000000', 'bench', 'Bench', 'none', 'AL', %(now)s)",
    "INSERT INTO hash_set_trusts (set_id, class, step, person_id, reason, at)"
    " SELECT '01900000-0007-7000-8000-000000000000', 'baseline', step, id, 'bench', %(now)s"
    " FROM unnest(ARRAY['proposed', 'confirmed']) WITH ORDINALITY AS step (step, nth)"
    " JOIN (SELECT id, row_number() OVER (ORDER BY id) AS nth FROM persons) AS people USING (nth)",
    "INSERT INTO hash_entries (id, set_id, source_key, class, raw_scheme, raw_value, changed_at)"
    " SELECT report_id, '01900000-0007-7000-8000-000000000000', number::text, 'baseline', 'csv', 'baseline',"
    " %(now)s::timestamptz - interval '500 days' FROM bench_items WHERE lane = 'no_look'",
    "INSERT INTO hash_entry_fingerprints (entry_id, algorithm, value)"
    " SELECT report_id, 'sha256', sha256(('sha256' || id)::bytea) FROM bench_items WHERE lane = 'no_look'",
    "INSERT INTO matches (id, fingerprint_id, image_id, entry_id, kind, distance, class, is_trusted, generation,"
    " matched_at)"
    " SELECT gen_random_uuid(), capture_id, image_id, report_id, 'exact', 0, 'baseline', true, 0, at FROM bench_items"
    " WHERE lane = 'no_look'",
    "INSERT INTO evidence_keys (image_id, sealed_identity, created_at)"
    " SELECT image_id, %(sealed)s, at FROM bench_items WHERE lane IN ('look', 'second', 'lead') AND is_single"
    " UNION ALL SELECT image_id, %(sealed)s, at FROM bench_children",
    "INSERT INTO evidence_objects (name, image_id, kind, bytes, created_at)"
    " SELECT encode(substr(sha256((image_id::text || kind)::bytea), 1, 20), 'hex'), image_id, kind, 40000, created_at"
    " FROM evidence_keys, unnest(ARRAY['thumb', 'grey_half', 'colour']) AS kind",
    "DROP TABLE bench_items, bench_children",
)
