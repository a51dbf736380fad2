"""The house holds together: tables against tables, grants against a list, files against the rules of style."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import pytest

import triage
from hashsets.disputes import DisputeStep
from hashsets.model import UNTRUSTABLE, Algorithm, EntryClass, HitKind, Sharing
from triage.cli.__main__ import COMMANDS, build_parser
from triage.crash_points import POINTS
from triage.keys import KEY_FILES
from triage.model import Channel, ChannelOut, EvidenceKind, Media, PersonRole, RecipientKind
from triage.process import OBJECT_AREAS
from triage.rules import states
from triage.rules.assessing import NationalVerdict, Place
from triage.rules.due import (
    FILE_JOBS,
    ITEM_JOBS,
    LATE_JOBS,
    LIST_JOBS,
    REPORTER_JOBS,
    SENDING_JOBS,
    Job,
    QueueName,
)
from triage.rules.recovery import RecoveryState, RecoveryWay
from triage.rules.states import (
    FINAL,
    IMAGE_MOVES,
    ITEM_MOVES,
    SENDING_MOVES,
    CaptureOutcome,
    ClosedAs,
    ImageState,
    ItemKind,
    ItemState,
    Lane,
    Move,
    Remit,
    SendingState,
)
from triage.store.hash_imports import ImportState
from triage.store.hash_recalls import RecallCause
from triage.store.migrate import RUNTIME_ROLES
from workers.jobs import JOBS, OUTBOUND_JOBS

ROOT = Path(triage.__file__).parents[1]
PACKAGES = ("hashsets", "triage", "workers", "api")
MACHINES: tuple[tuple[type[StrEnum], tuple[Move, ...]], ...] = (
    (ItemState, ITEM_MOVES),
    (ImageState, IMAGE_MOVES),
    (SendingState, SENDING_MOVES),
)


def list_modules() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


# Enums in SQL and in Python

SQL_TYPES: dict[str, type[StrEnum]] = {
    "remit": Remit,
    "item_kind": ItemKind,
    "item_state": ItemState,
    "closed_as": ClosedAs,
    "lane": Lane,
    "capture_outcome": CaptureOutcome,
    "image_state": ImageState,
    "image_media": Media,
    "sending_state": SendingState,
    "person_role": PersonRole,
    "national_verdict": NationalVerdict,
}
SQL_CHECKS: dict[tuple[str, str], set[str]] = {
    ("hash_entries", "class"): {one.value for one in EntryClass},
    ("hash_sets", "sharing"): {one.value for one in Sharing},
    ("recoveries", "way"): {one.value for one in RecoveryWay},
    ("recoveries", "state"): {one.value for one in RecoveryState},
    ("hash_disputes", "step"): {one.value for one in DisputeStep},
    ("denied_hashes", "algorithm"): {one.value for one in Algorithm},
    ("hash_imports", "state"): {one.value for one in ImportState},
    ("hash_recalls", "cause"): {one.value for one in RecallCause},
    ("hash_set_trusts", "class"): {one.value for one in set(EntryClass) - UNTRUSTABLE},
    ("hash_entry_fingerprints", "algorithm"): {one.value for one in Algorithm},
    ("fingerprints", "algorithm"): {one.value for one in Algorithm},
    ("matches", "kind"): {one.value for one in HitKind},
    ("reports", "channel"): {one.value for one in Channel},
    ("evidence_objects", "kind"): {one.value for one in EvidenceKind},
    ("api_tokens", "scope"): {"intake", "match", "stats"},
    ("assessments", "place"): {one.value for one in Place},
    ("assessments", "basis"): {one.value for one in states.Basis},
    ("images", "verdict_basis"): {one.value for one in states.Basis},
    ("sendings", "basis"): {one.value for one in states.Basis},
    ("sendings", "kind"): {one.value for one in states.SendingKind},
    ("sendings", "part"): {one.value for one in states.SendingPart},
    ("hostings", "agreement"): {one.value for one in states.Agreement},
    ("online_checks", "result"): {one.value for one in states.OnlineResult},
    ("recipients", "kind"): {one.value for one in RecipientKind},
    ("recipients", "channel"): {one.value for one in ChannelOut},
}


def test_enums_are_the_same_in_sql_and_in_python(conn) -> None:
    rows = conn.execute(
        "SELECT typname, array_agg(enumlabel ORDER BY enumsortorder) FROM pg_enum"
        " JOIN pg_type ON pg_type.oid = enumtypid GROUP BY typname"
    ).fetchall()
    found = dict(rows)
    known = {name: [one.value for one in enum] for name, enum in SQL_TYPES.items()}
    assert {name: labels for name, labels in found.items() if name in known} == known
    assert set(found) == set(known)
    for (table, column), values in SQL_CHECKS.items():
        definitions = conn.execute(
            "SELECT pg_get_constraintdef(pg_constraint.oid) FROM pg_constraint"
            " JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]"
            " WHERE conrelid = %(table)s::regclass AND contype = 'c' AND cardinality(conkey) = 1"
            " AND attname = %(column)s",
            {"table": table, "column": column},
        ).fetchall()
        (definition,) = (row[0] for row in definitions)
        assert set(re.findall(r"'([a-z0-9_]+)'::text", definition)) == values, (table, column)


_CHECKED = (states.Basis, states.SendingKind, states.SendingPart, states.Agreement, states.OnlineResult)
"""Enums that stand in SQL as a CHECK on text."""


def test_every_enum_of_the_states_is_compared() -> None:
    ours = {
        value
        for value in vars(states).values()
        if isinstance(value, type) and issubclass(value, StrEnum) and value is not StrEnum
    }
    compared = {*SQL_TYPES.values(), *_CHECKED}
    assert ours - compared == {states.Who}


# States and moves


@pytest.mark.parametrize(("enum", "moves"), MACHINES, ids=lambda value: getattr(value, "__name__", ""))
def test_every_state_is_reached_and_reaches_an_end(enum: type[StrEnum], moves: tuple[Move, ...]) -> None:
    after: dict[StrEnum, set[StrEnum]] = {state: set() for state in enum}
    for move in moves:
        assert isinstance(move.before, enum)
        assert isinstance(move.after, enum)
        after[move.before].add(move.after)

    def reach(start: StrEnum) -> set[StrEnum]:
        seen, ahead = {start}, [start]
        while ahead:
            fresh = after[ahead.pop()] - seen
            seen |= fresh
            ahead += fresh
        return seen

    ends = {state for state in enum if state in FINAL}
    assert ends
    assert [state for state in enum if not reach(state) & ends] == []
    starts = {
        ItemState: {ItemState.RECEIVED},
        ImageState: {ImageState.UNJUDGED},
        SendingState: {SendingState.WAITING_APPROVAL},
    }[enum]
    assert set().union(*(reach(start) for start in starts)) == set(enum)


def test_no_state_has_two_moves_of_one_event() -> None:
    for _, moves in MACHINES:
        pairs = [(move.before, move.event) for move in moves]
        assert len(set(pairs)) == len(pairs)
        assert all(re.fullmatch(r"[a-z_]+", move.event) for move in moves)


def test_every_job_has_a_function_and_a_queue() -> None:
    named: set[Job] = {
        *ITEM_JOBS.values(),
        *LATE_JOBS.values(),
        *SENDING_JOBS.values(),
        *LIST_JOBS,
        *FILE_JOBS,
        *REPORTER_JOBS,
    }
    assert all((late.name, late.queue) != (job.name, job.queue) for job, late in LATE_JOBS.items())
    assert {job.name for job in named} == {*JOBS, *OUTBOUND_JOBS}
    assert {job.name for job in named if job.queue is QueueName.OUTBOUND} == set(OUTBOUND_JOBS)
    assert {job.queue for job in named} == set(QueueName)
    assert all(callable(work) for work in (*JOBS.values(), *OUTBOUND_JOBS.values()))


def test_the_words_of_this_house_are_complete() -> None:
    assert set(OBJECT_AREAS) == set(KEY_FILES)
    used = {
        node.args[0].value
        for path in list_modules()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "crash_point"
        and isinstance(node.args[0], ast.Constant)
    }
    assert used == set(POINTS)


# Rights in the database

ALL = "every column"
GRANTS: dict[str, dict[str, dict[str, str | set[str]]]] = {
    "hotline_public": {
        "INSERT": dict.fromkeys(
            (
                "custody_events",
                "items",
                "report_items",
                "report_unreadable_lines",
                "reporter_facts",
                "reports",
            ),
            ALL,
        )
        | {
            "intake_objects": {"name", "item_id", "bytes", "created_at"},
            "reporter_mails": {"report_id", "sealed_address", "language", "asked_at", "next_try_at"},
            "upload_holds": {"id", "bytes"},
        },
        "UPDATE": {
            "api_tokens": {"last_used_at"},
            "items": {
                *("state", "remit", "danger", "base_lane", "reason", "closed_as", "moved_at", "tries"),
                *("next_try_at", "nudged_at", "is_top_level", "is_low"),
            },
        },
        "DELETE": {"upload_holds": ALL},
    },
    "hotline_staff": {
        "INSERT": dict.fromkeys(
            (
                *("api_tokens", "assessments", "credentials", "custody_events", "deployment", "hand_ons"),
                *("hash_entries", "hash_entry_fingerprints", "hash_set_trusts", "hash_sets", "hostings"),
                *("denied_hashes", "hash_disputes", "hash_imports", "hash_import_bad_rows", "hash_recalls"),
                "hash_feeds",
                "hash_generation_marks",
                *("join_links", "looks", "networks", "persons", "police_holds"),
                *("practice_names", "recipients", "sending_items", "sendings", "sessions"),
                *("sign_in_failures", "skips", "match_quotas", "match_questions"),
                *("passkeys", "passkey_challenges"),
                *("recoveries", "setting_changes"),
                "item_leases",
                "classifications",
                *("preferences", "hand_over_notes"),
                *("look_go_ons", "breaks", "exposure_overrides", "figures_seen", "hidden_outcomes"),
                *("training_answers", "trainings"),
            ),
            ALL,
        )
        | {"file_questions": {"id", "person_id", "object_name", "bytes", "asked_at", "expires_at"}}
        | {"upload_holds": {"id", "bytes"}}
        | {"person_roles": {"person_id", "role"}},
        "UPDATE": {
            "preferences": {"reveal", "has_keys", "changed_at"},
            "match_quotas": {"minute", "in_minute", "day", "in_day"},
            **dict.fromkeys(("hash_entries", "hash_entry_fingerprints", "hash_generation", "hash_sets"), ALL),
            **dict.fromkeys(("credentials", "police_holds", "recipients"), ALL),
            "hash_imports": {"state", "reason", "decided_by", "decided_at"},
            "hash_recalls": {"done_at", "done_by"},
            "join_links": {"used_at"},
            "passkeys": {"name", "sign_count", "is_backed_up", "last_used_at", "doubted_at"},
            "sessions": {"seen_at", "ended_at", "confirmed_at", "failed_confirmations"},
            "recoveries": {"state", "decided_by", "decided_as", "decided_at", "decision", "link_digest"},
            "sendings": {
                *("recipient_id", "state", "is_urgent", "is_held", "is_recalled", "queued_at", "next_try_at"),
                *("nudged_at", "tries", "sent_at", "left_as", "answered_at", "answer", "reason"),
            },
            "persons": {"disabled_at"},
            "file_questions": {"told_at"},
            "item_leases": {"kept_at", "until", "ended_at", "ended_as"},
            "api_tokens": {"revoked_at", "last_used_at"},
            "looks": {"fetched_at", "ended_at", "shown_ms", "expires_at"},
            "images": {"state", "round", "verdict", "verdict_baseline", "verdict_basis", "settled_at"},
            "items": {
                *("state", "remit", "base_lane", "reason", "closed_as", "moved_at", "tries"),
                *(
                    "next_try_at",
                    "nudged_at",
                    "settled_at",
                    "danger",
                    "asked_exit",
                    "is_asked_for",
                    "placed_at",
                ),
                "is_low",
            },
        },
        "DELETE": dict.fromkeys(
            (
                *("hash_entry_fingerprints", "networks", "person_roles", "practice_names", "sending_items"),
                "sign_in_failures",
                *("credentials", "passkeys", "passkey_challenges"),
                "hidden_outcomes",
                "upload_holds",
            ),
            ALL,
        ),
    },
    "hotline_worker": {
        "INSERT": {
            **dict.fromkeys(
                (
                    *(
                        "captures",
                        "custody_events",
                        "evidence_destroyed",
                        "evidence_keys",
                        "evidence_objects",
                    ),
                    *(
                        "fingerprints",
                        "hostings",
                        "images",
                        "item_children",
                        "item_images",
                        "items",
                        "matches",
                    ),
                    *("online_checks", "sending_items", "sendings", "host_turns", "embedded_files"),
                    "file_question_hits",
                ),
                ALL,
            ),
            "intake_objects": {"name", "item_id", "bytes", "created_at"},
        },
        "UPDATE": {
            **dict.fromkeys(("captures", "item_children", "item_images", "host_turns"), ALL),
            "items": {
                *("state", "remit", "base_lane", "reason", "closed_as", "moved_at", "captured_at"),
                *("capture_id", "tries", "next_try_at", "nudged_at", "asked_exit", "has_turn", "is_patient"),
                *("is_low", "has_known", "host_country"),
                *("score", "blind_score", "score_parts", "score_due_at", "placed_at"),
            },
            "images": {
                *("media", "can_be_shown", "is_undecided", "finding", "format", "width", "height", "frames"),
            },
            "fingerprints": {"matched_generation"},
            "rematching": {"nudged_at"},
            "intake_objects": {"consumed_at", "deleted_at"},
            "evidence_destroyed": {"object_gone"},
            "sendings": {"recipient_id", "state", "next_try_at", "nudged_at", "reason"},
            "reporter_mails": {"nudged_at"},
            "file_questions": {
                *(
                    "nudged_at",
                    "tries",
                    "lease_until",
                    "answered_at",
                    "outcome",
                    "reason",
                    "generation",
                    "compared",
                ),
            },
        },
        "DELETE": dict.fromkeys(
            (
                "evidence_keys",
                "evidence_objects",
                "sending_items",
                "host_turns",
                "score_dues",
                "file_questions",
            ),
            ALL,
        ),
    },
    "hotline_outbound": {
        "INSERT": {"custody_events": ALL, "reporter_mail_days": ALL},
        "UPDATE": {
            "reporter_mail_days": {"mails"},
            "sendings": {
                *(
                    "state",
                    "queued_at",
                    "next_try_at",
                    "nudged_at",
                    "tries",
                    "started_at",
                    "sent_at",
                    "left_as",
                ),
                *("file_name", "sha256", "reason"),
            },
            "reporter_mails": {
                *("sealed_address", "told", "telling", "started_at", "tries", "next_try_at", "nudged_at"),
                *("ended_at", "ended_as"),
            },
        },
        "DELETE": {"sending_items": ALL},
    },
}
HIDDEN: dict[str, dict[str, str | set[str]]] = {
    "hotline_public": {
        "items": {"url", "file_name", "reference", "kind", "reason", "received_at"},
        "reports": {"note", "reference", "channel", "remit"},
        "api_tokens": {"name", "made_by"},
        "setting_changes": ALL,
        "live_settings": ALL,
        "report_unreadable_lines": ALL,
        "intake_objects": ALL,
        "custody_events": ALL,
        "persons": ALL,
        "hash_entry_fingerprints": ALL,
        "evidence_keys": ALL,
        "practice_names": ALL,
        "reporter_facts": ALL,
        "reporter_mails": ALL,
        "mailed_items": ALL,
    },
    "hotline_worker": {
        "evidence_keys": {"sealed_identity"},
        "reporter_facts": ALL,
        "reporter_mails": {"sealed_address", "language"},
        "reports": ALL,
        "report_items": ALL,
        "api_tokens": ALL,
        "report_unreadable_lines": ALL,
        "persons": ALL,
        "recipients": {"name", "contact", "public_key"},
        "assessments": ALL,
        "classifications": ALL,
        "looks": ALL,
        "credentials": ALL,
        "sessions": ALL,
        "match_quotas": ALL,
        "match_questions": ALL,
        "file_questions": {"person_id", "outcome", "reason"},
        "file_question_hits": ALL,
    },
    "hotline_outbound": {
        "reports": ALL,
        "report_items": ALL,
        "evidence_keys": ALL,
        "evidence_objects": {"name", "bytes", "created_at"},
        "api_tokens": ALL,
        "intake_objects": ALL,
        "hash_entry_fingerprints": ALL,
        "looks": ALL,
        "persons": ALL,
        "credentials": ALL,
        "sessions": ALL,
        "join_links": ALL,
        "reporter_facts": ALL,
    },
}
"""What a role may not read; staff reads all."""


def read_rights(conn, privilege: str) -> dict[str, dict[str, str | set[str]]]:
    """Return role → table → the columns it has this right on, from the catalogue, PUBLIC's rights included."""
    found: dict[str, dict[str, str | set[str]]] = {role: {} for role in RUNTIME_ROLES}
    if privilege in ("DELETE", "TRUNCATE", "TRIGGER", "MAINTAIN"):
        query = (
            "SELECT rolname, relname, 0, NULL FROM pg_class, pg_roles"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'm', 'p', 'f')"
            " AND rolname = ANY(%(roles)s) AND has_table_privilege(pg_roles.oid, pg_class.oid, %(privilege)s)"
        )
    else:
        query = (
            "SELECT rolname, relname, relnatts, array_agg(attname::text) FROM pg_class"
            " JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped, pg_roles"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'm', 'p', 'f')"
            " AND rolname = ANY(%(roles)s)"
            " AND has_column_privilege(pg_roles.oid, pg_class.oid, attnum, %(privilege)s)"
            " GROUP BY rolname, relname, relnatts"
        )
    rows = conn.execute(query, {"roles": list(RUNTIME_ROLES), "privilege": privilege}).fetchall()
    for role, table, columns, names in rows:
        found[role][table] = ALL if names is None or len(names) == columns else set(names)
    return found


