# The contest data server with an external Postgres (docker-compose.yml), or with its own one in the volume /data.

FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /source
RUN python -m venv /opt/cds
# The locked packages come first, so that a change of the program does not install them again.
COPY requirements.lock requirements-build.lock ./
RUN /opt/cds/bin/pip install --no-deps --require-hashes -r requirements.lock \
 && pip install --no-deps --require-hashes -r requirements-build.lock
COPY pyproject.toml LICENSE ./
COPY schemas ./schemas
COPY eventstore ./eventstore
COPY projections ./projections
COPY cds ./cds
RUN pip wheel --no-deps --no-build-isolation --no-index --wheel-dir /wheels . \
 && /opt/cds/bin/pip install --no-deps --no-index /wheels/*.whl

FROM python:3.11-slim
# A fixed number, so that the owner of files in a volume is known outside the container.
RUN groupadd --system --gid 10001 cds \
 && useradd --system --uid 10001 --gid cds --home-dir /data --shell /usr/sbin/nologin cds \
 && install --directory --owner cds --group cds --mode 0700 /data
COPY --from=build /opt/cds /opt/cds
ENV PATH=/opt/cds/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    CDS_DATA_DIR=/data
USER cds
WORKDIR /data
VOLUME /data
EXPOSE 8080
# python:3.11-slim has no curl. A refused connection and the status 503 both make urlopen raise: unhealthy.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ.get('CDS_PORT', '8080') + '/readyz', timeout=4)"]
# SIGTERM ends the server cleanly within five seconds; the list form hands it to the server itself.
STOPSIGNAL SIGTERM
CMD ["cds", "serve", "--host", "0.0.0.0"]
