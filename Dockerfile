# The command `genie` with git beside it. What the tests of your repositories need (node, go, a compiler) is not in here:
# build an image of your own on top of this one, as docs/operations.md shows.

# The version that the tests run on.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1
WORKDIR /build
RUN python -m venv /genie
# requirements-graphiti.lock has the clients of graph databases too.
ARG GENIE_LOCK=requirements.lock
# By itself, so that a change of Genie's own code does not install everything anew.
COPY requirements.lock requirements-graphiti.lock ./
RUN /genie/bin/pip install --require-hashes --only-binary :all: --requirement "$GENIE_LOCK"
COPY . ./
RUN /genie/bin/pip install --no-deps --no-build-isolation .

FROM python:${PYTHON}-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates git openssh-client \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --home-dir /var/lib/genie --create-home --shell /usr/sbin/nologin genie
COPY --from=build /genie /genie
# Mirrors and work trees. Only this and /tmp are written to, so the rest may be read-only.
ENV PATH=/genie/bin:$PATH GENIE_HOME=/var/lib/genie PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
VOLUME /var/lib/genie
WORKDIR /var/lib/genie
USER genie
# The API listens on loopback only: see docker-compose.yml for a network in which that can be reached.
ENTRYPOINT ["genie"]
CMD ["serve"]
# For the command above; another one brings a check of its own.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8321/ready', timeout=4)"]
