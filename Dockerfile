# Kervan's API, workers, sandbox providers and commands: one image, told apart by its command.

FROM python:3.11-slim-bookworm AS dependencies
# What production needs and no more (no extra, no group), at the versions of the lock: the build
# fails on a package whose hash is not in it, and on one that would have to be compiled.
RUN pip install --no-cache-dir --disable-pip-version-check uv==0.13.9
WORKDIR /build
COPY pyproject.toml requirements.lock ./
RUN uv venv /opt/kervan \
    && uv pip install --no-cache --python /opt/kervan/bin/python --require-hashes \
        --only-binary :all: --constraints requirements.lock --requirements pyproject.toml

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --user-group --home-dir /app --no-create-home kervan \
    && install --directory --owner=kervan --group=kervan /data
COPY --from=dependencies /opt/kervan /opt/kervan
COPY deploy/kervan /usr/local/bin/kervan
# Processes start where the rooms are, so that `api` and `db` are ours.
WORKDIR /app
COPY logs.py relay.py settings.py worker.py ./
COPY domain domain
COPY db db
COPY adapters adapters
COPY activities activities
COPY workflows workflows
COPY api api
COPY ops ops
ENV PATH=/opt/kervan/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
RUN python -m compileall -q /app
USER kervan
EXPOSE 8000
CMD ["uvicorn", "api.app:app", "--host", "0.0.0.0", "--port", "8000", "--no-access-log", "--timeout-graceful-shutdown", "10"]
