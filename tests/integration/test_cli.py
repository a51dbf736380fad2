"""The command line: its stable keys, its exit codes, and one clear line for whatever is wrong."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.drawn_images import draw_picture, encode, make_jpeg, make_png, make_small_bomb, resize
from triage.cli.__main__ import COMMANDS, main
from triage.cli.embedded import start_servers
from triage.cli.make_keys import make_keys
from triage.cli.state_dir import StateDir
from triage.clock import utcnow
from triage.ids import check_character
from triage.store.pool import connect
from triage.store.practice import replace_practice_names, write_kind

HASH_KEYS = {
    *("file", "md5", "sha1", "sha256", "pdq", "pdq_quality", "pdq_dihedral", "phash"),
    *("width", "height", "format", "frames", "error"),
}
MATCH_KEYS = {"set", "entry", "kind", "algorithm", "distance", "band", "class"}
ITEM_KEYS = {"item", "kind", "state", "lane", "reason", "captures", "images", "matches", "evidence"}
NO_COUNTS = {
    **dict.fromkeys(
        ("added", "changed", "withdrawn", "rejected", "would_withdraw", "would_flip", "recalls"), 0
    ),
    "state": "applied",
    "items": [],
}


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict]:
        return [json.loads(line) for line in self.out.splitlines()]

    def one(self) -> dict:
        (found,) = self.objects
        assert self.code == 0, self.err
        return found

    def one_line(self) -> str:
        """Return the one line of a command that was done."""
        assert (self.code, self.out.count("\n")) == (0, 1), self.err
        return self.out.strip()

    def refusal(self, code: int = 1) -> str:
        """Return the one line on stderr of a refused command."""
        assert (self.code, self.out) == (code, "")
        assert self.err.count("\n") == 1, self.err
        assert "Traceback" not in self.err
        return self.err.strip()


@pytest.fixture(scope="module")
def desk_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A STATE_DIR whose live servers run, as below a `hotline up`; not migrated yet."""
    root = tmp_path_factory.mktemp("desk") / "state"
    state = StateDir(root / "live")
    with start_servers(state, fast=True):
        make_keys(state, evidence_url=None)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STATE_DIR", str(root))
            assert main(["migrate"]) == 0
        yield root


