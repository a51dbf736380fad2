# One image for every role; the command says which. Runs as an ordinary user on a read-only root.

# Build: every file of the lock is checked against its hash, and what comes as source is compiled. The files for
# development are checked too and stay behind here.
FROM python:3.11-bookworm AS build
WORKDIR /src
COPY requirements.lock ./
RUN pip wheel --no-cache-dir --no-deps --require-hashes -r requirements.lock -w /wheels
COPY pyproject.toml README.md ./
COPY hashsets hashsets
COPY triage triage
COPY workers workers
COPY api api
# Without an index pip can take checked files only, and takes just those that are needed to run.
RUN python -m venv --without-pip /opt/hotline \
 && pip --python /opt/hotline/bin/python install --no-cache-dir --no-index --find-links /wheels .

FROM python:3.11-slim-bookworm
RUN useradd --system --create-home --home-dir /var/lib/hotline --uid 10001 hotline \
 && install -d -o hotline -g hotline -m 0700 /index /outbox
COPY --from=build /opt/hotline /opt/hotline
ENV PATH=/opt/hotline/bin:$PATH PYTHONDONTWRITEBYTECODE=1 STATE_DIR=/var/lib/hotline/state
USER hotline
HEALTHCHECK NONE
ENTRYPOINT ["hotline"]
CMD ["doctor"]
