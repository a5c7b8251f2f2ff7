"""Airflow's logins by the company's sign-on (OpenID Connect): copied to AIRFLOW_HOME, and adapted there."""

import os

from flask_appbuilder.const import AUTH_OAUTH

AUTH_TYPE = AUTH_OAUTH
# Whoever the sign-on knows has a user from his first login on, with what his groups say and nothing more.
AUTH_USER_REGISTRATION = True
AUTH_USER_REGISTRATION_ROLE = "Public"
AUTH_ROLES_SYNC_AT_LOGIN = True
AUTH_ROLES_MAPPING = {
    "gridcredit-operators": ["Op"],
    "gridcredit-approvers": ["User"],
    "gridcredit-readers": ["Viewer"],
}
OAUTH_PROVIDERS = [
    {
        "name": "company",
        "icon": "fa-key",
        "token_key": "access_token",
        "remote_app": {
            "client_id": os.environ["OIDC_CLIENT_ID"],
            "client_secret": os.environ["OIDC_CLIENT_SECRET"],
            "server_metadata_url": f"{os.environ['OIDC_ISSUER']}/.well-known/openid-configuration",
            "client_kwargs": {"scope": "openid profile email groups"},
        },
    }
]