@pytest.mark.parametrize("privilege", ["INSERT", "UPDATE", "DELETE"])
def test_each_role_may_write_just_this(conn, privilege: str) -> None:
    expected = {role: dict(rights[privilege]) for role, rights in GRANTS.items()}
    assert read_rights(conn, privilege) == expected


def test_each_role_is_kept_from_reading_this(conn) -> None:
    readable = read_rights(conn, "SELECT")
    columns: dict[str, set[str]] = {}
    for table, column in conn.execute(
        "SELECT table_name::text, column_name::text FROM information_schema.columns"
        " WHERE table_schema = 'public'"
    ):
        columns.setdefault(table, set()).add(column)
    for role, tables in HIDDEN.items():
        for table, hidden in tables.items():
            seen = readable[role].get(table, set())
            seen = columns[table] if seen == ALL else seen
            wanted = columns[table] if hidden == ALL else hidden
            assert set(seen) & set(wanted) == set(), (role, table)
    assert set(readable["hotline_staff"]) == set(columns)


@pytest.mark.parametrize("privilege", ["TRUNCATE", "TRIGGER", "MAINTAIN"])
def test_no_role_may_truncate_or_add_triggers(conn, privilege: str) -> None:
    assert read_rights(conn, privilege) == {role: {} for role in RUNTIME_ROLES}


