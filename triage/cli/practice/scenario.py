"""The practice reports: plain data that the demo submits over the report API, with what should come of each.

Every way a report can go is here once: new, known, near, page, redirects, gone, hostile, odd spellings, files
that cannot be shown, text, another remit. All pictures are drawings of the practice catalogue.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from triage.cli.practice.catalogue import GALLERY_SIZE, ICONS, Catalogue
from triage.cli.practice.pages import list_formats
from triage.cli.practice.replies import picture_path
from triage.cli.practice.wide_pages import FORTY, IN_FRAME, SHOWN_WAYS
from triage.errors import UnknownThingError


class Outcome(StrEnum):
    """What becomes of a report's item."""

    CAPTURED = "captured"
    REFUSED = "refused"
    NOT_CAPTURED = "not_captured"


class Matched(StrEnum):
    """The strongest match of an item or of its pictures."""

    NOTHING = "nothing"
    NEAR = "near"
    KNOWN = "known"


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the demo should show in the end.

    Attributes:
        items: top-level items of the report.
        outcome: what the worker makes of them.
        state: state of the items once the worker is done.
        matched: the strongest match of the items and their pictures.
        min_children: least number of child items of all items together.
        is_shown: whether there is a picture to look at.
        page_kind: what the answer is instead of what was reported, as PageKind has it.
        unreadable_lines: 1-based numbers of lines that are no address.
        shared_with: title of an earlier report that has the same item.
    """

    items: int = 1
    outcome: Outcome = Outcome.CAPTURED
    state: str = "awaiting_assessment"
    matched: Matched = Matched.NOTHING
    min_children: int = 0
    is_shown: bool = True
    page_kind: str | None = None
    unreadable_lines: tuple[int, ...] = ()
    shared_with: str | None = None


@dataclass(frozen=True, slots=True)
class PracticeReport:
    """One report.

    Attributes:
        title: unique name for people and tests; it is not sent.
        urls: lines as a reporter would write them.
        files: uploads as (file name, bytes).
        remit: csam, csem, hate_speech or other.
        note: the reporter's words.
        danger: whether the reporter says that a child is in danger now.
        idempotency_key: header of the API call, or None.
        expect: what should come of it.
    """

    title: str
    urls: tuple[str, ...] = ()
    files: tuple[tuple[str, bytes], ...] = ()
    remit: str = "csam"
    note: str = ""
    danger: bool = False
    idempotency_key: str | None = None
    expect: Expectation = field(default_factory=Expectation)


_PHOTOS = "http://foto.shembull.example"
_DEPOT = "http://depo.nowhere.example"
_SHOWN_NOT = Expectation(is_shown=False)
_REFUSED = Expectation(outcome=Outcome.REFUSED, is_shown=False)
_KNOWN = Expectation(matched=Matched.KNOWN, is_shown=False)


def build_scenario(seed: int = 1, replaced: Mapping[str, int] | None = None) -> list[PracticeReport]:
    """Return all practice reports, in the order in which they are sent.

    Args:
        seed: seed of the practice world.
        replaced: name of a file → another seed; start the site with the same ones. Reports whose known
            or near picture was replaced then expect a new picture.

    Raises:
        UnknownThingError: a replaced name is not in the catalogue.
    """
    catalogue = Catalogue(seed, replaced)
    reports = [
        *(*_list_pictures(), *_list_pages(), *_list_wide_pages(), *_list_walls(), *_list_patience()),
        *(*_list_hostile(), *_list_files(catalogue), *_list_formats(), *_list_texts()),
    ]
    return [_adapt(report, catalogue.replaced) for report in reports]


def find_report(reports: Sequence[PracticeReport], title: str) -> PracticeReport:
    """Return the report of a title.

    Raises:
        UnknownThingError: there is none.
    """
    for report in reports:
        if report.title == title:
            return report
    raise UnknownThingError("there is no practice report of that title")


def _list_pictures() -> list[PracticeReport]:
    return [
        PracticeReport(
            "new picture", (_PHOTOS + picture_path("new-single"),), idempotency_key="practice-0001"
        ),
        PracticeReport("known picture", (_PHOTOS + picture_path("known-exact"),), expect=_KNOWN),
        PracticeReport(
            "near match",
            (_PHOTOS + picture_path("near-served"),),
            note="Praktikë: e njëjta pamje, më e vogël.",
            expect=Expectation(matched=Matched.NEAR),
        ),
        PracticeReport(
            "danger now",
            ("http://WWW.albumi.example:80" + picture_path("album-single") + "?danger=1",),
            note="Praktikë: raportuesi thotë se një fëmijë është në rrezik.",
            danger=True,
            idempotency_key="practice-0005",
        ),
        PracticeReport(
            "typed www on an Albanian keyboard", ("ëëë.albumi.example" + picture_path("album-single"),)
        ),
        PracticeReport(
            "defanged spelling", ("hxxp://foto[.]shembull[.]example" + picture_path("spelled-single"),)
        ),
        PracticeReport("first of two", (_PHOTOS + picture_path("twice-reported"),)),
        PracticeReport(
            "second of two",
            ("HTTP://Foto.Shembull.example:80" + picture_path("twice-reported") + "#lart",),
            note="Praktikë: e njëjta adresë, e shkruar ndryshe.",
            expect=Expectation(shared_with="first of two"),
        ),
        PracticeReport(
            "one unreadable line",
            (
                _PHOTOS + picture_path("mixed-lines"),
                "kjo-nuk-eshte-adrese",
                _DEPOT + picture_path("animated-webp"),
            ),
            expect=Expectation(items=2, unreadable_lines=(2,)),
        ),
    ]


def _list_pages() -> list[PracticeReport]:
    gallery = Expectation(matched=Matched.KNOWN, min_children=GALLERY_SIZE)
    return [
        PracticeReport("gallery", ("http://galeria.shembull.example/",), expect=gallery),
        PracticeReport("redirect chain", ("http://kalo.praktike.example/1",)),
        PracticeReport("page without pictures", ("http://lajme.shembull.example/",), expect=_SHOWN_NOT),
        PracticeReport("dead link", ("http://zhdukur.praktike.example/ikur.jpg",), expect=_SHOWN_NOT),
    ]


def _list_wide_pages() -> list[PracticeReport]:
    every_way = len(SHOWN_WAYS) + len(IN_FRAME) + len(ICONS) + 2  # one in its own text, and a tracker
    return [
        PracticeReport(
            "pictures in every way",
            ("http://kornize.shembull.example/albumi",),
            expect=Expectation(min_children=every_way),
        ),
        PracticeReport(
            "forty pictures", ("http://dyzet.shembull.example/",), expect=Expectation(min_children=FORTY)
        ),
        PracticeReport(
            "refresh to a page", ("http://kalo.praktike.example/freskim",), expect=Expectation(min_children=1)
        ),
    ]


def _list_walls() -> list[PracticeReport]:
    def wall(title: str, url: str, page_kind: str) -> PracticeReport:
        return PracticeReport(title, (url,), expect=Expectation(is_shown=False, page_kind=page_kind))

    return [
        wall("parked page", "http://www.parkuar.example/", "parked"),
        wall("login wall", "http://hyrje.nowhere.example/albumi/7", "login_wall"),
        wall("consent wall", "http://pelqim.nowhere.example/foto/3", "consent_wall"),
        wall("gone in words only", "http://humbur.praktike.example/foto/9", "soft_404"),
        wall("list of links", "http://lidhje.shembull.example/", "link_list"),
        PracticeReport(
            "shut to our country",
            ("http://vendi.nowhere.example/foto",),
            note="Praktikë: hapet vetëm nga jashtë.",
            expect=Expectation(page_kind="geo_block", min_children=1),
        ),
    ]


def _list_patience() -> list[PracticeReport]:
    return [
        PracticeReport("asked to wait", ("http://www.prisni.example" + picture_path("after-wait"),)),
        PracticeReport(
            "right at the third try", ("http://www.lodhur.example" + picture_path("after-errors"),)
        ),
    ]


def _list_formats() -> list[PracticeReport]:
    near = {"turned-served": "picture on its side", "late-served": "late in an animation"}
    titles = {
        "four-inks": "four inks",
        "sixteen-bits": "sixteen bits",
        "phone-picture": "telephone picture",
    } | near
    return [
        PracticeReport(
            titles[name],
            ("http://formate.shembull.example" + picture_path(name),),
            expect=Expectation(matched=Matched.NEAR if name in near else Matched.NOTHING),
        )
        for name in list_formats()
    ]


def _list_hostile() -> list[PracticeReport]:
    heavy, trap = "http://rende.praktike.example", "http://kurth.nowhere.example"
    return [
        PracticeReport("oversized file", (heavy + "/e-rende.jpg",), expect=_REFUSED),
        PracticeReport("claims to be huge", (heavy + "/thote-shume.jpg",), expect=_REFUSED),
        PracticeReport("compressed bomb", (heavy + "/bomba.html",), expect=_REFUSED),
        # The bytes are fetched and kept; only the decoder refuses them.
        PracticeReport("picture bomb", (heavy + "/bomba.png",), expect=_SHOWN_NOT),
        PracticeReport("redirect to a private address", (trap + "/kalo-10",), expect=_REFUSED),
        PracticeReport("private address", ("http://169.254.169.254/latest/",), expect=_REFUSED),
        PracticeReport("page that links inside", (trap + "/",), expect=Expectation(min_children=1)),
        PracticeReport("redirect loop", ("http://kalo.praktike.example/rrotull",), expect=_REFUSED),
    ]


def _list_files(catalogue: Catalogue) -> list[PracticeReport]:
    videos = "http://video.nowhere.example"
    return [
        PracticeReport("known video", (videos + "/v/known.mp4",), expect=_KNOWN),
        PracticeReport("new video", (videos + "/v/new.mp4",), expect=_SHOWN_NOT),
        PracticeReport("archive", (_DEPOT + "/arkivi.zip",), expect=_SHOWN_NOT),
        PracticeReport("animation", (_DEPOT + picture_path("animated"),)),
        PracticeReport("cut-off picture", (_DEPOT + picture_path("truncated"),), expect=_SHOWN_NOT),
        PracticeReport(
            "known upload",
            files=(("dosja.png", catalogue.read("upload-known")),),
            idempotency_key="practice-0003",
            expect=_KNOWN,
        ),
        PracticeReport(
            "new upload",
            files=(("IMG_0001.jpg", catalogue.read("upload-new")),),
            note="Praktikë: dosje e ngarkuar.",
            idempotency_key="practice-0002",
        ),
    ]


def _list_texts() -> list[PracticeReport]:
    return [
        PracticeReport(
            "text only",
            idempotency_key="practice-0004",
            remit="csem",
            note="Praktikë: një prind kërkon të flasë me dikë për mesazhe nga një i panjohur.",
            expect=Expectation(outcome=Outcome.NOT_CAPTURED, is_shown=False),
        ),
        PracticeReport(
            "other remit",
            ("http://lajme.shembull.example/teksti.txt",),
            remit="hate_speech",
            note="Praktikë: raportim për një fushë tjetër.",
            expect=Expectation(outcome=Outcome.NOT_CAPTURED, state="awaiting_hand_on", is_shown=False),
        ),
    ]


_DECISIVE = {
    "known picture": ("known-exact", True),
    "near match": ("near-served", True),
    "known video": ("video-known", False),
    "known upload": ("upload-known", True),
    "picture on its side": ("turned-served", True),
    "late in an animation": ("late-served", True),
}
"""Title → the file its match hangs on, and whether that file can be shown once it is new."""


def _adapt(report: PracticeReport, replaced: Mapping[str, int]) -> PracticeReport:
    name, is_shown = _DECISIVE.get(report.title, ("", False))
    # A near picture also changes with the original that it is made from.
    original = {
        "near-served": "near-original",
        "turned-served": "turned-original",
        "late-served": "late-original",
    }
    names = {name, original.get(name, name)}
    if names & set(replaced):
        return replace(report, expect=replace(report.expect, matched=Matched.NOTHING, is_shown=is_shown))
    if report.title == "gallery" and "gallery-4" in replaced:
        near = {"gallery-7", "gallery-original"}.isdisjoint(replaced)
        matched = Matched.NEAR if near else Matched.NOTHING
        return replace(report, expect=replace(report.expect, matched=matched))
    return report
