"""Chromium for tests: one run a call, without a window, with nothing of its own to say to anybody."""

import os
import shutil
import subprocess
import tempfile

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--disable-extensions",
    "--password-store=basic",
    "--use-mock-keychain",
    "--enable-logging=stderr",
)


@pytest.fixture
def browse(tmp_path):
    """Run Chromium once; return what it prints and what broke a policy."""
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("the run of record needs Chromium, and there is none")
        pytest.skip("there is no Chromium on this machine")

    def run(*arguments):
        flags = [*FLAGS, f"--user-data-dir={tmp_path / 'browser'}"]
        if os.geteuid() == 0:
            flags.append("--no-sandbox")
        # A short folder of its own: Chromium makes a socket there, whose path may have 107 characters.
        with tempfile.TemporaryDirectory(prefix="form-") as short:
            home = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "TMPDIR": short}
            ended = subprocess.run(
                [CHROMIUM, *flags, *arguments], env=home, capture_output=True, timeout=60, check=False
            )
        log = ended.stderr.decode(errors="replace")
        assert ended.returncode == 0, log[-2000:]
        return ended.stdout.decode(), [line for line in log.splitlines() if "Content Security Policy" in line]

    return run