@pytest.fixture
def hotline(
    desk_root: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    """Run a command in this process, in the module's state directory."""
    monkeypatch.setenv("STATE_DIR", str(desk_root))

    def run(*words: object) -> Said:
        capfd.readouterr()
        try:
            code = main([str(word) for word in words])
        except SystemExit as ended:  # argparse: wrong usage, or help
            code = int(ended.code or 0)
        captured = capfd.readouterr()
        return Said(code, captured.out, captured.err)

    return run


@pytest.fixture
def state(desk_root: Path) -> StateDir:
    return StateDir(desk_root / "live")


@pytest.fixture
def owner(state: StateDir) -> Iterator[psycopg.Connection]:
    with psycopg.connect((state.keys("owner") / "database-url").read_text()) as conn:
        yield conn


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write_list(path: Path, *rows: str, header: str = "id,sha256,category") -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return path


# Usage


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["launch"],
        ["hash"],
        ["match"],
        ["fetch"],
        ["report"],
        ["report", "send"],
        ["item"],
        ["hashset", "import", "name"],
        ["hashset", "import", "name", "file", "--format", "xml"],
        ["hashset", "trust", "name", "baseline", "--by", "x"],
        ["hashset", "trust", "name", "bad", "--by", "x", "--reason", "x"],
        ["token", "add", "x"],
        ["token", "add", "x", "--scope", "everything"],
        ["user", "add", "x"],
        ["user", "add", "x", "--role", "king"],
        ["custody"],
        ["report", "submit", "--remit", "spam", "http://a.example/"],
        ["item", "list", "--unknown"],
        ["demo", "--seed", "one"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_two(hotline, words):
    said = hotline(*words)
    assert (said.code, said.out) == (2, "")
    assert "usage: " in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("command", [one for one in COMMANDS if one not in ("web", "worker", "sweep")])
def test_every_command_explains_itself(hotline, command):
    said = hotline(command, "--help")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"usage: hotline {command}")


@pytest.mark.parametrize(
    ("words", "code", "shown"),
    [
        (["web", "--help"], 0, "--surface"),
        (["worker", "--help"], 0, "--queue"),
        (["sweep", "--help"], 0, "usage"),
        (["web"], 2, "--surface"),
        (["web", "--surface", "secret"], 2, "invalid choice"),
        (["worker", "--queue", "none"], 2, "invalid choice"),
        (["sweep", "--now"], 2, "unrecognized"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_processes_are_other_programs_and_explain_themselves(words, code, shown):
    done = run_apart(*words)
    assert done.returncode == code, done.stderr
    assert shown in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def run_apart(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-B", "-m", "triage.cli", *words],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_setting_that_cannot_be_read_is_one_line(hotline, monkeypatch):
    monkeypatch.setenv("WORKERS", "many")
    assert hotline("item", "list").refusal() == "hotline: WORKERS cannot be read: 'many'"
    monkeypatch.setenv("WORKERS", "1")
    monkeypatch.setenv("PUBLIC_PORT", "123456")
    assert "PUBLIC_PORT must be a port" in hotline("up").refusal()


# The servers and the schema


def test_a_second_up_is_refused_in_one_line(hotline):
    said = hotline("up").refusal()
    assert said.startswith("hotline: Hotline is already running in ")


def test_migrate_twice_has_nothing_to_do(hotline):
    said = hotline("migrate")
    assert (said.code, said.err) == (0, "")
    assert said.out == "Nothing to do: the schema is that of this version.\n"


def test_a_database_that_is_behind_is_said_to_be(hotline, owner):
    owner.execute("UPDATE schema_migrations SET number = number + 1000 WHERE number = 6")
    owner.commit()
    try:
        assert "run `hotline migrate`" in hotline("item", "list").refusal()
        assert "which this version does not know" in hotline("migrate").refusal()
    finally:
        owner.execute("UPDATE schema_migrations SET number = 6 WHERE number = 1006")
        owner.commit()
    assert hotline("item", "list").code == 0


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://hotline_staff:secret-word@127.0.0.1:1/hotline", "PostgreSQL does not answer"),
        ("nonsense secret-word", "not a PostgreSQL address"),
    ],
)
def test_a_database_that_is_away_is_one_line_without_its_password(hotline, monkeypatch, url, words):
    monkeypatch.setenv("DATABASE_URL", url)
    said = hotline("item", "list", "--json").refusal()
    assert words in said
    assert "secret-word" not in said


def test_a_missing_key_file_is_named_but_not_its_place(hotline, state, tmp_path):
    key = state.keys("public") / "receipt-key"
    kept = key.read_text()
    key.unlink()
    try:
        said = hotline("report", "submit", "http://a.example/").refusal()
    finally:
        key.write_text(kept)
    assert said == "hotline: The key file receipt-key is missing in KEYS_DIR."


def test_a_missing_key_file_stops_a_process_in_one_line(tmp_path):
    (tmp_path / "keys").mkdir(mode=0o700)
    for words in (["worker"], ["sweep"], ["web", "--surface", "public"]):
        done = run_apart(*words, KEYS_DIR=str(tmp_path / "keys"), STATE_DIR=str(tmp_path), LOG_LEVEL="ERROR")
        assert done.returncode == 1
        assert done.stderr.startswith(f"hotline {words[0]}: The key file ")
        assert done.stderr.endswith(" is missing in KEYS_DIR.\n")
        assert done.stderr.count("\n") == 1


# hash


def test_hash_needs_no_database_and_keeps_its_keys(hotline, tmp_path, monkeypatch):
    monkeypatch.setenv("STATE_DIR", str(tmp_path / "nowhere"))
    picture = tmp_path / "picture.jpg"
    picture.write_bytes(make_jpeg(4001))
    said = hotline("hash", picture, "--json").one()
    assert set(said) == HASH_KEYS
    assert said["sha256"] == sha256(picture.read_bytes())
    assert len(said["pdq"]) == 64
    assert len(said["phash"]) == 16
    assert [len(one) for one in said["pdq_dihedral"]] == [64] * 8
    assert not (tmp_path / "nowhere").exists()


def test_hash_tells_what_it_can_of_what_it_cannot(hotline, tmp_path):
    bomb, text = tmp_path / "bomb.png", tmp_path / "words.txt"
    bomb.write_bytes(make_small_bomb())
    text.write_bytes(b"words")
    said = hotline("hash", bomb, tmp_path / "missing.jpg", text, tmp_path, "--json")
    assert (said.code, said.err) == (1, "")
    first, missing, words, folder = said.objects
    assert (first["error"], first["sha256"], first["pdq"]) == (
        "too many pixels",
        sha256(bomb.read_bytes()),
        None,
    )
    assert missing["error"].startswith("cannot be read: ")
    assert missing["sha256"] is None
    assert words["md5"] == hashlib.md5(b"words", usedforsecurity=False).hexdigest()
    assert words["error"]
    assert folder["error"].startswith("cannot be read: ")
    assert all(set(one) == HASH_KEYS for one in said.objects)


# hashset and match


def test_import_counts_and_a_second_import_changes_nothing(hotline, tmp_path):
    rows = [f"a{number},{sha256(str(number).encode())},baseline" for number in range(3)]
    path = write_list(tmp_path / "list.csv", *rows)
    said = hotline("hashset", "import", "twice", path, "--format", "csv", "--json").one()
    assert said == NO_COUNTS | {"set": "twice", "added": 3}
    said = hotline("hashset", "import", "twice", path, "--format", "csv", "--json").one()
    assert said == NO_COUNTS | {"set": "twice"}
    write_list(path, rows[0], rows[1].replace("baseline", "advisory"), header="id,sha256,category")
    said = hotline("hashset", "import", "twice", path, "--format", "csv", "--json").one()
    assert set(said) == {"set", *NO_COUNTS}
    assert said["changed"] == 1
    assert said["added"] == 0


def test_a_list_without_one_row_that_can_be_used_is_refused_and_makes_no_set(hotline, tmp_path):
    path = write_list(tmp_path / "list.csv", "short,abc,baseline", "empty,,baseline")
    said = hotline("hashset", "import", "useless", path, "--format", "csv")
    assert said.code == 1
    assert [line.split(":")[0] for line in said.err.splitlines()][:2] == ["line 2", "line 3"]
    assert "nothing was changed" in said.err
    assert all(one["set"] != "useless" for one in hotline("hashset", "list", "--json").objects)


def test_bad_rows_are_counted_and_listed_by_line_without_their_values(hotline, tmp_path):
    good, leaked = sha256(b"good"), sha256(b"leaked")
    path = write_list(
        tmp_path / "list.csv",
        f"ok,{good},baseline",
        f"short,{leaked[:-1]},baseline",
        f",{leaked},baseline",
        f"word,{leaked},dreadful",
        f"more,{leaked},baseline,1",
        f"ok,{leaked},baseline",
        "empty,,baseline",
    )
    said = hotline("hashset", "import", "spoilt", path, "--format", "csv", "--json")
    assert said.one() == NO_COUNTS | {"set": "spoilt", "added": 1, "rejected": 6}
    assert [line.split(":")[0] for line in said.err.splitlines()] == [f"line {n}" for n in range(3, 9)]
    assert leaked[:16] not in said.err
    assert "dreadful" not in said.err


def test_too_many_bad_rows_are_listed_in_part_and_refuse_the_list(hotline, tmp_path):
    rows = [f"ok,{sha256(b'ok')},baseline", *(f"x{number},12,baseline" for number in range(50))]
    path = write_list(tmp_path / "list.csv", *rows)
    said = hotline("hashset", "import", "many", path, "--format", "csv", "--json")
    assert (said.code, said.out) == (1, "")
    assert said.err.splitlines()[-2] == "and 30 more lines"
    assert "50 rows that cannot be used; nothing was changed" in said.err.splitlines()[-1]


def test_a_big_change_waits_for_a_lead_who_gives_the_same_file(hotline, tmp_path):
    hotline("user", "add", "Lida", "--role", "lead")
    rows = [f"b{number},{sha256(f'big {number}'.encode())},baseline" for number in range(30)]
    path = write_list(tmp_path / "list.csv", *rows)
    command = ("hashset", "import", "big", path, "--format", "csv", "--snapshot")
    assert hotline(*command, "--json").one()["added"] == 30
    write_list(path, *rows[:15])
    said = hotline(*command, "--json")
    assert said.code == 1
    (found,) = said.objects
    assert (found["state"], found["would_withdraw"], found["withdrawn"]) == ("waiting", 15, 0)
    assert "a lead lets it" in hotline(*command).out
    assert "--by PERSON" in hotline(*command, "--confirm-large").refusal()
    confirm = ("--confirm-large", "--by", "Lida", "--reason", "they cleaned up", "--json")
    assert "not the list that waits" in hotline(*command[:-1], *confirm).refusal()
    assert hotline(*command, *confirm).one()["withdrawn"] == 15
    shown = hotline("hashset", "show", "big", "--json").one()["imports"]
    assert [one["state"] for one in shown] == ["applied", "refused", "applied"]


def test_a_disputed_entry_is_silent_and_shown_with_its_history(hotline, tmp_path):
    hotline("user", "add", "Lule", "--role", "lead")
    digest = sha256(b"disputed")
    path = write_list(tmp_path / "list.csv", f"d1,{digest},baseline")
    hotline("hashset", "import", "doubted", path, "--format", "csv").one_line()
    words = ("hashset", "dispute", "doubted", "d1", "--by", "Lule", "--reason", "a logo")
    assert "no person of that name" in hotline(*words[:5], "Nobody", *words[6:]).refusal()
    assert hotline(*words, "--json").one()["disputed"] is True
    assert hotline("match", "--digest", digest, "--json").one()["hits"] == []
    shown = hotline("hashset", "show", "doubted", "d1")
    assert "by Lule: a logo" in shown.out
    assert digest[:12] not in shown.out
    assert hotline(*words, "--undo", "--json").one()["disputed"] is False
    assert len(hotline("match", "--digest", digest, "--json").one()["hits"]) == 1


def test_the_index_is_built_anew_and_checked_on_demand(hotline, state, tmp_path):
    path = tmp_path / "list.csv"
    path.write_text(f"id,sha256\na,{'ab' * 32}\n")
    assert hotline("hashset", "import", "checked", path, "--format", "csv").code == 0
    assert hotline("hashset", "build", "--json").one()["generation"] > 0
    assert hotline("hashset", "verify").one_line() == "The index is whole."
    spoilt = max(
        (path for path in state.index.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size
    )
    spoilt.write_bytes(spoilt.read_bytes()[:-1] + b"\0\0")
    assert "index" in hotline("hashset", "verify").refusal().lower()
    assert hotline("hashset", "build", "--json").code == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "list.csv cannot be read: No such file or directory"),
        (b"\xff\xfe\x00id,sha256\n", "it is not UTF-8"),
        (b"id,sha256\na,\xe9\n", "it is not UTF-8"),
        (b"", "its first line must name id and a hash column"),
        (b"name,sha256\n", "its first line must name id and a hash column"),
        (b"id,sha265\n", "its first line must name id"),
        (b"id,sha256,colour\n", "column 3 of its header is not known"),
        (b"id,md5,md5\n", "names a column twice"),
    ],
)
def test_a_list_that_cannot_be_read_is_one_line(hotline, tmp_path, content, words):
    path = tmp_path / "list.csv"
    if content is not None:
        path.write_bytes(content)
    assert words in hotline("hashset", "import", "unread", path, "--format", "csv", "--json").refusal()
    names = [one["set"] for one in hotline("hashset", "list", "--json").objects]
    assert "unread" not in names


@pytest.mark.parametrize("name", ["Upper", "a b", "../x", "", "x" * 64])
def test_a_set_needs_a_plain_name(hotline, tmp_path, name):
    path = write_list(tmp_path / "list.csv", f"a,{sha256(b'a')},baseline")
    hotline("hashset", "import", name, path, "--format", "csv").refusal()


def test_a_withdrawn_entry_no_longer_matches(hotline, tmp_path):
    digest = sha256(b"withdrawn")
    path = write_list(tmp_path / "list.csv", f"w1,{digest},baseline")
    hotline("hashset", "import", "taken-back", path, "--format", "csv").one_line()
    (hit,) = hotline("match", "--digest", digest, "--json").one()["hits"]
    assert (hit["set"], hit["entry"], hit["kind"], hit["distance"]) == ("taken-back", "w1", "exact", 0)
    said = hotline("hashset", "withdraw", "taken-back", "w1", "--json").one()
    assert (said["set"], said["entry"], said["withdrawn"]) == ("taken-back", "w1", True)
    assert hotline("match", "--digest", digest, "--json").one()["hits"] == []
    assert "no live entry" in hotline("hashset", "withdraw", "taken-back", "w1").refusal()
    assert "no live entry" in hotline("hashset", "withdraw", "taken-back", "nothing").refusal()
    assert "no hash set of that name" in hotline("hashset", "withdraw", "nobodys", "w1").refusal()


def test_match_answers_in_the_order_of_the_questions(hotline, tmp_path):
    original = draw_picture(4100, "shapes", (320, 240))
    known = encode(original, "PNG")
    smaller = encode(resize(original, 0.6), "JPEG", quality=60)
    files = {"known.png": known, "smaller one.jpg": smaller, "words.txt": b"not a picture at all"}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    hashed = hotline("hash", tmp_path / "known.png", "--json").one()
    path = write_list(
        tmp_path / "list.csv",
        f"k1,{hashed['sha256']},{hashed['pdq']},baseline",
        header="id,sha256,pdq,category",
    )
    hotline("hashset", "import", "ordered", path, "--format", "csv").one_line()
    md5 = hashlib.md5(b"nobody has it", usedforsecurity=False).hexdigest()
    queries = ["--digest", md5, tmp_path / "smaller one.jpg", "--pdq", hashed["pdq"].upper()]
    queries += [tmp_path / "known.png", "--digest", hashed["sha256"]]
    said = hotline("match", *queries, "--json")
    assert (said.code, said.err) == (0, "")
    found = said.objects
    assert [one["query"] for one in found] == [str(one) for one in queries if not str(one).startswith("--")]
    assert [len(one["hits"]) > 0 for one in found] == [False, True, True, True, True]
    assert all(set(hit) == MATCH_KEYS for one in found for hit in one["hits"])
    near = found[1]["hits"][0]
    assert (near["kind"], near["algorithm"], near["class"]) == ("near", "pdq", "baseline")
    assert 0 < near["distance"] <= 31
    assert near["band"] in ("strong", "review")
    assert {hit["kind"] for hit in found[3]["hits"]} == {"exact", "near"}
    (tmp_path / "turned.png").write_bytes(encode(original.rotate(90, expand=True), "PNG"))
    assert hotline("match", tmp_path / "turned.png", "--json").one()["hits"] == []
    (turned,) = hotline("match", "--turned", tmp_path / "turned.png", "--json").one()["hits"]
    assert (turned["algorithm"], turned["band"]) == ("pdq", "review" if turned["distance"] <= 10 else "hint")
    (dashed,) = hotline("match", "--json", "--", tmp_path / "words.txt").objects
    assert dashed["query"] == str(tmp_path / "words.txt")
    said = hotline("match", tmp_path / "missing.jpg", tmp_path / "words.txt", "--json")
    assert said.code == 1
    missing, words = said.objects
    assert missing["error"].startswith("cannot be read")
    assert missing["hits"] == []
    assert words["error"]


@pytest.mark.parametrize(
    ("option", "text", "words"),
    [
        ("--pdq", "ab", "pdq must be 64 hex digits"),
        ("--pdq", "z" * 64, "pdq must be 64 hex digits"),
        ("--digest", "ab" * 15, "--digest takes 32, 40 or 64 hex digits"),
        ("--digest", "g" * 40, "sha1 must be 40 hex digits"),
        ("--digest", "", "--digest takes 32, 40 or 64 hex digits"),
    ],
)
def test_a_hash_that_is_none_stops_all_before_anything_is_printed(hotline, option, text, words):
    said = hotline("match", "--digest", "0" * 31 + "1", option, text, "--json").refusal()
    assert words in said
    assert not text or text not in said


def test_match_builds_an_index_that_is_missing_or_spoilt_and_says_when_it_cannot(
    hotline, state, tmp_path, monkeypatch
):
    digest = sha256(b"missing index")
    path = write_list(tmp_path / "list.csv", f"m1,{digest},baseline")
    hotline("hashset", "import", "rebuilt", path, "--format", "csv").one_line()
    shutil.rmtree(state.index)
    (hit,) = hotline("match", "--digest", digest, "--json").one()["hits"]
    assert hit["entry"] == "m1"
    files = [path for path in state.index.rglob("*") if path.is_file()]
    assert files
    for file in files:
        file.write_bytes(b"spoilt")
    assert hotline("match", "--digest", digest, "--json").one()["hits"] == [hit]
    # Where it cannot be built anew either, that is said: it is never "no match".
    (tmp_path / "in the way").write_text("")
    monkeypatch.setenv("INDEX_DIR", str(tmp_path / "in the way" / "index"))
    assert "index" in hotline("match", "--digest", digest, "--json").refusal().lower()


def test_trust_takes_two_persons(hotline, tmp_path, owner):
    path = write_list(tmp_path / "list.csv", f"t1,{sha256(b'trusted')},baseline")
    hotline("hashset", "import", "to-trust", path, "--format", "csv").one_line()
    for name, role in (("Dritan", "lead"), ("Besa", "analyst"), ("Klodi", "clerk")):
        assert hotline("user", "add", name, "--role", role).code == 0

    def trust(by: str, entry_class: str = "baseline", reason: str = "tested", name: str = "to-trust") -> Said:
        return hotline("hashset", "trust", name, entry_class, "--by", by, "--reason", reason, "--json")

    assert "no person of that name" in trust("Nobody").refusal()
    assert "Only a lead may propose" in trust("Besa").refusal()
    assert "no hash set" in trust("Dritan", name="not-there").refusal()
    trust("Dritan", reason="  ").refusal()
    trust("Dritan", entry_class="not_illegal").refusal()
    trust("Dritan", entry_class="contested").refusal()
    trust("Dritan", entry_class="advisory").refusal()
    assert trust("Dritan").one() == {"set": "to-trust", "class": "baseline", "step": "proposed"}
    trust("Dritan").refusal()
    (row,) = (one for one in hotline("hashset", "list", "--json").objects if one["set"] == "to-trust")
    assert row["trusted"] == []
    assert trust("Besa").one()["step"] == "confirmed"
    trust("Klodi").refusal()
    (row,) = (one for one in hotline("hashset", "list", "--json").objects if one["set"] == "to-trust")
    assert row["trusted"] == ["baseline"]
    assert row["entries"] == {"baseline": 1}
    owner.execute("UPDATE persons SET disabled_at = now() WHERE name = 'Dritan'")
    owner.commit()
    assert "no longer works here" in trust("Dritan", entry_class="national_illegal").refusal()


# Persons and tokens


def test_persons_and_their_roles(hotline):
    said = hotline("user", "add", "Ana", "--role", "analyst", "--role", "lead", "--json").one()
    assert (said["name"], said["roles"]) == ("Ana", ["analyst", "lead"])
    for name in ("Ana", "ana"):
        assert "person of that name already" in hotline("user", "add", name, "--role", "clerk").refusal()
    for role in ("analyst", "lead"):
        said = hotline("user", "add", "Blerim", "--role", "admin", "--role", role)
        assert "admins see no images" in said.refusal()
    for name in ("", " x", "a\nb", "x" * 64, "<b>"):
        assert "A name is 1-63" in hotline("user", "add", name, "--role", "clerk").refusal()


def test_a_person_gets_a_link_is_disabled_and_enabled(hotline, owner):
    first = hotline("user", "add", "Mira", "--role", "analyst", "--json").one()["link"]
    second = hotline("user", "link", "Mira").one_line()
    for link in (first, second):
        address, _, token = link.rpartition("/")
        assert address == "http://localhost:8701/join"
        digest = hashlib.sha256(token.encode()).digest()
        found = owner.execute("SELECT name FROM join_links JOIN persons ON persons.id = person_id"
                              " WHERE link_digest = %s", (digest,)).fetchall()  # fmt: skip
        assert found == [("Mira",)]
    assert first != second
    assert "no person of that name" in hotline("user", "link", "Nobody").refusal()
    assert "not disabled" in hotline("user", "enable", "Mira").refusal()
    assert hotline("user", "disable", "Mira").one_line() == "Disabled: Mira; 0 sessions ended."
    assert "disabled already" in hotline("user", "disable", "Mira").refusal()
    assert "enable them first" in hotline("user", "link", "Mira").refusal()
    assert hotline("user", "enable", "Mira", "--json").one()["disabled"] is False


def test_a_token_is_shown_once_and_stored_hashed(hotline, owner):
    said = hotline("token", "add", "partner desk", "--scope", "intake", "--json").one()
    assert set(said) == {"name", "scope", "token"}
    token = said["token"]
    assert len(token) > 40
    row = owner.execute("SELECT token_digest, scope FROM api_tokens WHERE name = 'partner desk'").fetchone()
    assert row == (hashlib.sha256(token.encode()).digest(), "intake")
    plain = hotline("token", "add", "plain", "--scope", "stats").out.strip()
    assert plain.startswith("hotline_")
    listed = hotline("token", "list", "--json")
    assert "partner desk" in listed.out
    assert token not in listed.out
    assert plain not in listed.out
    assert "token of that name already" in hotline("token", "add", "plain", "--scope", "stats").refusal()
    hotline("token", "add", "brief", "--scope", "stats", "--days", "0").refusal()
    hotline("token", "add", "no\nlines", "--scope", "stats").refusal()
    everything = owner.execute("SELECT string_agg(record, '') FROM custody_events").fetchone()
    assert token not in everything[0]
    assert "partner desk" not in everything[0]


def test_settings_change_by_an_admin_who_says_why(hotline, owner):
    hotline("user", "add", "Sara", "--role", "admin")
    hotline("user", "add", "Kela", "--role", "clerk")
    set_to = ("settings", "set", "look_max_s")
    assert "3 to 30" in hotline(*set_to, "31", "--by", "Sara", "--reason", "a test").refusal()
    assert "no value" in hotline(*set_to, "nan", "--by", "Sara", "--reason", "a test").refusal()
    assert "Say why" in hotline(*set_to, "5", "--by", "Sara", "--reason", " ").refusal()
    assert "do not let you" in hotline(*set_to, "5", "--by", "Kela", "--reason", "a test").refusal()
    assert "no person" in hotline(*set_to, "5", "--by", "Nobody", "--reason", "a test").refusal()
    assert (
        "no such setting"
        in hotline("settings", "set", "sandbox", "weak", "--by", "Sara", "--reason", "x").refusal()
    )
    assert hotline(*set_to, "5", "--by", "Sara", "--reason", "a test").one_line() == "look_max_s is 5 now."
    assert '"value": "5", "default": "10"' in hotline("settings", "list", "--json").out
    assert "Sara" in hotline("settings", "list").out
    back = hotline(*set_to, "default", "--by", "Sara", "--reason", "back", "--json").one()
    assert back == {"name": "look_max_s", "value": "10", "default": "10"}
    assert owner.execute("SELECT count(*) FROM setting_changes").fetchone() == (2,)


def test_a_revoked_token_is_said_to_be_and_cannot_be_revoked_twice(hotline, owner):
    hotline("token", "add", "leaked", "--scope", "intake")
    assert hotline("token", "revoke", "leaked").out == "Revoked: leaked.\n"
    assert "no token of that name in force" in hotline("token", "revoke", "leaked").refusal()
    row = owner.execute("SELECT revoked_at IS NOT NULL FROM api_tokens WHERE name = 'leaked'").fetchone()
    assert row == (True,)
    hotline("user", "add", "Teuta", "--role", "auditor")
    assert "Teuta" in hotline("user", "list").out
    assert (
        '{"name": "Teuta", "roles": ["auditor"], "disabled": false}' in hotline("user", "list", "--json").out
    )


# Reports and items


@pytest.mark.parametrize("name", ["nofile.png", "./there/is/none", "~/pictures/a.jpg", "VIDEO.MP4"])
def test_a_mistyped_file_name_is_never_taken_for_an_address(hotline, name, owner):
    before = owner.execute("SELECT count(*) FROM items").fetchone()
    assert "there is no such file" in hotline("report", "submit", name).refusal()
    assert owner.execute("SELECT count(*) FROM items").fetchone() == before


def test_a_report_with_addresses_files_and_unreadable_lines(hotline, tmp_path, state, owner):
    picture = tmp_path / "picture.png"
    picture.write_bytes(make_png(4200))
    said = hotline(
        "report", "submit", "ëëë.shembull.example/a", "not an address", picture, "hxxp://b[.]example/x",
        "--note", "një foshnjë", "--danger", "--json",
    )  # fmt: skip
    found = said.one()
    assert owner.execute("SELECT note_flags FROM reports WHERE danger").fetchall() == [(["infant"],)]
    assert set(found) == {"receipt", "unreadable"}
    receipt = found["receipt"].replace("-", "")
    assert check_character(receipt[:12]) == receipt[12]
    assert [line["line"] for line in found["unreadable"]] == [2]
    listed = {one["what"]: one for one in hotline("item", "list", "--json").objects}
    assert {"hxxp://www[.]shembull[.]example/a", "hxxp://b[.]example/x", "picture.png"} <= set(listed)
    item = listed["picture.png"]
    assert set(item) >= ITEM_KEYS
    assert (item["kind"], item["state"], item["lane"], item["captures"]) == ("upload", "received", None, 0)
    assert item["matches"] == {"exact": 0, "near": 0}
    (name,) = [
        row[0]
        for row in owner.execute(
            "SELECT name FROM intake_objects JOIN items ON items.id = item_id WHERE file_name = 'picture.png'"
        )
    ]
    sealed = (state.intake / name).read_bytes()
    assert sealed.startswith(b"age-encryption.org/v1")
    assert picture.read_bytes()[:64] not in sealed
    table = hotline("item", "list")
    assert "http://" not in table.out  # addresses are shown so that nobody clicks them
    plain = hotline("report", "submit", "http://c.example/", "also not an address")
    assert plain.code == 0
    assert plain.out.startswith("Received. Receipt: ")
    assert plain.err.startswith("line 2: ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "nothing in this report"),
        (["--note", "   "], "nothing in this report"),
        (["not an address"], "No line of this report is a web address; line 1"),
        (["http://a.example/", "--note", "x" * 20_001], "at most 20000 characters"),
        (["http://a.example/" + "x" * 5000], "the line is too long"),
        (["/nowhere/picture.jpg"], "there is no such file"),
    ],
)
def test_a_report_that_is_none_is_refused(hotline, owner, words, said):
    before = owner.execute("SELECT count(*) FROM reports").fetchone()
    assert said in hotline("report", "submit", *words).refusal()
    assert owner.execute("SELECT count(*) FROM reports").fetchone() == before


