FROM python:3.11-slim

RUN useradd --create-home --uid 50000 gridcredit \
    && mkdir -p /opt/gridcredit /var/lib/gridcredit \
    && chown gridcredit: /opt/gridcredit /var/lib/gridcredit
USER gridcredit
WORKDIR /opt/gridcredit
ENV PATH=/opt/gridcredit/.venv/bin:$PATH

COPY --chown=gridcredit requirements.lock ./
RUN python -m venv .venv && pip install --no-cache-dir --no-deps --require-hashes -r requirements.lock
COPY --chown=gridcredit . .
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable .
