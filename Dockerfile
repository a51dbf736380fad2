# One image for every role; the command says which. Runs as a normal user: PostgreSQL and the sandbox want one.
FROM python:3.11-slim-bookworm

RUN useradd --system --create-home --home-dir /var/lib/hotline --uid 10001 hotline \
 && install -d -o hotline -g hotline -m 0700 /index
WORKDIR /opt/hotline
COPY requirements.lock pyproject.toml ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY README.md ./
COPY hashsets hashsets
COPY triage triage
COPY workers workers
COPY api api
RUN pip install --no-cache-dir --no-deps --no-build-isolation .

USER hotline
ENV STATE_DIR=/var/lib/hotline/state
ENTRYPOINT ["hotline"]
CMD ["doctor"]
