"""Static files as they are served: kept by browsers for ever, while nothing else is kept; and no other file."""

import httpx2
import pytest

from api.console.static_files import STATIC_FILES as STAFF_FILES
from api.public.pages import STATIC_FILES as PUBLIC_FILES
from tests.public_server import run_public_surface
from tests.staff_server import run_staff_surface

LONG_LIVED = "public, max-age=31536000, immutable"
TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}


@pytest.fixture
def staff(database, tmp_path):
    with run_staff_surface(database, root=tmp_path) as running:
        yield running


@pytest.fixture
def public(database, tmp_path):
    with run_public_surface(tmp_path / "state", database.dsns["hotline_public"]) as running:
        yield running


def check_files(client, files):
    for file in files.by_path.values():
        answer = client.get(file.path)
        assert answer.status_code == 200
        assert answer.content == file.body
        assert answer.headers["content-type"] == TYPES[file.name.rpartition(".")[2]]
        assert answer.headers["cache-control"] == LONG_LIVED
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in answer.headers
        assert client.post(file.path).status_code == 405
        assert client.post(file.path).headers["cache-control"] == "no-store"


def check_others(client, files):
    (file, *_) = files.by_path.values()
    others = (
        f"/static/{file.name}",
        file.path.replace(".", "0", 1),
        file.path.upper(),
        f"{file.path}.LICENSE",
        "/static/",
        "/static/../templates/base.html",
        "/static/%2e%2e/templates/base.html",
        "/static/..%2ftemplates%2fbase.html",
        "/static//etc/passwd",
        "/static/htmx-4.0.1.min.js.LICENSE",
    )
    for path in others:
        answer = client.get(path)
        assert answer.status_code == 404, path
        assert answer.headers["cache-control"] == "no-store", path


def test_the_console_sends_its_files_and_no_other(staff):
    with httpx2.Client(base_url=staff.url, trust_env=False, timeout=30) as client:
        check_files(client, STAFF_FILES)
        check_others(client, STAFF_FILES)


def test_the_public_surface_sends_its_style_and_no_other(public):
    with public.client(None) as client:
        check_files(client, PUBLIC_FILES)
        check_others(client, PUBLIC_FILES)
        for file in STAFF_FILES.by_path.values():
            assert client.get(file.path).status_code == 404, "no script ever comes from the public surface"
