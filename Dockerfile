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
    CMD ["python", "-c", "import os, ssl, urllib.request; port = os.environ.get('CDS_PORT', '8080'); tls = os.environ.get('CDS_TLS') or os.environ.get('CDS_TLS_CERT'); urllib.request.urlopen(f'{\"https\" if tls else \"http\"}://127.0.0.1:{port}/readyz', timeout=4, context=ssl._create_unverified_context() if tls else None)"]
# SIGTERM ends the server cleanly within five seconds; the list form hands it to the server itself.
STOPSIGNAL SIGTERM
# In plain text on the container's network: clients must not reach it but through a proxy that speaks TLS, or over the
# machine's own loopback. With TLS of its own instead: -e CDS_TLS=self-signed, or CDS_TLS_CERT and CDS_TLS_KEY.
CMD ["cds", "serve", "--host", "0.0.0.0", "--behind-proxy"]
