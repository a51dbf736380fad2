"""Settings that change while it runs: bounds, two people at once, who may, and that each process takes them up."""

import threading
from dataclasses import fields
from functools import partial

import psycopg
import pytest

from api.console.catalogue import TEXTS
from tests.builders import count_rows
from tests.public_server import run_public_surface
from tests.staff_server import run_staff_surface
from triage.clock import utcnow
from triage.errors import InvalidSettingError, NotAllowedError, StaleStateError, UnknownThingError
from triage.ids import new_id
from triage.model import PersonRole
from triage.rules.live_settings import (
    LIVE_SETTINGS,
    ValueFault,
    find_live_setting,
    read_value,
    read_values,
    write_value,
)
from triage.settings import Settings, load_settings
from triage.steps.change_settings import change_setting
from triage.store.live_settings import insert_change, list_last_changes, read_changed, read_changed_public
from triage.store.people import find_person

HOSTILE = '"><img src=x onerror=alert(1)>'
NUMBERS = [one for one in LIVE_SETTINGS if one.floor is not None]
DEFAULTS = load_settings({})


@pytest.fixture
def surface(database, tmp_path):
    with run_staff_surface(database, root=tmp_path) as running:
        yield running


@pytest.fixture
def admin(surface):
    return surface.sign_in("Arta", PersonRole.ADMIN)


def change(browser, name, **values):
    browser.open("/settings?lang=en")
    return browser.submit(f"change-{name}", **({"reason": "a test"} | values))


def tell(surface, name, value):
    """Change a setting as an admin does, without a page."""
    surface.hire("Arta", PersonRole.ADMIN)
    with surface.database.connect("hotline_staff") as staff:
        person = find_person(staff, "Arta")
        default = write_value(getattr(DEFAULTS, name))
        change_setting(staff, name, value, "a test", seen=None, default=default, person=person, now=utcnow())
        staff.commit()


# The table


@pytest.mark.parametrize("setting", LIVE_SETTINGS, ids=lambda one: one.name)
def test_each_setting_is_a_field_whose_default_is_a_value_and_has_its_texts(setting):
    kinds = {spec.name: spec.type for spec in fields(Settings)}
    default = getattr(DEFAULTS, setting.name)
    assert read_value(setting, write_value(default)) == default
    assert kinds[setting.name] is type(read_value(setting, write_value(default)))
    assert {f"about_{setting.name}", f"bounds_{setting.kind}"} <= set(TEXTS)
    assert set(ValueFault) <= set(TEXTS)


@pytest.mark.parametrize("setting", NUMBERS, ids=lambda one: one.name)
def test_floor_and_ceiling_are_taken_and_what_lies_beyond_is_not(setting):
    step = 0.001 if setting.kind == "share" else 1
    assert read_value(setting, f"{setting.floor:.12g}") == setting.floor
    assert read_value(setting, f"{setting.ceiling:.12g}") == setting.ceiling
    for beyond in (setting.floor - step, setting.ceiling + step):
        with pytest.raises(InvalidSettingError):
            read_value(setting, f"{beyond:.12g}")


@pytest.mark.parametrize("setting", NUMBERS, ids=lambda one: one.name)
@pytest.mark.parametrize(
    "text", ["", "nan", "inf", "-inf", "1e3", "0x10", "٥٠٠", "1_000", "NaN", "5 0", "+5", "1.5.2"]
)
def test_what_is_no_number_is_none(setting, text):
    with pytest.raises(InvalidSettingError) as refused:
        read_value(setting, text)
    assert refused.value.fault == ValueFault.UNREADABLE


@pytest.mark.parametrize(
    "text", ["", "1", "abc", "129\n116", "1" * 30, "129;ext", "<b>129</b>", "12\u202e9", "--"]
)
def test_what_is_no_telephone_number_is_none(text):
    with pytest.raises(InvalidSettingError):
        read_value(find_live_setting("police_phone"), text)


def test_a_stored_value_that_fits_no_more_is_left_out():
    usable, unusable = read_values({"look_max_s": "3600", "session_idle_s": "600", "state_dir": "/tmp"})
    assert (usable, unusable) == ({"session_idle_s": 600.0}, ["look_max_s", "state_dir"])