def test_no_runtime_role_owns_anything_or_stands_above(conn) -> None:
    owned = conn.execute(
        "SELECT rolname, classid::regclass, objid FROM pg_shdepend JOIN pg_roles ON pg_roles.oid = refobjid"
        " WHERE deptype = 'o' AND rolname = ANY(%(roles)s)",
        {"roles": list(RUNTIME_ROLES)},
    ).fetchall()
    assert owned == []
    powers = conn.execute(
        "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolinherit"
        " FROM pg_roles WHERE rolname LIKE 'hotline%%' AND rolname <> 'hotline_super'"
    ).fetchall()
    assert {row[0] for row in powers} == {*RUNTIME_ROLES, "hotline_owner"}
    assert all(not any(row[1:]) for row in powers)
    members = conn.execute("SELECT count(*) FROM pg_auth_members WHERE member::regrole::text LIKE 'hotline%'")
    assert members.fetchone() == (0,)
    makers = conn.execute(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY(%(roles)s)"
        " AND (has_schema_privilege(oid, 'public', 'CREATE')"
        " OR has_database_privilege(oid, current_database(), 'CREATE'))",
        {"roles": list(RUNTIME_ROLES)},
    ).fetchall()
    assert makers == []
    temporary = conn.execute(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY(%(roles)s)"
        " AND has_database_privilege(oid, current_database(), 'TEMPORARY')",
        {"roles": list(RUNTIME_ROLES)},
    ).fetchall()
    assert temporary == [("hotline_staff",)]


