"""Tokens of machines: made, revoked, noted when used, refused in the same second; and what `stats` tells."""

from datetime import timedelta

import httpx2
import pytest

from tests.builders import count_rows, report
from tests.public_server import TOKEN, add_token, run_public_surface
from tests.staff_server import run_staff_surface
from triage.clock import utcnow
from triage.model import PersonRole
from triage.store.people import digest_token
from triage.store.tokens import find_token, revoke_token

STATS = "/api/v1/stats"


@pytest.fixture
def surface(database, tmp_path):
    with run_staff_surface(database, root=tmp_path) as running:
        yield running


@pytest.fixture
def admin(surface):
    return surface.sign_in("Arta", PersonRole.ADMIN)


def ask(surface, path=STATS, token=TOKEN):
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return httpx2.get(surface.url + path, headers=headers, trust_env=False, timeout=30)


def make(browser, **fields):
    browser.open("/tokens?lang=en")
    return browser.submit("make", **({"name": "desk", "scope": "stats"} | fields))


def used_at(conn):
    conn.rollback()
    return conn.execute("SELECT last_used_at FROM api_tokens").fetchone()[0]


# What is refused


OUT_OF_BOUNDS = [
    ({"days": "0"}, "1 to 400 days"),
    ({"days": "401"}, "1 to 400 days"),
    ({"days": "-1"}, "1 to 400 days"),
    ({"days": "nan"}, "1 to 400 days"),
    ({"days": "٩"}, "1 to 400 days"),
    ({"days": "9" * 400}, "1 to 400 days"),
    ({"scope": "everything"}, "Choose a scope"),
    ({"name": ""}, "A token's name"),
    ({"name": "<b>desk</b>"}, "A token's name"),
    ({"name": "x" * 64}, "A token's name"),
]


def test_a_token_out_of_bounds_is_not_made(admin, conn):
    for fields, words in OUT_OF_BOUNDS:
        refused = make(admin, **fields)
        assert refused.status == 403, fields
        assert words in refused.words
        assert "<b>desk" not in refused.text
    assert count_rows(conn, "SELECT count(*) FROM api_tokens") == 0


def test_a_name_counts_once_even_after_its_token_is_gone(admin, conn):
    make(admin)
    assert "token of that name already" in make(admin, scope="match").words
    admin.open("/tokens?lang=en")
    admin.submit("/revoke")
    assert "token of that name already" in make(admin).words
    assert count_rows(conn, "SELECT count(*) FROM api_tokens") == 1


def test_whatever_is_wrong_with_a_token_is_answered_alike(surface, conn):
    for name, scope, days in (("match", "match", 1), ("old", "stats", -1), ("back", "stats", 1)):
        add_token(conn, f"hotline_{name}", scope, days=days)
    revoke_token(conn, "token hotline_back", now=utcnow())
    conn.commit()
    said = {
        (answer.status_code, answer.text)
        for answer in (
            ask(surface, token=token)
            for token in (None, "", "hotline_x", "hotline_match", "hotline_old", "hotline_back", "x" * 5000)
        )
    }
    assert said == {(401, '{"error":"A valid token with the scope `stats` is needed."}')}
    assert count_rows(conn, "SELECT count(*) FROM api_tokens WHERE last_used_at IS NOT NULL") == 0


def test_a_token_is_refused_in_the_second_in_which_it_is_revoked(surface, admin, conn):
    made = make(admin)
    (secret,) = [node.text() for node in made.tree.css("#new-token code")]
    assert ask(surface, token=secret).status_code == 200
    admin.submit("/revoke")
    assert ask(surface, token=secret).status_code == 401
    path = f"/tokens/{conn.execute('SELECT id FROM api_tokens').fetchone()[0]}/revoke"
    assert admin.post(path).status == 404  # once is enough


def test_what_is_over_is_not_offered_to_be_revoked(admin, conn):
    add_token(conn, "hotline_old", "stats", days=-1)
    add_token(conn, "hotline_good", "match", days=1)
    page = admin.open("/tokens?lang=en")
    assert "expired" in page.words
    assert len(page.list_actions("/tokens/.*/revoke")) == 1
    assert admin.submit("/revoke").list_actions("/tokens/.*/revoke") == []


