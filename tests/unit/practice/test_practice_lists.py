"""Hash lists and scenario: they fit the catalogue, the site and each other, and follow a replaced picture."""

import csv
import hashlib
import io
from pathlib import Path

import numpy as np
import pdqhash
import pytest
from PIL import Image

from hashsets.model import EntryClass
from hashsets.thresholds import PDQ_RADIUS
from triage.cli.practice.catalogue import Catalogue
from triage.cli.practice.hash_lists import COLUMNS, HashListFile, write_hash_lists
from triage.cli.practice.networks import PRACTICE_HOSTS
from triage.cli.practice.pages import build_routes
from triage.cli.practice.scenario import Matched, Outcome, build_scenario, find_report
from triage.errors import InvalidUrlError, UnknownThingError
from triage.rules.states import ItemState, Remit
from triage.rules.urls import normalise_url, split_url

SERVED = {
    "known picture": "known-exact",
    "near match": "near-served",
    "new picture": "new-single",
    "known video": "video-known",
    "new video": "video-new",
    "known upload": "upload-known",
    "new upload": "upload-new",
}


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> list[HashListFile]:
    return write_hash_lists(tmp_path_factory.mktemp("lists"))


def read_rows(listed: HashListFile) -> list[dict[str, str]]:
    with listed.path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def match(data: bytes, lists: list[HashListFile]) -> Matched:
    """Match as the product does, in a few plain lines."""
    digests = {hashlib.sha256(data).hexdigest(), hashlib.md5(data).hexdigest()}
    rows = [row for listed in lists for row in read_rows(listed)]
    if any({row["sha256"], row["md5"]} & digests for row in rows):
        return Matched.KNOWN
    try:
        with Image.open(io.BytesIO(data)) as image:
            bits = int("".join(map(str, pdqhash.compute(np.asarray(image.convert("RGB")))[0])), 2)
    except OSError:
        return Matched.NOTHING
    near = any(row["pdq"] and (int(row["pdq"], 16) ^ bits).bit_count() <= PDQ_RADIUS for row in rows)
    return Matched.NEAR if near else Matched.NOTHING


def test_lists_have_the_agreed_shape(lists: list[HashListFile]) -> None:
    assert [listed.trusted_classes for listed in lists] == [(EntryClass.BASELINE,), ()]
    lengths = {"md5": 32, "sha1": 40, "sha256": 64, "pdq": 64}
    for listed in lists:
        rows = read_rows(listed)
        assert tuple(rows[0]) == COLUMNS
        assert len({row["id"] for row in rows}) == len(rows) > 100
        for row in rows:
            assert EntryClass(row["category"])
            assert any(row[name] for name in lengths)
            for name, length in lengths.items():
                assert not row[name] or (len(row[name]) == length and int(row[name], 16) >= 0)
    assert not any(row["sha256"] or row["md5"] for row in read_rows(lists[1]))
    assert {row["category"] for row in read_rows(lists[1])} == {"advisory", "national_illegal"}


def test_lists_are_repeatable_and_follow_the_seed(lists: list[HashListFile], tmp_path: Path) -> None:
    again = write_hash_lists(tmp_path)
    assert [one.path.read_bytes() for one in again] == [one.path.read_bytes() for one in lists]
    other = write_hash_lists(tmp_path, seed=2)
    assert [one.path.read_bytes() for one in other] != [one.path.read_bytes() for one in lists]


@pytest.mark.parametrize(("title", "name"), SERVED.items())
def test_files_match_as_the_scenario_expects(title: str, name: str, lists: list[HashListFile]) -> None:
    expected = find_report(build_scenario(), title).expect.matched
    assert match(Catalogue().read(name), lists) is expected


def test_gallery_holds_one_known_and_one_near(lists: list[HashListFile]) -> None:
    catalogue = Catalogue()
    found = [match(catalogue.read(f"gallery-{number}"), lists) for number in range(1, 10)]
    assert found.count(Matched.KNOWN) == 1
    assert found.count(Matched.NEAR) == 1


@pytest.mark.parametrize("title", ["known picture", "near match", "known video", "known upload"])
def test_one_replaced_picture_changes_its_result(title: str, lists: list[HashListFile]) -> None:
    replaced = {SERVED[title]: 99}
    changed = build_scenario(replaced=replaced)
    report = find_report(changed, title)
    assert report.expect.matched is Matched.NOTHING
    assert match(Catalogue(1, replaced).read(SERVED[title]), lists) is Matched.NOTHING
    others = [(one, two) for one, two in zip(changed, build_scenario(), strict=True) if one.title != title]
    assert all(one == two for one, two in others)


def test_a_replaced_original_and_gallery_picture_change_what_is_expected() -> None:
    near = find_report(build_scenario(replaced={"near-original": 4}), "near match")
    assert near.expect.matched is Matched.NOTHING
    assert find_report(build_scenario(replaced={"gallery-4": 4}), "gallery").expect.matched is Matched.NEAR
    both = build_scenario(replaced={"gallery-4": 4, "gallery-7": 4})
    assert find_report(both, "gallery").expect.matched is Matched.NOTHING


def test_unknown_titles_and_names_are_refused() -> None:
    with pytest.raises(UnknownThingError):
        find_report(build_scenario(), "no such report")
    with pytest.raises(UnknownThingError):
        build_scenario(replaced={"no-such": 1})


def test_the_scenario_is_complete_and_speaks_the_product_s_words() -> None:
    reports = build_scenario()
    assert len(reports) >= 14
    assert len({report.title for report in reports}) == len(reports)
    keys = [report.idempotency_key for report in reports if report.idempotency_key]
    assert len(set(keys)) == len(keys) >= 1
    for report in reports:
        assert Remit(report.remit)
        assert ItemState(report.expect.state)
        assert report.urls or report.files or report.note
        assert (report.expect.outcome is Outcome.REFUSED) <= (not report.expect.is_shown)
    assert sum(bool(report.files) for report in reports) >= 2
    assert {report.remit for report in reports} >= {"csam", "csem", "hate_speech"}


def test_every_readable_line_leads_to_the_site_and_the_others_do_not() -> None:
    routes = build_routes(Catalogue())
    keys: dict[str, str] = {}
    for report in build_scenario():
        readable = 0
        for number, line in enumerate(report.urls, 1):
            if number in report.expect.unreadable_lines:
                with pytest.raises(InvalidUrlError):
                    normalise_url(line)
                continue
            readable += 1
            normal = normalise_url(line)
            if normal.host in PRACTICE_HOSTS:
                assert split_url(normal.url).target.split("?")[0] in routes[normal.host], report.title
            else:
                assert report.expect.outcome is Outcome.REFUSED
            owner = keys.setdefault(normal.key, report.title)
            assert owner == (report.expect.shared_with or report.title)
        if report.urls:
            assert readable == report.expect.items