def test_a_file_over_the_limit_leaves_nothing_behind(hotline, tmp_path, state, monkeypatch, owner):
    monkeypatch.setenv("UPLOAD_MAX_BYTES", "1000")
    large, small = tmp_path / "large.bin", tmp_path / "small.bin"
    large.write_bytes(b"x" * 1001)
    small.write_bytes(b"x" * 1000)
    objects = sorted(path.name for path in state.intake.iterdir())
    before = owner.execute("SELECT count(*) FROM reports").fetchone()
    assert "at most 1000 bytes" in hotline("report", "submit", small, large).refusal()
    assert owner.execute("SELECT count(*) FROM reports").fetchone() == before
    assert sorted(path.name for path in state.intake.iterdir()) == objects
    assert hotline("report", "submit", small).code == 0


def test_another_remit_waits_to_be_handed_on(hotline):
    address = "http://tjeter.example/fjale"
    assert hotline("report", "submit", address, "--remit", "hate_speech").code == 0
    listed = {one["what"]: one for one in hotline("item", "list", "--json").objects}
    item = listed["hxxp://tjeter[.]example/fjale"]
    assert (item["state"], item["lane"]) == ("awaiting_hand_on", "hand_on")


# fetch


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", "http://localhost:8700/", "http://[::1]/", "http://10.0.0.1/"]
)
def test_fetch_refuses_this_machine_and_needs_no_database(hotline, tmp_path, monkeypatch, url):
    monkeypatch.setenv("STATE_DIR", str(tmp_path / "nowhere"))
    said = hotline("fetch", url, "--json")
    assert (said.code, said.err) == (1, "")
    (found,) = said.objects
    assert set(found) == {"url", "refused"}
    assert not (tmp_path / "nowhere").exists()


