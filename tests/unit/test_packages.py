"""Packages: hostile and changed ones are refused, and a good one opens with common tools and none of our code."""

import hashlib
import io
import json
import shutil
import stat
import subprocess
import tarfile
from itertools import pairwise
from pathlib import Path

import bagit
import pyrage
import pytest
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry, deserialize_compact

from tests.messages import (
    NOON,
    custody_records,
    item_facts,
    message_facts,
    read_json,
    retraction_facts,
    unseen_facts,
)
from triage.cli.__main__ import main
from triage.errors import KeyMissingError, MessageRefusedError, PackageRefusedError
from triage.packages.bag import make_bag
from triage.packages.package import MAX_BYTES, MAX_MEMBERS, build_package, open_package
from triage.packages.signature import sign_detached
from triage.rules.compose import compose_message
from triage.rules.states import SendingKind
from triage.vault import new_identity, seal, unseal

KEY = OKPKey.generate_key("Ed25519")
SIGNING_KEY = json.dumps(KEY.as_dict(private=True))
SIGNER = json.dumps(KEY.as_dict(private=False) | {"kid": KEY.thumbprint()})
STRANGER = json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=True))
IDENTITY, RECIPIENT = new_identity()
PARTNER = message_facts(kind=SendingKind.HOTLINE, recipient_key=RECIPIENT)
SIGNATURE = "tagmanifest-sha512.txt.jws"


def build(facts=PARTNER, signing_key=SIGNING_KEY):
    return build_package(facts, compose_message(facts), signing_key, NOON)


GOOD = build()


def unpack(data=GOOD):
    """Return the files of a package by their full name, by age and tar alone."""
    packed = pyrage.decrypt(data, [pyrage.x25519.Identity.from_str(IDENTITY)])
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive.getmembers()}