def test_the_public_role_reads_just_what_it_needs(surface, as_role):
    for setting in LIVE_SETTINGS:
        text = {"flag": "on", "phone": "+355 4 2222"}.get(setting.kind) or f"{setting.floor:.12g}"
        tell(surface, setting.name, text)
    public, outbound = as_role("hotline_public"), as_role("hotline_outbound")
    assert set(read_changed_public(public)) == {one.name for one in LIVE_SETTINGS if one.is_public}
    assert set(read_changed(outbound)) == {one.name for one in LIVE_SETTINGS}
    for role, query in (
        (public, "SELECT FROM live_settings"),
        (public, "SELECT FROM setting_changes"),
        (outbound, "SELECT FROM setting_changes"),
    ):
        role.rollback()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            role.execute(query)


def test_a_change_is_never_changed_or_deleted(surface, conn):
    tell(surface, "look_max_s", "5")
    for query in ("UPDATE setting_changes SET after = '9'", "DELETE FROM setting_changes"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute(query)
        conn.rollback()


# What is refused


BAD = [
    ("look_max_s", {"value": "2"}, "must be 3 to 30"),
    ("look_max_s", {"value": "31"}, "must be 3 to 30"),
    ("look_max_s", {"value": "NaN"}, "no value of this setting"),
    ("look_max_s", {"value": HOSTILE}, "no value of this setting"),
    ("look_max_s", {"value": "10"}, "has this value already"),
    ("look_max_s", {"to": "default"}, "has this value already"),
    ("look_max_s", {"value": "5", "reason": "  "}, "Say why"),
    ("look_max_s", {"value": "5", "reason": "x" * 501}, "at most 500"),
    ("police_phone", {"value": HOSTILE}, "no value of this setting"),
    ("public_uploads", {"value": "maybe"}, "no value of this setting"),
]


def test_a_bad_value_is_said_beside_its_field_and_nothing_is_stored(admin, conn):
    for name, values, words in BAD:
        refused = change(admin, name, **values)
        assert refused.status == 422, values
        assert words in refused.tree.css_first(f"#error-{name}").text()
        assert HOSTILE not in refused.text
        node = refused.tree.css_first(f"#value-{name}")
        if node.tag == "input" and "value" in values:
            assert node.attributes["value"] == values["value"]
    assert count_rows(conn, "SELECT count(*) FROM setting_changes") == 0


def test_a_setting_that_may_not_change_is_none(admin, conn):
    fields_of_form = {"value": "1", "reason": "why", "seen": "0"}
    for name in ("undo_s", "database_url", "evidence_for_police", "x", "look_max_s%00", "..%2fpeople"):
        assert admin.post(f"/settings/{name}", fields_of_form).status in {403, 404}
    assert count_rows(conn, "SELECT count(*) FROM setting_changes") == 0


def test_of_two_people_who_change_it_at_once_one_looks_again(surface, admin, conn):
    page = admin.open("/settings?lang=en")
    other = surface.sign_in("Besa", PersonRole.ADMIN)
    change(other, "look_max_s", value="7")
    admin.page = page
    late = admin.submit("change-look_max_s", value="20", reason="mine")
    assert late.status == 409
    assert "Somebody else was quicker" in late.words
    assert count_rows(conn, "SELECT count(*) FROM setting_changes") == 1
    for seen in ("", "-1", "x", "9" * 30):
        fields_of_form = {"value": "20", "reason": "mine", "seen": seen}
        assert admin.post("/settings/look_max_s", fields_of_form).status in {403, 409}


def test_two_transactions_at_one_moment_store_one_change(surface, conn):
    person_id = surface.hire("Arta", PersonRole.ADMIN).id
    stored = []

    def store(value):
        with surface.database.connect("hotline_staff") as staff:
            stored.append(
                insert_change(
                    staff,
                    "look_max_s",
                    seq=1,
                    before=None,
                    after=value,
                    reason="why",
                    person_id=person_id,
                    now=utcnow(),
                )
            )
            staff.commit()

    threads = [threading.Thread(target=partial(store, value)) for value in ("5", "6")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one is None for one in stored) == [False, True]
    assert count_rows(conn, "SELECT count(*) FROM setting_changes") == 1


def test_only_an_admin_changes_settings(surface, conn):
    for name, role in (("Lena", PersonRole.LEAD), ("Eva", PersonRole.AUDITOR), ("Ana", PersonRole.ANALYST)):
        browser = surface.sign_in(name, role)
        assert browser.open("/settings").status == 403
        fields_of_form = {"value": "5", "reason": "why", "seen": "0"}
        assert browser.post("/settings/look_max_s", fields_of_form).status == 403
    with surface.database.connect("hotline_staff") as staff:
        step = partial(change_setting, staff, seen=None, default="10", now=utcnow())
        with pytest.raises(NotAllowedError):
            step("look_max_s", "5", "why", person=find_person(staff, "Lena"))
    assert count_rows(conn, "SELECT count(*) FROM setting_changes") == 0


def test_what_nobody_knows_is_refused_by_the_step_too(surface):
    surface.hire("Arta", PersonRole.ADMIN)
    with surface.database.connect("hotline_staff") as staff:
        step = partial(
            change_setting, staff, seen=None, default="10", person=find_person(staff, "Arta"), now=utcnow()
        )
        with pytest.raises(UnknownThingError):
            step("sandbox", "weak", "why")
        with pytest.raises(StaleStateError):
            change_setting(
                staff,
                "look_max_s",
                "5",
                "why",
                seen=3,
                default="10",
                person=find_person(staff, "Arta"),
                now=utcnow(),
            )


# What is done


def test_a_change_counts_at_once_and_is_shown_with_who_and_why(surface, admin, conn):
    assert surface.tools.settings.look_max_s == 10
    changed = change(admin, "look_max_s", value="5", reason=f"calmer {HOSTILE}")
    assert changed.status == 200
    card = changed.tree.css_first("#setting-look_max_s").text()
    assert "by Arta" in card
    assert f"calmer {HOSTILE}" in card
    assert HOSTILE not in changed.text
    assert surface.tools.settings.look_max_s == 5
    record = conn.execute(
        "SELECT actor, record FROM custody_events WHERE event = 'setting_changed'"
    ).fetchone()
    assert record[0] == f"person/{surface.people['Arta'].id}"
    assert "calmer" not in record[1]
    change(admin, "look_max_s", to="default", reason="back")
    assert surface.tools.settings.look_max_s == 10
    history = conn.execute("SELECT seq, before, after FROM setting_changes ORDER BY seq").fetchall()
    assert history == [(1, None, "5"), (2, "5", None)]


def test_a_share_is_written_with_a_comma_or_a_point(surface, admin):
    assert change(admin, "second_look_share", value="0,25").status == 200
    assert surface.tools.settings.second_look_share == 0.25


def test_a_form_that_is_run_again_after_a_lost_commit_changes_once(surface, conn):
    surface.hire("Arta", PersonRole.ADMIN)
    now = utcnow()
    for _ in range(2):
        with surface.database.connect("hotline_staff") as staff:
            person = find_person(staff, "Arta")
            change_setting(staff, "look_max_s", "5", "why", seen=0, default="10", person=person, now=now)
            staff.commit()
    assert count_rows(conn, "SELECT count(*) FROM setting_changes") == 1


def test_the_public_pages_show_the_number_of_now(surface, database, tmp_path):
    with run_public_surface(tmp_path / "state", database.dsns["hotline_public"]) as public:
        tell(surface, "police_phone", "+355 42 129 129")
        tell(surface, "report_max_urls", "20")
        public.tools.live.renew()
        with public.client(token=None) as client:
            assert "+355 42 129 129" in client.get("/").text
        assert public.tools.settings.report_max_urls == 20


def test_when_the_database_is_away_what_was_read_last_stands(surface):
    tell(surface, "look_max_s", "5")
    live = surface.tools.live
    live.renew()
    surface.tools.database.close()
    live._try_renew()
    assert surface.tools.settings.look_max_s == 5


def test_a_row_that_this_version_does_not_know_changes_nothing(surface, conn):
    person_id = surface.hire("Arta", PersonRole.ADMIN).id
    conn.execute(
        "INSERT INTO setting_changes (id, name, seq, before, after, reason, person_id, at)"
        " VALUES (%s, 'look_max_s', 1, NULL, '86400', 'of an older version', %s, now())",
        (new_id(), person_id),
    )
    conn.commit()
    surface.tools.live.renew()
    assert surface.tools.settings.look_max_s == 10
    assert list_last_changes(conn)["look_max_s"].after == "86400"


def test_the_rates_of_the_public_form_follow(surface, database, tmp_path):
    with run_public_surface(tmp_path / "state", database.dsns["hotline_public"]) as public:
        tell(surface, "subnet_burst", "7")
        tell(surface, "public_per_minute", "60")
        public.tools.live.renew()
        assert public.tools.report_throttle.of_subnet.burst == 7
        assert public.tools.lookup_throttle.of_all.per_s == 1
