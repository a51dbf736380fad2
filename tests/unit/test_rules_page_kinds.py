"""What kind of page stands where something was reported: every kind with its near misses, and no false alarm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.rules.page_kinds import (
    WORDS,
    PageFacts,
    PageKind,
    describe_kind,
    hides_content,
    judge_answer,
    judge_page,
)

ASKED = "http://photos.example/albums/7"
LONG = "nje fjale tjeter per nje faqe te gjate. " * 150

K = PageKind


def facts(text: str = "", title: str = "", **numbers: int) -> PageFacts:
    return PageFacts(title=title, text=text.lower()[:6000], **numbers)


# Name, facts, status, final address (empty: as asked), kind.
CASES: list[tuple[str, PageFacts, int, str, PageKind | None]] = [
    # Parked
    ("for sale", facts("This domain is for sale! Buy this domain."), 200, "", K.PARKED),
    ("for sale in Albanian", facts("Ky domain është në shitje"), 200, "", K.PARKED),
    ("for sale in Italian", facts("Questo dominio è in vendita"), 200, "", K.PARKED),
    ("for sale in Croatian", facts("Ova domena je na prodaju"), 200, "", K.PARKED),
    ("for sale in Macedonian", facts("Доменот е на продажба"), 200, "", K.PARKED),
    ("for sale in German", facts("Diese Domain steht zum Verkauf"), 200, "", K.PARKED),
    ("for sale in Russian", facts("Этот домен продаётся"), 200, "", K.PARKED),
    ("for sale in Spanish", facts("Este dominio está en venta"), 200, "", K.PARKED),
    ("for sale in French", facts("Ce domaine est à vendre"), 200, "", K.PARKED),
    ("expired", facts("The domain has expired. Is this your domain?"), 200, "", K.PARKED),
    ("sent to a parking site", facts("lorem", links=200), 200, "https://www.hugedomains.com/x", K.PARKED),
    ("moved aside on its own name", facts("related searches"), 200, "http://ww25.photos.example/?s=1", K.PARKED),
    ("the parking site itself", facts("lorem", links=200, pictures=30), 200, "", None),
    ("an article on domains", facts("this domain is for sale " + LONG, links=40, pictures=3), 200, "", None),
    ("a gallery with such a banner", facts("buy this domain", pictures=40), 200, "", None),
    # Login walls
    ("a form alone", facts("Log in E-mail", password_fields=1, form_fields=2), 200, "", K.LOGIN_WALL),
    ("words without a form", facts("You must be logged in to view this album."), 200, "", K.LOGIN_WALL),
    ("in Albanian", facts("Duhet të identifikoheni për të parë albumin"), 200, "", K.LOGIN_WALL),
    ("in Serbian", facts("Morate biti prijavljeni"), 200, "", K.LOGIN_WALL),
    ("in Russian", facts("Войдите, чтобы увидеть фотографии"), 200, "", K.LOGIN_WALL),
    ("sent to sign in", facts("Welcome", pictures=1), 200, "http://photos.example/login?next=%2Falbums%2F7",
     K.LOGIN_WALL),
    ("sent to another site's sign-in", facts("Welcome", password_fields=1), 200, "https://id.example/signin/v2",
     K.LOGIN_WALL),
    ("status 401", facts("hello"), 401, "", K.LOGIN_WALL),
    ("status 403", facts("forbidden"), 403, "", K.LOGIN_WALL),
    ("front page with a return address", facts("Log in", password_fields=1), 200,
     "http://photos.example/?next=%2Falbums%2F7", K.LOGIN_WALL),
    ("a gallery with a link to log in", facts("Log in Register My holiday", links=50, pictures=40), 200, "", None),
    ("a forum thread with a form in its head", facts("log in password " + LONG, password_fields=1, form_fields=3,
     links=120, pictures=2), 200, "", None),
    ("a gallery with a form in its head", facts("log in", password_fields=1, pictures=12), 200, "", None),
    ("a page with a search field", facts("search our drawings", form_fields=1, pictures=1), 200, "", None),
    # Consent walls
    ("age", facts("You must be 18 years or older to enter. I am over 18"), 200, "", K.CONSENT_WALL),
    ("age in Italian", facts("Dichiaro di essere maggiorenne. Entra"), 200, "", K.CONSENT_WALL),
    ("age in Albanian", facts("Jam mbi 18 vjeç. Hyr"), 200, "", K.CONSENT_WALL),
    ("cookies", facts("Before you continue. We use cookies. Accept all. Reject all."), 200, "", K.CONSENT_WALL),
    ("cookies in German", facts("Wir brauchen Ihre Einwilligung. Cookies. Alle akzeptieren"), 200, "",
     K.CONSENT_WALL),
    ("a consent host", facts("We use cookies " + LONG, links=90), 200, "https://consent.photos.example/m?continue=x",
     K.CONSENT_WALL),
    ("a cookie banner over pictures", facts("We use cookies. Accept all.", pictures=25), 200, "", None),
    ("a cookie banner over text", facts("We use cookies. Accept all. " + LONG, links=30), 200, "", None),
    ("an adult gallery's footer", facts("all models over the age of 18", pictures=60, links=90), 200, "", None),
    ("one word on cookies", facts("recipe for cookies with nuts", pictures=1), 200, "", None),
    # Gone in words only
    ("words", facts("Sorry, the page you are looking for does not exist."), 200, "", K.SOFT_404),
    ("title", facts("home about contact " * 60, "404 Not Found | Photos", links=70), 200, "", K.SOFT_404),
    ("title in German", facts("start", "Seite nicht gefunden – Fotos"), 200, "", K.SOFT_404),
    ("Albanian", facts("Faqja nuk u gjet"), 200, "", K.SOFT_404),
    ("Macedonian", facts("Страницата не е пронајдена"), 200, "", K.SOFT_404),
    ("French", facts("Cette photo n'est plus disponible"), 200, "", K.SOFT_404),
    ("removed", facts("This album has been removed by its owner."), 200, "", K.SOFT_404),
    ("sent to the front", facts(LONG, pictures=30, links=90), 200, "http://photos.example/", K.SOFT_404),
    ("sent to the front in a language", facts(LONG, pictures=30), 200, "https://www.photos.example/sq/", K.SOFT_404),
    ("sent to what is missing", facts(LONG, pictures=9), 200, "http://photos.example/404", K.SOFT_404),
    ("status 404 says it itself", facts("page not found"), 404, "", None),
    ("status 410 with a form", facts("log in", password_fields=1), 410, "", None),
    ("an article on such pages", facts("page not found " + LONG, "Why “page not found” errors matter", links=30), 200,
     "", None),
    ("an album called so", facts("my best pictures", "Not Found | an album", pictures=40), 200, "", None),
    ("one comment was removed", facts("this comment has been removed " + LONG, pictures=12), 200, "", None),
    ("sent to the same page by https", facts("hello", pictures=4), 200, "https://www.photos.example/albums/7", None),
    ("sent to another site's front", facts("hello " + LONG, pictures=4), 200, "http://drawings.example/", None),
    # Shut to us
    ("status 451", facts("hello", pictures=50), 451, "", K.GEO_BLOCK),
    ("country", facts("This content is not available in your country."), 200, "", K.GEO_BLOCK),
    ("country in Albanian", facts("Nuk është i disponueshëm në vendin tuaj"), 200, "", K.GEO_BLOCK),
    ("denied by location", facts("Access denied from your location"), 403, "", K.GEO_BLOCK),
    ("banned", facts("The owner has banned the country or region your IP address is in"), 403, "", K.GEO_BLOCK),
    ("a missing page that says so", facts("not available in your region"), 404, "", K.GEO_BLOCK),
    ("a shop that does not send there", facts("not available in your country " + LONG, pictures=30), 200, "", None),
    ("an article on access", facts("access denied in your country " + LONG, links=80), 200, "", None),
    # Link lists
    ("sixty links", facts("album " * 60, links=60, links_away=60, other_sites=60), 200, "", K.LINK_LIST),
    ("many links to few sites", facts(LONG, links=200, links_away=150, other_sites=3), 200, "", K.LINK_LIST),
    ("an encyclopedia", facts(LONG, links=400, links_away=60, other_sites=40, pictures=8), 200, "", None),
    ("a gallery that links", facts("x", links=60, links_away=60, other_sites=9, pictures=60), 200, "", None),
    ("a few links", facts("x", links=12, links_away=12, other_sites=12), 200, "", None),
    # Nothing of it
    ("a picture and its name", facts("shape.jpg", "shape.jpg - Photos", pictures=1), 200, "", None),
    ("an empty page", facts(), 200, "", None),
    ("a server's error", facts("internal server error"), 500, "", None),
    ("an error with a banner", facts("Before you continue: cookies. Accept all."), 503, "", None),
    ("an error with a form", facts("please log in to", password_fields=1, form_fields=2), 502, "", None),
    ("an error with many links", facts("back soon", links=40, links_away=40, other_sites=30), 503, "", None),
    ("too many requests", facts("log in to continue"), 429, "", None),
    ("an error that shuts us out", facts("This service is not available in your country"), 503, "", K.GEO_BLOCK),
]  # fmt: skip


@pytest.mark.parametrize(("name", "page", "status", "final", "kind"), CASES, ids=[case[0] for case in CASES])
def test_a_page_is_told_by_what_it_says_and_shows(name, page, status, final, kind) -> None:
    asked = "http://www.hugedomains.com/x" if name == "the parking site itself" else ASKED
    assert judge_page(page, status=status, asked_url=asked, final_url=final or asked) is kind


def test_a_front_page_that_was_asked_for_is_not_gone() -> None:
    for asked in (
        "http://photos.example/",
        "http://photos.example/index.html",
        "http://photos.example/?utm=1",
    ):
        found = judge_page(
            facts(LONG, pictures=9), status=200, asked_url=asked, final_url="http://photos.example/"
        )
        assert found is None


def test_a_wall_that_sends_to_the_front_is_a_wall_and_not_gone() -> None:
    front = "http://photos.example/"
    found = [
        judge_page(page, status=200, asked_url=ASKED, final_url=front)
        for page in (facts("you must log in"), facts("are you over 18?"))
    ]
    assert found == [K.LOGIN_WALL, K.CONSENT_WALL]


def test_an_answer_that_is_no_page_is_told_by_its_status() -> None:
    told = {status: judge_answer(status) for status in (200, 401, 403, 404, 407, 410, 451, 500)}
    assert {status for status, kind in told.items() if kind is K.LOGIN_WALL} == {401, 403, 407}
    assert {status for status, kind in told.items() if kind is K.GEO_BLOCK} == {451}
    assert all(told[status] is None for status in (200, 404, 410, 500))


def test_every_kind_has_words_and_only_a_link_list_hides_nothing() -> None:
    assert set(WORDS) == set(PageKind)
    assert [kind for kind in PageKind if not hides_content(kind)] == [K.LINK_LIST]
    said = describe_kind(K.LINK_LIST, facts(links=90, links_away=60, other_sites=7))
    assert said == "a link list: 60 links to 7 other sites"
    assert describe_kind(K.LINK_LIST, None) == "a link list"
    assert describe_kind(K.PARKED, facts()) == "a parked page"


@given(
    st.builds(
        PageFacts,
        title=st.text(max_size=300),
        text=st.text(max_size=600),
        **{
            name: st.integers(0, 10**7)
            for name in (
                "password_fields",
                "form_fields",
                "links",
                "links_away",
                "other_sites",
                "pictures",
                "scripts",
            )
        },
    ),
    st.integers(100, 599),
    st.text(max_size=80)
    | st.sampled_from([ASKED, "http://192.0.2.1/x", "https://[2001:db8::1]:8443/login?next=x"]),
    st.text(max_size=80) | st.sampled_from([ASKED, "http://ww1.photos.example/"]),
)
def test_no_facts_can_break_the_judge(page: PageFacts, status: int, asked: str, final: str) -> None:
    assert judge_page(page, status=status, asked_url=asked, final_url=final) in {None, *PageKind}
