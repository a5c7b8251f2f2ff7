"""Asks Airflow's real API application for each page under Credit: without a login, with a false one, and with one.

Run as a process of its own, in Airflow's environment; prints JSON. Arguments: a run and a load that there are.
"""

from __future__ import annotations

import json
import os
import re
import sys
from types import SimpleNamespace
from typing import Any

from starlette.testclient import TestClient


def main(run_id: str, load: str) -> dict[str, Any]:
    """What each request was answered."""
    from airflow.api_fastapi.app import create_app, get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.plugins_manager import get_plugin_info

    app = create_app(apps="core")
    mounted: Any = next(route for route in app.routes if getattr(route, "path", "") == "/credit")
    routes = {route.path: sorted(route.methods) for route in mounted.app.routes}
    values = {"number": "1", "path:path": "index.html"}
    queries = {"/gates": f"?run_id={run_id}", "/trace": "?table=customer_rating&key=customer_id%3DC00000001"}
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as client:
        token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="admin", role="admin"))
        logins: dict[str, dict[str, str]] = {
            "none": {},
            "false": {"Authorization": "Bearer nonsense"},
            "cookie": {"Cookie": "_token=nonsense"},
            "viewer": {"Authorization": f"Bearer {token}"},
        }

        def ask(path: str, login: str, method: str = "GET") -> tuple[int, str]:
            answer = client.request(method, f"/credit{path}", headers=logins[login])
            return answer.status_code, answer.text

        asked = {}
        for path in routes:
            concrete = re.sub(r"{([^}]+)}", lambda found: values[str(found[1])], path) + queries.get(path, "")
            asked[path] = {login: ask(concrete, login) for login in logins} | {
                f"none {method}": ask(concrete, "none", method) for method in routes[path]
            }
        others = {path: ask(path, "none")[0] for path in ("/docs", "/openapi.json", "/redoc", "/nothing")}
        more = {
            path: ask(path, "viewer")
            for path in (
                f"/loads/{load}", "/loads/999999", "/releases/999999", "/gates?run_id=nobody", "/docs/../secrets.json",
                "/docs/%2e%2e/secrets.json", "/trace?table=nothing&key=a%3Db",
                "/releases/0/changes", "/gates?run_id=%00", "/trace?table=customer_rating&key=customer_id%3D%00",
                "/trace?table=customer_rating&key=customer_id%3DNO%20SUCH%20ONE", "/docs/%00",
                "/trace?table=customer_rating&key=customer_id%3DA%20customer_id%3DB",
            )
        }  # fmt: skip
    (plugin,) = (one for one in get_plugin_info() if one["name"] == "gridcredit")
    return {
        "routes": routes,
        "asked": asked,
        "others": others,
        "more": more,
        "menu": plugin["external_views"],
        "links": extra_links(run_id),
    }


def extra_links(run_id: str) -> dict[str, str]:
    """What the buttons of tasks lead to."""
    from gridcredit.orchestration import links

    def link(of: Any, **operator: str) -> str:
        return str(of.get_link(SimpleNamespace(**operator), ti_key=None))

    found = {
        "dashboard": link(links.DashboardLink(), build_run_id=run_id),
        "changes": link(links.ChangesLink(), build_run_id=run_id),
        "no release": link(links.DashboardLink(), build_run_id="none"),
        "gate": link(links.GateLink(), build_run_id="scheduled__2026-06-20T02:00:00+00:00"),
        "load": link(links.QuarantineLink(), path="/landing/demo/payment_bad.csv"),
        "refused": link(links.QuarantineLink(), path="/landing/demo/never.csv"),
    }
    os.environ["AIRFLOW__API__BASE_URL"] = "https://data.supplier.example/airflow"
    return found | {"behind a proxy": link(links.DashboardLink(), build_run_id=run_id)}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))  # noqa: T201
