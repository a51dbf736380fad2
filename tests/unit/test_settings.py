"""Settings: what is refused, what a log may show, and that the example file says all of it."""

import re
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

import triage
from triage.errors import SettingsError
from triage.settings import SECRET_FIELDS, Settings, environment_name, format_example, load_settings
from triage.settings_checks import LIVE_FLOORS_S, check_floors

EXAMPLE = Path(triage.__file__).parents[1] / ".env.example"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("WORKERS", "two", "WORKERS cannot be read: 'two'"),
        ("WORKERS", "1.5", "WORKERS cannot be read"),
        ("WORKERS", "-1", "WORKERS must be a number, and not negative"),
        ("SWEEP_EVERY", "soon", "SWEEP_EVERY cannot be read"),
        ("SWEEP_EVERY", "nan", "SWEEP_EVERY must be a number"),
        ("SWEEP_EVERY", "inf", "SWEEP_EVERY must be a number"),
        ("UNDO", "-0.1", "UNDO must be a number, and not negative"),
        ("RETRY_WAITS", "1,,2", "RETRY_WAITS cannot be read"),
        ("RETRY_WAITS", "60,-1", "RETRY_WAITS must be a number, and not negative"),
        ("RETRY_WAITS", "60,nan", "RETRY_WAITS must be a number"),
        ("PUBLIC_UPLOADS", "maybe", "PUBLIC_UPLOADS cannot be read"),
        ("PUBLIC_PORT", "0", "PUBLIC_PORT must be a port"),
        ("STAFF_PORT", "65536", "STAFF_PORT must be a port"),
        ("SANDBOX", "off", "SANDBOX must be strict or weak"),
        ("LOG_LEVEL", "chatty", "LOG_LEVEL must be"),
        ("INSIDE_NETWORKS", "our-network", "INSIDE_NETWORKS holds 'our-network'"),
        ("INSIDE_NETWORKS", "192.0.2.0/24,198.51.100.7/24", "INSIDE_NETWORKS holds '198.51.100.7/24'"),
        ("INSIDE_NETWORKS", "192.0.2.0/33", "INSIDE_NETWORKS holds '192.0.2.0/33'"),
        ("INSIDE_NETWORKS", "::ffff:192.0.2.0/120", "write an IPv4 network as IPv4"),
        ("TRUSTED_PROXIES", "192.0.2.1/24", "TRUSTED_PROXIES holds '192.0.2.1/24'"),
        ("PUBLIC_ORIGINS", "https://a.example/", "PUBLIC_ORIGINS holds 'https://a.example/'"),
        ("PUBLIC_ORIGINS", "null", "PUBLIC_ORIGINS holds 'null'"),
        ("PUBLIC_ORIGINS", "http://a.example", "PUBLIC_ORIGINS holds"),
        ("PUBLIC_ORIGINS", "*", "PUBLIC_ORIGINS holds"),
        ("FORM_AGE_MIN", "86400", "FORM_AGE_MAX must be longer"),
        ("SUBNET_BURST", "0", "must be more than 0"),
        ("JOB_TIMEOUT", "80", "JOB_TIMEOUT must be longer"),
        ("CAPTURE_LEASE", "280", "CAPTURE_LEASE longer still"),
        ("FETCH_TOTAL", "nan", "JOB_TIMEOUT must be longer"),
        ("DECODE_WALL", "1000", "JOB_TIMEOUT must be longer"),
        ("LEASE", "7200", "LEASE must be 300 to 1800"),
        ("LEASE", "60", "LEASE must be 300 to 1800"),
        ("LOOK_MAX", "2", "LOOK_MAX must be 3 to 30"),
        ("LOOK_MAX", "86400", "LOOK_MAX must be 3 to 30"),
        ("RECOVERY_VOICE_DAYS", "0", "RECOVERY_VOICE_DAYS must be 1 to 30"),
    ],
)
def test_a_bad_value_is_refused_by_its_name(name, text, words):
    with pytest.raises(SettingsError, match=re.escape(words)):
        load_settings({name: text})


@pytest.mark.parametrize("name", LIVE_FLOORS_S)
def test_only_practice_may_be_faster_than_the_floors(name):
    value = (0.5, 1.0) if name == "retry_waits_s" else 0.5
    settings = load_settings({}, **{name: value})
    check_floors(settings, is_practice=True)
    with pytest.raises(SettingsError, match=environment_name(name)):
        check_floors(settings, is_practice=False)
    check_floors(load_settings({}), is_practice=False)


def test_values_are_read_by_their_types():
    settings = load_settings(
        {
            "STATE_DIR": "/srv/hotline",
            "WORKERS": "3",
            "PUBLIC_UPLOADS": "on",
            "EVIDENCE_FOR_POLICE": "No",
            "RETRY_WAITS": "1,2.5",
            "SERVED_HOSTS": "a.example, b.example,",
            "INSIDE_NETWORKS": "192.0.2.0/24, 2001:db8::/32,198.51.100.7,",
            "SWEEP_EVERY": "0.25",
            "DATABASE_URL": "",
        }
    )
    assert settings.state_dir == Path("/srv/hotline")
    assert (settings.workers, settings.public_uploads, settings.evidence_for_police) == (3, True, False)
    assert (settings.retry_waits_s, settings.sweep_every_s) == ((1.0, 2.5), 0.25)
    assert settings.served_hosts == ("a.example", "b.example")
    assert settings.inside_networks == ("192.0.2.0/24", "2001:db8::/32", "198.51.100.7")
    assert settings.database_url is None


def test_nothing_is_read_from_anywhere_but_what_is_given(monkeypatch):
    monkeypatch.setenv("WORKERS", "7")
    assert load_settings({}).workers == 2
    assert load_settings().workers == 7
    assert load_settings(workers=5).workers == 5
    monkeypatch.setenv("HOTLINE_WORKERS", "9")
    assert load_settings().workers == 7


def test_settings_are_frozen():
    with pytest.raises(FrozenInstanceError):
        load_settings({}).workers = 4  # type: ignore[misc]


def test_a_log_shows_no_secret():
    secret = "postgresql://hotline_staff:s3cret-of-all@db.example/hotline"
    settings = load_settings({environment_name(name): secret for name in SECRET_FIELDS})
    shown = settings.public_view()
    assert "s3cret" not in str(shown)
    assert "db.example" not in str(shown)
    assert {shown[environment_name(name)] for name in SECRET_FIELDS} == {"set"}
    assert set(shown) == {environment_name(name) for name in SECRET_FIELDS}
    assert load_settings({"WORKERS": "3"}).public_view() == {"WORKERS": 3}


def test_every_address_that_may_hold_a_password_is_secret():
    addresses = {spec.name for spec in fields(Settings) if spec.name.endswith("_url") or "_url_" in spec.name}
    assert addresses == SECRET_FIELDS


def test_every_setting_has_its_own_name_and_a_sentence():
    names = [environment_name(spec.name) for spec in fields(Settings)]
    assert len(set(names)) == len(names)
    for spec in fields(Settings):
        sentence = spec.metadata["sentence"]
        assert sentence[0].isupper() or spec.name == "sandbox", spec.name
        assert sentence.endswith("."), spec.name
        if spec.name.endswith("_s"):
            assert re.search(r"seconds", sentence, re.IGNORECASE), spec.name
        if spec.name.endswith("_bytes"):
            assert "bytes" in sentence, spec.name
        if spec.name.endswith("_mb"):
            assert "MiB" in sentence, spec.name


def test_the_example_file_is_that_of_this_version():
    assert EXAMPLE.read_text("utf-8") == format_example()


def test_the_example_with_all_lines_on_gives_the_defaults():
    environment = {}
    for line in format_example().splitlines():
        found = re.fullmatch(r'#([A-Z][A-Z_]+)=("?)(.*)\2', line)
        if found:
            environment[found[1]] = found[3]
    assert set(environment) == {environment_name(spec.name) for spec in fields(Settings)}
    assert load_settings(environment) == load_settings({})


@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0"])
def test_not_everybody_is_a_trusted_proxy(network):
    with pytest.raises(SettingsError, match="TRUSTED_PROXIES"):
        load_settings({"TRUSTED_PROXIES": network})