def test_functions_that_act_for_the_owner_are_these(conn) -> None:
    rows = conn.execute(
        "SELECT proname, proconfig FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"
    ).fetchall()
    assert {row[0] for row in rows} == {
        "lock_custody_heads",
        "chain_custody_event",
        "reopen_matched_image",
        "purge_match_questions",
        *(
            "note_report_of_item",
            "note_hosting",
            "note_located",
            "note_match",
            "note_image_state",
            "note_item_shows",
        ),
        "end_leases_of_moved",
        "note_look_start",
    }
    for _, settings in rows:
        assert settings == ["search_path=public, pg_temp"]
    callable_ones = conn.execute(
        "SELECT proname, array_agg(rolname::text ORDER BY rolname) FROM pg_proc, pg_roles"
        " WHERE pronamespace = 'public'::regnamespace"
        " AND rolname = ANY(%(roles)s) AND has_function_privilege(pg_roles.oid, pg_proc.oid, 'EXECUTE')"
        " GROUP BY proname",
        {"roles": list(RUNTIME_ROLES)},
    ).fetchall()
    assert dict(callable_ones) == {
        "lock_custody_heads": sorted(RUNTIME_ROLES),
        "reopen_matched_image": ["hotline_worker"],
        "purge_match_questions": ["hotline_worker"],
        "is_live_lease": ["hotline_staff"],
        "open_things": ["hotline_staff"],
    }