def test_a_token_expires_to_the_moment(conn):
    add_token(conn, scope="stats", days=1)
    (expires_at,) = conn.execute("SELECT expires_at FROM api_tokens").fetchone()
    digest = digest_token(TOKEN)
    assert find_token(conn, digest, scope="stats", now=expires_at) is None
    assert find_token(conn, digest, scope="stats", now=expires_at - timedelta(microseconds=1)) is not None


def test_only_an_admin_sees_tokens_and_a_session_is_none(surface, conn):
    for name, role in (("Lena", PersonRole.LEAD), ("Eva", PersonRole.AUDITOR), ("Klea", PersonRole.CLERK)):
        browser = surface.sign_in(name, role)
        assert browser.open("/tokens").status == 403
        assert browser.post("/tokens", {"name": "x", "scope": "match", "days": "1"}).status == 403
        assert browser.open(STATS).status == 401
    assert count_rows(conn, "SELECT count(*) FROM api_tokens") == 0


def test_the_public_surface_tells_no_counts(database, conn, tmp_path):
    add_token(conn, scope="stats")
    with run_public_surface(tmp_path / "state", database.dsns["hotline_public"]) as running:
        with running.client() as client:
            assert client.get(STATS).status_code == 404


# What is done


def test_a_token_is_shown_once_and_listed_with_who_made_it(surface, admin, conn):
    made = make(admin, name="partner desk", scope="match", days="400")
    assert "It is shown this once" in made.words
    (secret,) = [node.text() for node in made.tree.css("#new-token code")]
    assert secret.startswith("hotline_")
    listed = admin.open("/tokens?lang=en")
    assert secret not in listed.text
    assert "partner desk" in listed.words
    assert "by Arta" in listed.words
    row = conn.execute("SELECT token_digest, expires_at - created_at FROM api_tokens").fetchone()
    assert row == (digest_token(secret), timedelta(days=400))
    event = conn.execute("SELECT event, actor, record FROM custody_events WHERE stream = 'system'").fetchone()
    assert event[:2] == ("token_added", f"person/{surface.people['Arta'].id}")
    assert "partner desk" not in event[2]
    assert secret not in event[2]


def test_the_last_use_is_noted_at_most_once_a_minute(conn, as_role):
    add_token(conn)
    staff, digest, start = as_role("hotline_public"), digest_token(TOKEN), utcnow()
    for after_s, noted_s in ((0, 0), (59, 0), (60, 60), (1, 60)):
        now = start + timedelta(seconds=after_s)
        assert find_token(staff, digest, scope="intake", now=now) is not None
        staff.commit()
        assert used_at(conn) == start + timedelta(seconds=noted_s)


def test_a_question_about_hashes_notes_the_use(surface, conn):
    add_token(conn, scope="match")
    body = {"hashes": [{"algorithm": "sha256", "value": "0" * 64}]}
    for _ in range(3):
        answer = httpx2.post(
            surface.url + "/api/v1/match",
            json=body,
            headers={"authorization": f"Bearer {TOKEN}"},
            trust_env=False,
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
    first = used_at(conn)
    assert first is not None
    assert count_rows(conn, "SELECT count(*) FROM api_tokens WHERE xmin <> xmax") == 1


def test_the_counts_tell_nothing_that_is_rare(surface, conn):
    add_token(conn, scope="stats")
    for number in range(6):
        report(conn, f"https://example.org/{number}")
    report(conn, note="a text")
    said = ask(surface).json()
    today = said["until"]
    assert said["reports"]["by_day"][today] == 7
    assert len(said["reports"]["by_day"]) == 30
    assert said["reports"]["by_channel"] == {"partner": 0, "cli": 7, "api": 0, "public": 0}
    assert said["items_by_state"]["received"] is None  # beside the one that waits for a person
    assert set(said["items_by_state"].values()) == {None}
    assert set(said["notices_by_state"].values()) == {0}
    assert (said["removed"], said["median_hours_to_removal"]) == (0, None)
    assert "example.org" not in str(said)