def test_fetch_reads_the_practice_names_of_a_practice_database(hotline, database, monkeypatch):
    from tests.local_sites import run_site

    with run_site() as site:
        site.lay_answer("/b", b"hello", "image/png")
        with connect(database.dsns["hotline_owner"]) as conn:
            write_kind(conn, "practice", now=utcnow())
            replace_practice_names(
                conn, {"photos.example": "203.0.113.10"}, dial_host="127.0.0.1", dial_port=site.port
            )
            conn.commit()
        monkeypatch.setenv("DATABASE_URL", database.dsns["hotline_staff"])
        found = hotline("fetch", "http://photos.example/b", "--practice", "--json").one()
        assert set(found) == {
            *("url", "final_url", "status", "addresses", "redirects", "bytes", "sha256"),
            *("content_type", "elapsed_ms", "exit", "hops"),
        }
        assert (found["sha256"], found["addresses"]) == (sha256(b"hello"), ["203.0.113.10"])
        assert hotline("fetch", f"http://127.0.0.1:{site.port}/b", "--practice", "--json").code == 1
        assert hotline("fetch", "http://photos.example/b", "--json").code == 1


# custody and doctor


def test_custody_verify_says_whether_all_streams_hold(hotline, owner):
    hotline("user", "add", "Zana", "--role", "clerk").one_line()
    found = hotline("custody", "verify", "--json").one()
    assert found["verified"] is True
    assert found["broken"] == []
    assert found["events"] >= found["streams"] > 0
    owner.execute("ALTER TABLE custody_events DISABLE TRIGGER USER")
    owner.execute("UPDATE custody_events SET actor = actor || '?' WHERE stream LIKE 'person/%'")
    owner.commit()
    try:
        said = hotline("custody", "verify", "--json")
        assert said.code == 1
        (found,) = said.objects
        assert found["verified"] is False
        assert any("was changed" in line for line in found["broken"])
        plain = hotline("custody", "verify")
        assert plain.code == 1
        assert plain.err.startswith("Broken: ")
    finally:
        owner.execute("UPDATE custody_events SET actor = rtrim(actor, '?') WHERE stream LIKE 'person/%'")
        owner.execute("ALTER TABLE custody_events ENABLE TRIGGER USER")
        owner.commit()
    assert hotline("custody", "verify").code == 0


def test_doctor_names_what_is_here_and_what_is_missing(hotline, state):
    hotline("match", "--digest", "0" * 31 + "2")  # builds the index
    said = hotline("doctor", "--json")
    (found,) = said.objects
    assert {"versions", "servers", "sandbox", "keys", "database", "index", "store", "missing"} <= set(found)
    assert (said.code, said.err) == (1 if found["missing"] else 0, "")
    assert found["database"]["roles"] == [
        *("hotline_outbound", "hotline_public", "hotline_staff", "hotline_worker")
    ]
    assert found["sandbox"]["decoder"]["seccomp"] is True
    assert found["keys"]["staff/vault-identity"] == "there"
    for path in (state.root / "keys").rglob("*"):
        if path.is_file():
            assert path.read_text().strip() not in said.out
    key = state.keys("worker") / "vault-recipient"
    kept = key.read_text()
    key.unlink()
    try:
        said = hotline("doctor", "--json")
    finally:
        key.write_text(kept)
    assert said.code == 1
    assert any("vault-recipient" in line for line in said.objects[0]["missing"])