# Files


def walk_calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def is_made_text(node: ast.expr) -> bool:
    """Whether an expression puts values into a text: an f-string, `%`, or `.format` of a plain string."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return True
    if isinstance(node, ast.BinOp):
        return is_made_text(node.left) or is_made_text(node.right)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr == "encode":
            return is_made_text(node.func.value)
        if node.func.attr in {"format", "join"}:
            return not _is_composed(node.func.value)
    return False


def find_made_sql(tree: ast.AST) -> list[int]:
    """Return the lines on which a text made of values goes to the database, directly or by a name."""
    made = {
        ast.unparse(target)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)) and node.value is not None
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if is_made_text(node.value)
    }
    lines = []
    for call in walk_calls(tree):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if name in {"execute", "executemany", "copy", "stream", "SQL"} and call.args:
            given = call.args[0]
            if is_made_text(given) or (isinstance(given, ast.Name) and given.id in made):
                lines.append(call.lineno)
    return lines


def _is_composed(node: ast.expr) -> bool:
    """`sql.SQL("…")`, which quotes what it is given."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "SQL"


def test_no_sql_is_made_of_values() -> None:
    found = [
        f"{name_of(path)}:{line}"
        for path in list_modules()
        for line in find_made_sql(ast.parse(path.read_text("utf-8")))
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        'conn.execute(f"DELETE FROM {table}")',
        'conn.execute("DELETE FROM %s" % table)',
        'conn.execute("DELETE FROM {}".format(table))',
        'conn.execute("SELECT " + ", ".join(names))',
        'sql.SQL(f"DELETE FROM {table}")',
        'conn.execute(f"SELECT {a}".encode())',
        'query = f"SELECT {a}"; conn.execute(query)',
    ],
)
def test_the_search_for_made_sql_finds_it(line: str) -> None:
    assert find_made_sql(ast.parse(line))


