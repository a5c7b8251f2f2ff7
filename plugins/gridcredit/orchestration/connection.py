"""Which warehouse Airflow's processes work on: that of the Connection `gridcredit_warehouse`, else that of the
environment.
"""

from __future__ import annotations

from urllib.parse import quote

from pydantic import SecretStr

from gridcredit.settings import Settings, get_settings

CONNECTION = "gridcredit_warehouse"


def warehouse_settings() -> Settings:
    """This process's settings; where Airflow knows the Connection (type Postgres), the warehouse is the one that it
    names.
    """
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    settings = get_settings()
    try:
        found = BaseHook.get_connection(CONNECTION)
    except AirflowNotFoundException:
        return settings
    user = f"{quote(found.login or '', safe='')}:{quote(found.password or '', safe='')}"
    url = f"postgresql://{user}@{found.host}:{found.port or 5432}/{quote(found.schema or '', safe='')}"
    return settings.model_copy(update={"warehouse_url": SecretStr(url)})
