# Stable targets. `make demo` and `make test` are all that a newcomer needs.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
STAMP := $(VENV)/.installed
# One more than the two cores of a small machine: many tests wait for a process or a page.
JOBS ?= 3
# Tests start many hundred processes; where Python is told to write no bytecode, each of them would compile all of it.
PYTEST := PYTHONDONTWRITEBYTECODE= $(RUN)/python -m pytest

.PHONY: setup heic browser demo run compile test check soak bench lock
setup: $(STAMP)

# Everything comes hash-pinned from requirements.lock, build tools included; nothing is fetched for the build.
$(STAMP): requirements.lock pyproject.toml hashsets/_kernels.c
	test -x $(RUN)/python || $(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(STAMP)

heic: setup  ## the extra that decodes HEIC; its wheels bundle libraries under the GPL, see docs/dependencies.md
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-heic.lock

browser: setup  ## what drives Chromium in tests/browser; without it those tests are skipped
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-browser.lock

demo: setup  ## real reports through real servers into the review queue, with drawn pictures
	$(RUN)/hotline demo --once

run: setup  ## a live deployment on this machine
	$(RUN)/hotline up

compile: setup
	$(RUN)/python -m compileall -q api hashsets triage workers

test: setup compile
	$(PYTEST) -n $(JOBS) --dist loadfile

check: setup  ## what CI runs besides the tests
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/lint-imports

soak: setup compile  ## full counts: every mutation, random steps, chaos
	HOTLINE_SOAK=1 $(PYTEST) -n $(JOBS) --dist loadfile --timeout 1800

bench: setup  ## against the peers, which are installed for it alone
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-bench.lock
	$(RUN)/python -m bench.capture
	$(RUN)/python -m bench.hashing
	$(RUN)/python -m bench.matching

lock: setup  ## needs uv on PATH
	uv pip compile -q pyproject.toml --extra dev --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-annotate -o requirements.lock
	uv pip compile -q pyproject.toml --extra browser --constraint requirements.lock --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-annotate -o requirements-browser.lock
	uv pip compile -q pyproject.toml --extra bench --constraint requirements.lock --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-annotate -o requirements-bench.lock