def test_modules_say_what_they_are_and_stay_small() -> None:
    wordless, long, asserting = [], [], []
    for path in list_modules():
        text = path.read_text("utf-8")
        tree = ast.parse(text)
        if text.strip() and not ast.get_docstring(tree):
            wordless.append(name_of(path))
        if len(text.splitlines()) > 400:
            long.append(f"{name_of(path)}: {len(text.splitlines())}")
        asserting += [
            f"{name_of(path)}:{node.lineno}" for node in ast.walk(tree) if isinstance(node, ast.Assert)
        ]
    assert (wordless, long, asserting) == ([], [], [])


def test_public_functions_say_what_they_do() -> None:
    silent = []
    for path in list_modules():
        for node in ast.parse(path.read_text("utf-8")).body:
            is_public = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
            if is_public and not node.name.startswith("_") and not ast.get_docstring(node):
                silent.append(f"{name_of(path)}: {node.name}")
    assert silent == []


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}
    assert [name_of(path) for path in list_modules() if path.stem in drawers] == []


def test_errors_end_in_error_and_have_a_sentence() -> None:
    for package in ("triage", "hashsets"):
        for node in ast.parse((ROOT / package / "errors.py").read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef):
                assert node.name.endswith("Error"), node.name
                assert (ast.get_docstring(node) or "").endswith("."), node.name


