"""Which site a passkey is for, and whether an authenticator's answer holds, whatever a stranger writes into it."""

import json
import os
from datetime import timedelta

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.soft_authenticator import BACKED_UP, BACKUP_ELIGIBLE, HONEST, PRESENT, SoftAuthenticator, encode
from triage.clock import utcnow
from triage.rules.passkeys import (
    ANSWER_MAX,
    CHALLENGE_LIFE,
    NAME_MAX,
    RelyingParty,
    check_assertion,
    check_registration,
    find_party,
    is_count_ahead,
    is_fresh,
    read_assertion,
    read_name,
    write_creation_options,
    write_request_options,
)

PARTY = RelyingParty("hotline.example", "https://hotline.example")
CHALLENGE = bytes(range(32))
CREATION = write_creation_options(
    PARTY, site_name="Hotline", person_name="Ana", handle=b"h" * 16, challenge=CHALLENGE, known=[]
)
REQUEST = write_request_options(PARTY, challenge=CHALLENGE)


@pytest.fixture
def phone():
    return SoftAuthenticator(PARTY.origin)


def register(answer):
    return check_registration(answer, challenge=CHALLENGE, party=PARTY)


def prove(phone, answer):
    assertion = read_assertion(answer)
    if assertion is None:
        return None
    return check_assertion(assertion, challenge=CHALLENGE, party=PARTY, public_key=phone.public_key())


# Our site


@pytest.mark.parametrize(
    "host",
    [
        *("", "evil.example", "127.0.0.1:8701", "[::1]:8701", "127.0.0.1", "hotline.example.evil.example"),
        *("localhost.evil.example", "evil.hotline.example", "hotline.example.", "192.0.2.1", " localhost"),
        *("localhost@evil.example", "//localhost", "hotline.example/..", "LOCALHOST.:8701"),
    ],
)
def test_no_passkey_is_for_a_name_that_is_not_ours(host):
    assert find_party(host, served=("Hotline.example", "192.0.2.1"), port=8701) is None


def test_the_origin_is_made_of_configuration_and_never_of_the_header():
    served = ("Hotline.example",)
    assert find_party("localhost:9999", served=served, port=8701) == RelyingParty(
        "localhost", "http://localhost:8701"
    )
    assert find_party("localhost", served=(), port=80) == RelyingParty("localhost", "http://localhost")
    for host in ("hotline.example", "HOTLINE.EXAMPLE:8443"):
        assert find_party(host, served=served, port=8701) == PARTY
    assert find_party("hotline.example", served=(), port=8701) is None


# Registering


def test_what_is_asked_for_is_a_verified_person_on_a_key_that_knows_them():
    asked = json.loads(CREATION)
    selection = asked["authenticatorSelection"]
    assert (selection["residentKey"], selection["requireResidentKey"], selection["userVerification"]) == (
        "required",
        True,
        "required",
    )
    assert asked["attestation"] == "none"
    assert asked["timeout"] == 300_000
    assert json.loads(REQUEST)["userVerification"] == "required"
    assert json.loads(REQUEST)["allowCredentials"] == []


def test_an_honest_registration_is_taken_with_what_it_says(phone):
    fresh = register(phone.create(CREATION))
    assert (fresh.credential_id, fresh.public_key) == (phone.credential_id, phone.public_key())
    assert (fresh.transports, fresh.is_backed_up) == (("hybrid", "internal"), False)
    backed_up = phone.create(CREATION, flags=HONEST | BACKUP_ELIGIBLE | BACKED_UP)
    assert register(backed_up).is_backed_up


RSA_TINY = cbor2.dumps({1: 3, 3: -257, -1: b"\x03", -2: b"\x03"})
OFF_CURVE = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: b"\x01" * 32, -3: b"\x02" * 32})
LIES = (
    {"challenge": encode(b"another" * 5)},
    {"origin": "https://evil.example"},
    {"origin": "http://hotline.example"},
    {"origin": "https://hotline.example:8443"},
    {"origin": ["https://hotline.example"]},
    {"origin": None},
    {"cross_origin": True},
    {"rp_id": "evil.example"},
    {"flags": PRESENT},  # nobody verified the person
    {"flags": HONEST & ~PRESENT},
    {"flags": HONEST | BACKED_UP},  # backed up, but cannot be
)


@pytest.mark.parametrize(
    "lies",
    [
        *LIES,
        {"public_key": OFF_CURVE},
        {"public_key": RSA_TINY},
        {"public_key": cbor2.dumps({1: 2, 3: -47, -1: 8, -2: b"x" * 32, -3: b"y" * 32})},
        {"public_key": cbor2.dumps([1, 2, 3])},
        {"public_key": cbor2.dumps("key")},
        {"public_key": b""},
        {"public_key": cbor2.dumps({1: 3, 3: -257, -1: os.urandom(4000), -2: b"\x01\x00\x01"})},
        {"statement": {"fmt": "fido-u2f", "attStmt": {"sig": b"x", "x5c": [b"y"]}}},
        {"statement": {"fmt": "packed", "attStmt": {"alg": -7, "sig": b"x", "x5c": [b"y"]}}},
        {"statement": {"fmt": "packed", "attStmt": {"alg": -7, "sig": b"x"}}},
        {"statement": {"fmt": "tpm", "attStmt": {}}},
        {"statement": {"fmt": ["none"], "attStmt": {}}},
        {"statement": {"fmt": "none", "attStmt": 7}},
    ],
    ids=lambda lies: f"{next(iter(lies))}",
)
def test_a_registration_with_a_lie_is_not_taken(phone, lies):
    assert register(phone.create(CREATION, **lies)) is None


