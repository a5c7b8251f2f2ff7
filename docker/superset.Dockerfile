FROM python:3.11-slim

RUN useradd --create-home --uid 50000 superset \
    && mkdir -p /opt/gridcredit /var/lib/superset \
    && chown superset: /opt/gridcredit /var/lib/superset
USER superset
WORKDIR /opt/gridcredit
ENV PATH=/opt/gridcredit/.venv-superset/bin:$PATH

COPY --chown=superset requirements-superset.lock ./
RUN python -m venv .venv-superset && pip install --no-cache-dir --no-deps --require-hashes -r requirements-superset.lock
COPY --chown=superset bi bi