def test_only_the_clock_asks_what_time_it_is() -> None:
    found = []
    for path in list_modules():
        for call in walk_calls(ast.parse(path.read_text("utf-8"))):
            name = ast.unparse(call.func)
            if name in {"datetime.now", "datetime.utcnow", "datetime.datetime.now", "date.today"}:
                found.append(name_of(path))
    assert found == ["triage/clock.py"]
    asking = [
        path for path in (ROOT / "triage" / "rules").glob("*.py") if "utcnow" in path.read_text("utf-8")
    ]
    assert asking == []


def test_import_rules_hold() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    if "importlinter" not in settings.get("tool", {}):
        pytest.skip("pyproject.toml holds no contracts")
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_imports_go_one_way() -> None:
    """The layers of the house, held here too: an arrow is an import, and none points back."""
    allowed = {
        "hashsets": {"hashsets"},
        "triage": {"hashsets", "triage"},
        "workers": {"hashsets", "triage", "workers"},
        "api": {"hashsets", "triage", "api"},
    }
    wrong = []
    for path in list_modules():
        if path.is_relative_to(ROOT / "triage" / "cli"):
            continue  # the composition root
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                top = name.partition(".")[0]
                is_ours = top in PACKAGES
                package = path.relative_to(ROOT).parts[0]
                if (is_ours and top not in allowed[package]) or name.startswith("triage.cli"):
                    wrong.append(f"{name_of(path)} imports {name}")
    assert wrong == []


def test_every_command_has_a_module_and_a_help() -> None:
    parser = build_parser()
    assert parser.prog == "hotline"
    stems = {path.stem for path in (ROOT / "triage" / "cli").glob("*.py")}
    assert set(COMMANDS) - stems == {"demo"}


def list_committed() -> list[Path]:
    done = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        pytest.skip("this tree is not a git checkout")
    return [path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file()]


SECRETS = re.compile(
    rb"AGE-SECRET-KEY-1[0-9A-Z]{58}|-----BEGIN [A-Z ]*PRIVATE KEY-----|(?:postgresql|redis)://[^\s:/@]+:[^\s@/<{]{16,}@"
)
HOSTS = re.compile(rb"(?:://|--index-url|--extra-index-url|/simple/)")


def test_committed_files_hold_no_secret_nor_machine() -> None:
    home = Path.home()
    machine = [os.fsencode(ROOT) + b"/"]
    machine += [os.fsencode(home) + b"/"] if home not in (Path("/"), Path("/tmp")) else []
    found = []
    for path in list_committed():
        data = path.read_bytes()
        if b"\0" in data[:1000]:
            continue
        if SECRETS.search(data) and path.parent.name != "unit":
            found.append(f"{name_of(path)} holds a secret")
        if any(place in data for place in machine):
            found.append(f"{name_of(path)} holds a path of this machine")
    assert found == []


def test_the_lock_is_pinned_by_hash_and_names_no_host() -> None:
    text = (ROOT / "requirements.lock").read_bytes()
    assert HOSTS.search(text) is None
    packages = re.findall(rb"^([a-z0-9][a-z0-9._-]*)==", text, re.MULTILINE)
    blocks = re.split(rb"^(?=[a-z0-9])", text, flags=re.MULTILINE)
    pinned = [block for block in blocks if re.match(rb"[a-z0-9]", block)]
    assert len(pinned) == len(packages)
    assert all(b"--hash=sha256:" in block for block in pinned)
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    names = {re.split(r"[\[<>=!~ ]", one)[0].lower().replace("_", "-") for one in wanted}
    assert names <= {name.decode() for name in packages}


NAMED_PATH = re.compile(r"`((?:hashsets|triage|workers|api|tests|docs|bench)/[\w./-]*)`")


def test_paths_that_the_documents_name_exist() -> None:
    documents = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    missing = []
    for document in documents:
        if not document.exists():
            continue
        named = NAMED_PATH.findall(document.read_text("utf-8"))
        missing += [f"{name_of(document)}: {path}" for path in named if not (ROOT / path).exists()]
    assert missing == []