def test_credentials_of_unfit_length_are_not_taken():
    for length in (1, 15, 1024):
        phone = SoftAuthenticator(PARTY.origin, credential_id=os.urandom(length))
        assert register(phone.create(CREATION)) is None


def test_an_answer_of_the_other_ceremony_is_not_taken(phone):
    assert prove(phone, phone.create(CREATION)) is None
    assert register(phone.get(REQUEST)) is None


# Proving


def test_an_honest_proof_holds(phone):
    assert prove(phone, phone.get(REQUEST)).sign_count == 1
    assert prove(phone, phone.get(REQUEST, count=0)).sign_count == 0


@pytest.mark.parametrize("lies", LIES, ids=lambda lies: f"{next(iter(lies))}")
def test_a_proof_with_a_lie_does_not_hold(phone, lies):
    assert prove(phone, phone.get(REQUEST, **lies)) is None


def test_a_proof_signed_by_another_key_or_changed_after_signing_does_not_hold(phone):
    assert prove(phone, phone.get(REQUEST, key=ec.generate_private_key(ec.SECP256R1()))) is None
    told = json.loads(phone.get(REQUEST))
    for name in ("authenticatorData", "signature", "clientDataJSON"):
        changed = json.loads(json.dumps(told))
        text = changed["response"][name]
        changed["response"][name] = text[:-4] + ("AAAA" if text[-4:] != "AAAA" else "BBBB")
        assert prove(phone, json.dumps(changed)) is None


def list_broken(answer):
    """Return what a stranger may send instead of an answer."""
    told = json.loads(answer)
    yield from ("", "{", "null", "7", "[]", '"x"', "{}", answer[:-1], answer[: len(answer) // 2], answer * 2)
    yield "[" * 15_000
    yield '{"id":' * 2_500
    yield answer + " " * ANSWER_MAX
    yield '{"id": NaN}'
    for name in told:
        yield json.dumps({key: value for key, value in told.items() if key != name} | {name: None})
        yield json.dumps(told | {name: 7})
        yield json.dumps(told | {name: ["x"]})
        yield json.dumps(told | {name: {"x": {}}})
    hostile = [
        *(None, 7, [], {}, "", "=", "é", "\0", encode(b"\xff" * 100), encode(b"[" * 10_000)),
        *(encode(b"\x9f" * 10_000), encode(b"\x9b" + b"\xff" * 8), encode(b"\x5b" + b"\x7f" * 8)),
        *(encode(b"\xbf" * 10_000), encode(b"\xd8\x1c" * 5_000), encode(b'{"type":"webauthn.get"}')),
        encode(b'{"type":"webauthn.get","challenge":7,"origin":{}}'),
    ]
    for name in told["response"]:
        for value in hostile:
            yield json.dumps(told | {"response": told["response"] | {name: value}})
    # cut off, with every length of what the authenticator signed
    for name in ("attestationObject", "authenticatorData"):
        if name in told["response"]:
            whole = told["response"][name]
            for length in range(0, len(whole), 3):
                yield json.dumps(told | {"response": told["response"] | {name: whole[:length]}})


def test_broken_answers_are_refused_and_raise_nothing(phone):
    created, got = phone.create(CREATION), phone.get(REQUEST)
    # what no check depends on may be anything: it was not signed, and nothing is done with it
    free = {"transports", "userHandle", "clientExtensionResults"}
    for broken in list_broken(created):
        assert register(broken) is None or differs_only_in(broken, created, free), broken[:200]
    for broken in list_broken(got):
        assert prove(phone, broken) is None or differs_only_in(broken, got, free), broken[:200]


def differs_only_in(one, other, names):
    one, other = json.loads(one), json.loads(other)
    flat_one, flat_other = {**one, **one["response"]}, {**other, **other["response"]}
    del flat_one["response"], flat_other["response"]
    return {key for key in flat_other if flat_one.get(key) != flat_other[key]} <= names


# Small rules


def test_a_count_goes_on_or_is_not_kept():
    assert [is_count_ahead(*pair) for pair in ((0, 0), (0, 1), (5, 6))] == [True] * 3
    assert [is_count_ahead(*pair) for pair in ((5, 5), (5, 4), (5, 0))] == [False] * 3


def test_a_challenge_lives_five_minutes_whatever_the_clock_does():
    now = utcnow()
    assert is_fresh(now - CHALLENGE_LIFE + timedelta(seconds=1), now=now)
    assert not is_fresh(now - CHALLENGE_LIFE, now=now)
    assert not is_fresh(now + CHALLENGE_LIFE, now=now)


def test_a_name_is_one_line_of_its_own_words():
    assert read_name("  my \n phone ") == "my phone"
    assert read_name("ë" * NAME_MAX) == "ë" * NAME_MAX
    for unfit in ("", " \n", "x" * (NAME_MAX + 1), "a\x07b", "a\u202eb", "a\u200bb"):
        assert read_name(unfit) is None