def pack(files, *more):
    """Seal files as a package; `more` are members that tarfile is given as they are."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for member in more:
            archive.addfile(member, io.BytesIO(bytes(member.size)))
    return seal(target.getvalue(), RECIPIENT)


def sign_again(payload, signing_key=SIGNING_KEY, info=None):
    """Return a whole package around other contents, as one who holds a key could make it."""
    bag = make_bag(payload, info or {"External-Identifier": "HR-1"}, NOON)
    bag[SIGNATURE] = sign_detached(bag["tagmanifest-sha512.txt"], signing_key).encode()
    return pack({f"package/{name}": data for name, data in bag.items()})


def refuse(data, identity=IDENTITY, signer=SIGNER):
    with pytest.raises(PackageRefusedError) as caught:
        open_package(data, identity, signer)
    message = str(caught.value)
    assert message
    assert "\n" not in message
    return message


# Changed and hostile packages


@pytest.mark.parametrize("name", sorted(unpack()))
def test_a_change_of_any_file_is_found(name: str) -> None:
    files = unpack()
    changed = bytes([files[name][0] ^ 1]) + files[name][1:]
    refuse(pack(files | {name: changed}))
    refuse(pack(files | {name: files[name] + b"\n"}))
    refuse(pack({other: data for other, data in files.items() if other != name}))


def test_a_file_that_was_added_is_found() -> None:
    for name in (
        "package/data/xarf-9.json",
        "package/data/hashes2.jsonl",
        "package/extra.txt",
        "package/fetch.txt",
    ):
        refuse(pack(unpack() | {name: b"{}"}))


def test_a_change_that_mends_all_digests_is_found_by_the_signature() -> None:
    payload = {
        name.removeprefix("package/data/"): data for name, data in unpack().items() if "/data/" in name
    }
    bag = make_bag(payload | {"summary.txt": b"something else\n"}, {"External-Identifier": "HR-1"}, NOON)
    bag[SIGNATURE] = unpack()[f"package/{SIGNATURE}"]
    assert "signature" in refuse(pack({f"package/{name}": data for name, data in bag.items()}))


def test_a_package_of_another_signer_is_refused() -> None:
    assert "pinned" in refuse(build(signing_key=STRANGER))


def test_other_forms_of_signature_are_refused() -> None:
    files = unpack()
    head, _, tail = files[f"package/{SIGNATURE}"].decode().split(".")
    none = "eyJhbGciOiJub25lIn0"
    for forged in (
        "",
        ".",
        "..",
        f"{head}.AAAA.{tail}",
        f"{none}..",
        f"{none}..{tail}",
        f"{head}..",
        "a..b",
        "é..x",
    ):
        refuse(pack(files | {f"package/{SIGNATURE}": forged.encode()}))


def test_a_package_for_somebody_else_is_refused() -> None:
    other, _ = new_identity()
    assert "not sealed to this key" in refuse(GOOD, identity=other)


@pytest.mark.parametrize("at", [0, 10, 100, -200, -1])
def test_a_changed_or_cut_seal_is_refused(at: int) -> None:
    data = bytearray(GOOD)
    data[at] ^= 1
    refuse(bytes(data))
    refuse(GOOD[:at])


def test_what_is_no_package_is_refused() -> None:
    for data in (
        b"",
        b"x" * 1000,
        seal(b"", RECIPIENT),
        seal(b"x" * 2000, RECIPIENT),
        seal(b"\0" * 4096, RECIPIENT),
    ):
        refuse(data)


def member(name, kind=tarfile.REGTYPE, **fields):
    made = tarfile.TarInfo(name)
    made.type = kind
    for field, value in fields.items():
        setattr(made, field, value)
    return made


@pytest.mark.parametrize(
    "hostile",
    [
        member("/etc/passwd"),
        member("../outside"),
        member("package/../../outside"),
        member("package/data/../../x"),
        member("package//etc/passwd"),
        member("package/data/summary.txt/"),
        member("package\\data\\x"),
        member("data/summary.txt"),
        member("package/data/picture.jpg"),
        member("package/data/xarf-1.json.exe"),
        member("package/data/sub/notice.json"),
        member("package/data/summary.txt"),
        member("package/data/notice.json", tarfile.SYMTYPE, linkname="/etc/passwd"),
        member("package/data/notice.json", tarfile.LNKTYPE, linkname="package/data/summary.txt"),
        member("package/data/notice.json", tarfile.CHRTYPE, devmajor=1, devminor=3),
        member("package/data/notice.json", tarfile.BLKTYPE),
        member("package/data/notice.json", tarfile.FIFOTYPE),
        member("package/data/notice.json", tarfile.DIRTYPE),
        member("package/data/notice.json", pax_headers={"comment": "x"}),
        member("package/data/" + "n" * 300),
    ],
    ids=lambda made: f"{made.name[:30]}-{made.type.decode()}",
)
def test_a_hostile_member_is_refused(hostile: tarfile.TarInfo, tmp_path: Path) -> None:
    refuse(pack(unpack(), hostile))
    assert list(tmp_path.iterdir()) == []


def test_too_many_files_are_refused() -> None:
    payload = {f"xarf-{number}.json": b"{}" for number in range(1, MAX_MEMBERS + 2)}
    assert "200" in refuse(sign_again(payload))


def test_too_many_bytes_are_refused_before_they_are_opened() -> None:
    assert "64 MiB" in refuse(bytes(MAX_BYTES + 2**20 + 1))


def test_bytes_behind_the_end_are_refused() -> None:
    packed = unseal(GOOD, IDENTITY)
    assert "behind its end" in refuse(seal(packed + b"x", RECIPIENT))
    refuse(seal(packed + packed, RECIPIENT))


def test_a_size_that_lies_is_refused() -> None:
    packed = bytearray(unseal(GOOD, IDENTITY))
    packed[124:136] = b"77777777777\0"
    packed[148:156] = b"        "
    packed[148:156] = b"%06o\0 " % sum(packed[:512])
    refuse(seal(bytes(packed), RECIPIENT))


@pytest.mark.parametrize(
    "fault", ["left out", "swapped", "changed", "first left out", "not canonical", "no record"]
)
def test_a_custody_extract_that_does_not_link_is_refused(fault: str) -> None:
    records = list(custody_records(count=4))
    match fault:
        case "left out":
            del records[1]
        case "swapped":
            records[1], records[2] = records[2], records[1]
        case "changed":
            records[1] = records[1].replace('"look"', '"lead"')
        case "first left out":
            del records[0]
        case "not canonical":
            records[3] = records[3].replace('":', '": ')
        case "no record":
            records.append("[]")
    extract = "".join(f"{record}\n" for record in records).encode()
    assert "custody extract" in refuse(sign_again({"summary.txt": b"x", "custody.jsonl": extract}))


def test_keys_that_cannot_be_read_are_told_apart() -> None:
    for signer in (
        "",
        "{}",
        "[]",
        json.dumps({"kty": "oct", "k": "AAAA"}),
        '{"kty":"OKP","crv":"X25519","x":"AA"}',
    ):
        with pytest.raises(KeyMissingError):
            open_package(GOOD, IDENTITY, signer)
    with pytest.raises(KeyMissingError):
        open_package(GOOD, "AGE-SECRET-KEY-1NONSENSE", SIGNER)
    with pytest.raises(KeyMissingError):
        build(signing_key=SIGNER)


def test_a_recipient_without_a_key_gets_no_package() -> None:
    with pytest.raises(MessageRefusedError):
        build(message_facts(kind=SendingKind.HOTLINE))


def test_a_line_break_in_a_setting_does_not_reach_the_bag() -> None:
    with pytest.raises(MessageRefusedError):
        make_bag({"summary.txt": b"x"}, {"Source-Organization": "a\nPayload-Oxum: 0.0"}, NOON)


# Good packages


def test_a_good_package_opens() -> None:
    opened = open_package(GOOD, IDENTITY, SIGNER)
    assert opened.reference == PARTNER.reference
    assert opened.signer == KEY.thumbprint()
    assert opened.custody_records == 3
    assert opened.files["data/summary.txt"].decode() == compose_message(PARTNER).text
    row = json.loads(opened.files["data/hashes.jsonl"])
    image = PARTNER.items[0].images[0]
    assert (row["sha256"], row["pdq"], row["verdict"]) == (image.sha256, image.pdq, "baseline")
    assert open_package(GOOD, IDENTITY, None).signer is None


def test_a_package_opens_with_common_tools_and_none_of_our_code(tmp_path: Path) -> None:
    (tmp_path / "p.age").write_bytes(GOOD)
    if shutil.which("age"):
        (tmp_path / "id").write_text(f"{IDENTITY}\n")
        packed = subprocess.run(
            ["age", "--decrypt", "-i", tmp_path / "id", tmp_path / "p.age"], check=True, capture_output=True
        ).stdout
    else:
        packed = pyrage.decrypt(GOOD, [pyrage.x25519.Identity.from_str(IDENTITY)])
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:") as archive:
        for member in archive:  # by hand: `extractall` asks for a filter that Python 3.11.2 does not have
            target, content = tmp_path / member.name, archive.extractfile(member)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.read() if content else b"")
    bag = bagit.Bag(str(tmp_path / "package"))
    assert bag.is_valid()
    assert bag.version_info == (1, 0)
    assert bag.info["External-Identifier"] == PARTNER.reference
    assert bag.info["Bagging-Date"] == "2026-03-12"
    assert bag.info["Handling"].startswith("TLP:RED")
    signature = (tmp_path / "package" / SIGNATURE).read_text()
    signed = (tmp_path / "package" / "tagmanifest-sha512.txt").read_bytes()
    public = OKPKey.import_key(json.loads(SIGNER))
    registry = JWSRegistry(algorithms=["Ed25519"])
    assert signature.split(".")[1] == ""
    checked = deserialize_compact(signature, public, registry=registry, payload=signed)
    assert checked.headers() == {
        "alg": "Ed25519",
        "b64": False,
        "crit": ["b64"],
        "kid": public.thumbprint(),
    }
    lines = (tmp_path / "package/data/custody.jsonl").read_bytes().splitlines()
    for before, after in pairwise(lines):
        assert json.loads(after)["prev"] == hashlib.sha256(before).hexdigest()


def test_the_same_facts_are_packed_the_same() -> None:
    assert unseal(build(), IDENTITY) == unseal(build(), IDENTITY)


def test_a_package_to_who_hosts_it_has_no_digests_and_no_records() -> None:
    files = unpack(build(message_facts(recipient_key=RECIPIENT)))
    payload = {name.removeprefix("package/data/") for name in files if "/data/" in name}
    assert payload == {"summary.txt", "xarf-1.json"}
    image = PARTNER.items[0].images[0]
    assert not any(image.sha256.encode() in data for data in files.values())


def test_packages_of_every_kind_open() -> None:
    many = tuple(item_facts(f"https://photos.example/{number}") for number in range(300))
    for facts in (
        unseen_facts(recipient_key=RECIPIENT),
        retraction_facts(kind=SendingKind.HOTLINE, recipient_key=RECIPIENT),
        message_facts(kind=SendingKind.POLICE, recipient_key=RECIPIENT, is_practice=True),
        message_facts(
            kind=SendingKind.HOTLINE,
            recipient_key=RECIPIENT,
            items=tuple(
                item_facts(one.url, custody=custody_records(f"item/0190f5a0-0000-7000-8000-{number:012}"))
                for number, one in enumerate(many)
            ),
        ),
    ):
        opened = open_package(build(facts), IDENTITY, SIGNER)
        for name, document in read_json(compose_message(facts)).items():
            assert json.loads(opened.files[f"data/{name}"]) == document
    assert (
        "data/hashes.jsonl"
        not in open_package(
            build(retraction_facts(kind=SendingKind.HOTLINE, recipient_key=RECIPIENT)), IDENTITY, SIGNER
        ).files
    )


# The command


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "p.age").write_bytes(GOOD)
    (tmp_path / "identity").write_text(f"# created: today\n# public key: {RECIPIENT}\n{IDENTITY}\n")
    (tmp_path / "signer.jwk").write_text(SIGNER)
    return tmp_path


def command(folder: Path, action: str, *more: str, file: str = "p.age") -> int:
    keys = ["--identity", str(folder / "identity"), "--signer", str(folder / "signer.jwk")]
    return main(["package", action, str(folder / file), *keys, *more])


def test_the_command_verifies(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(folder, "verify") == 0
    assert PARTNER.reference in capsys.readouterr().out
    assert command(folder, "verify", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["verified"] is True
    assert told["signer"] == KEY.thumbprint()
    assert told["custody_records"] == 3


def test_the_command_unpacks_for_us_alone(folder: Path) -> None:
    target = folder / "out" / "here"
    assert command(folder, "open", "--to", str(target)) == 0
    written = {str(path.relative_to(target)): path for path in target.rglob("*") if path.is_file()}
    assert {f"package/{name}": path.read_bytes() for name, path in written.items()} == unpack()
    assert stat.S_IMODE(target.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in written.values()} == {0o600}


def test_the_command_writes_nothing_of_a_package_that_fails(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bad.age").write_bytes(build(signing_key=STRANGER))
    assert command(folder, "open", "--to", str(folder / "out"), file="bad.age") == 1
    assert not (folder / "out").exists()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("hotline: ")


def test_the_command_refuses_a_folder_that_holds_something(folder: Path) -> None:
    (folder / "out").mkdir()
    (folder / "out" / "mine").write_text("x")
    assert command(folder, "open", "--to", str(folder / "out")) == 1
    assert [path.name for path in (folder / "out").iterdir()] == ["mine"]


@pytest.mark.parametrize("missing", ["p.age", "identity", "signer.jwk"])
def test_the_command_says_what_is_missing(
    folder: Path, missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / missing).unlink()
    assert command(folder, "verify") == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_command_follows_no_link(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "elsewhere").mkdir(mode=0o755)
    (folder / "out").symlink_to(folder / "elsewhere")
    assert command(folder, "open", "--to", str(folder / "out")) == 1
    assert list((folder / "elsewhere").iterdir()) == []
    assert stat.S_IMODE((folder / "elsewhere").stat().st_mode) == 0o755
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("sign", ["\x1b]0;x\x07", "\x9b2J", "\x85", "\r", "\u2028", "\u202e"])
def test_a_signer_cannot_steer_our_screen(sign: str) -> None:
    bag = make_bag({"summary.txt": b"x"}, {"External-Identifier": "HR-1"}, NOON)
    bag["bag-info.txt"] = bag["bag-info.txt"].replace(b"HR-1", f"HR{sign}-1".encode())
    tags = ("bag-info.txt", "bagit.txt", "manifest-sha512.txt")
    listed = "".join(f"{hashlib.sha512(bag[name]).hexdigest()}  {name}\n" for name in tags)
    bag["tagmanifest-sha512.txt"] = listed.encode()
    bag[SIGNATURE] = sign_detached(bag["tagmanifest-sha512.txt"], SIGNING_KEY).encode()
    with pytest.raises(PackageRefusedError, match="cannot be read"):
        open_package(pack({f"package/{name}": data for name, data in bag.items()}), IDENTITY, SIGNER)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_size_without_end_is_refused(kind: bytes) -> None:
    member = tarfile.TarInfo("package/x")
    member.type, member.size = kind, 2**80
    refuse(seal(member.tobuf(tarfile.GNU_FORMAT) + bytes(1024), RECIPIENT))
