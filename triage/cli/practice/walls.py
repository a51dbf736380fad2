"""Practice pages that are not what was reported: parked, walls, gone in words only, shut to a country, a list of links.

The words are made up for practice, after those that such pages commonly use.
"""

from triage.cli.practice.replies import Maker, make_page, picture_path

SHUT_HOST = "vendi.nowhere.example"
"""The host that shows its page abroad only."""


def list_walls() -> dict[str, dict[str, Maker]]:
    """Return the pages: host → path → reply."""
    return {
        "www.parkuar.example": {"/": lambda: make_page("parkuar.example", _PARKED)},
        "hyrje.nowhere.example": {"/albumi/7": lambda: make_page("Log in", _LOGIN)},
        "pelqim.nowhere.example": {"/foto/3": lambda: make_page("Before you continue", _CONSENT)},
        "humbur.praktike.example": {"/foto/9": lambda: make_page("404 Not Found", _SOFT_404)},
        "lidhje.shembull.example": {"/": lambda: make_page("Lidhje", _list_links())},
        SHUT_HOST: dict.fromkeys(
            ("/foto", picture_path("behind-wall")), lambda: make_page("Not available", _SHUT, status=451)
        ),
    }


def _list_links() -> str:
    sites = "".join(
        f'<li><a href="http://faqja-{number}.example/album/{number}">Album {number}</a></li>'
        for number in range(60)
    )
    return f"<h1>Lidhje praktike</h1><ul>{sites}</ul>"


_PARKED = """
<h1>parkuar.example</h1>
<p>This domain is for sale! Buy this domain. The domain owner parked this page free, courtesy of the registrar.</p>
<p>Related searches: <a href="/s?q=1">Practice</a> <a href="/s?q=2">Drawings</a> <a href="/s?q=3">Shapes</a></p>
<p><a href="http://shitje.example/parkuar.example">Make an offer on this domain name</a></p>
"""

_LOGIN = """
<h1>Log in to continue</h1>
<p>You must be logged in to view this album. Please log in or sign up.</p>
<form method="post" action="/login">
<input type="text" name="user" placeholder="E-mail"><input type="password" name="password" placeholder="Password">
<button>Log in</button></form>
<p><a href="/forgot">Forgot password?</a></p>
"""

_CONSENT = """
<h1>Before you continue</h1>
<p>We use cookies and ask for your consent. Accept all cookies to continue, or manage your choices.</p>
<p>You must be 18 years or older to enter. I am over 18: enter.</p>
<form method="post" action="/consent"><button name="all">Accept all</button><button name="no">Reject all</button></form>
"""

_SOFT_404 = """
<h1>404</h1>
<p>Page not found. Sorry, the page you are looking for does not exist or has been removed.</p>
<p><a href="/">Back to the start page</a></p>
"""

_SHUT = """
<h1>Not available in your country</h1>
<p>This content is not available in your country or region. Unavailable for legal reasons.</p>
"""
