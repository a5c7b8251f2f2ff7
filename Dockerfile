FROM python:3.11-slim

RUN useradd --create-home --uid 50000 gridcredit \
    && mkdir -p /opt/gridcredit /var/lib/gridcredit \
    && chown gridcredit: /opt/gridcredit /var/lib/gridcredit
USER gridcredit
WORKDIR /opt/gridcredit
ENV PATH=/opt/gridcredit/.venv/bin:$PATH

# What an overlay adds: `engines` for DuckDB and Spark.
ARG EXTRA=""
COPY --chown=gridcredit requirements.lock requirements-engines.lock ./
RUN python -m venv .venv \
    && for lock in requirements.lock ${EXTRA:+requirements-$EXTRA.lock}; do \
         pip install --no-cache-dir --no-deps --require-hashes -r "$lock" || exit 1; done
COPY --chown=gridcredit . .
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable .
