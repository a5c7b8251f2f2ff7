"""What Superset is set to, wherever it runs: `make bi` and docker-compose.yml both read this file.

Addresses and secrets come from the environment.
"""

import os
from typing import Any

from sqlalchemy.engine import make_url
from sqlalchemy.engine.url import URL

SECRET_KEY = os.environ["SUPERSET_SECRET_KEY"]
SQLALCHEMY_DATABASE_URI = os.environ["SUPERSET_DATABASE_URL"]
WAREHOUSE_URL = make_url(os.environ["SUPERSET_WAREHOUSE_URL"])


def DB_CONNECTION_MUTATOR(url: URL, parameters: dict[str, Any], *_: object) -> tuple[URL, dict[str, Any]]:  # noqa: N802
    """The database `warehouse` is where the environment says: neither its address nor its password is stored in
    Superset.
    """
    return (WAREHOUSE_URL if url.host == "warehouse" else url), parameters


# A figure is the release in force's, as soon as it is released: nothing is cached.
# Pages reach this server and no other: no telemetry, no maps, no fonts from elsewhere.
TALISMAN_CONFIG = {
    "content_security_policy": {
        "base-uri": ["'self'"],
        "default-src": ["'self'"],
        "img-src": ["'self'", "blob:", "data:"],
        "worker-src": ["'self'", "blob:"],
        "connect-src": ["'self'"],
        "object-src": "'none'",
        "style-src": ["'self'", "'unsafe-inline'"],
        "script-src": ["'self'", "'strict-dynamic'"],
    },
    "content_security_policy_nonce_in": ["script-src"],
    "force_https": False,
    "session_cookie_secure": False,
}

FEATURE_FLAGS = {
    # From a figure to the rows behind it.
    "DRILL_BY": True,
    "DRILL_TO_DETAIL": True,
    "DASHBOARD_RBAC": True,
}
