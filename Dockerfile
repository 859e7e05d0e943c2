# Two commands: `server` (the default) and `syncer-postgres`. Data of the embedded defaults is in /data.

FROM python:3.11-slim AS build
RUN python -m venv /opt/bemidb
COPY requirements.lock /build/
RUN /opt/bemidb/bin/python -m pip install --no-cache-dir --no-deps --require-hashes -r /build/requirements.lock

FROM python:3.11-slim
COPY --from=build /opt/bemidb /opt/bemidb
COPY catalog /opt/bemidb/app/catalog
COPY pgserver /opt/bemidb/app/pgserver
COPY syncer /opt/bemidb/app/syncer
COPY docker/entrypoint.sh /opt/bemidb/bin/entrypoint.sh
ENV PATH=/opt/bemidb/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/opt/bemidb/app \
    PYTHONUNBUFFERED=1 \
    BEMIDB_HOST=0.0.0.0 \
    BEMIDB_PORT=5432 \
    BEMIDB_DATA_DIR=/data \
    BEMIDB_LOG_FORMAT=json
RUN python -m compileall -q /opt/bemidb/app \
    && useradd --system --uid 10001 --home-dir /data --create-home bemidb \
    && chmod 0700 /data
USER bemidb
WORKDIR /data
VOLUME /data
EXPOSE 5432
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["entrypoint.sh", "healthcheck"]
ENTRYPOINT ["entrypoint.sh"]
CMD ["server"]
