"""The routes behind the menu entry Credit.

Airflow does not protect what a plugin serves: every route here depends on the check of the user that Airflow's own API
makes, since the application as a whole does. FastAPI's pages about the API itself are switched off.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import psycopg
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import get_user
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response

from gridcredit.errors import GridCreditError
from gridcredit.lineage.drawing import as_html
from gridcredit.lineage.trace import key_of, trace_row
from gridcredit.orchestration.connection import warehouse_settings
from gridcredit.orchestration.credit_page import facts
from gridcredit.orchestration.links import page
from gridcredit.pages.template import render
from gridcredit.releases.release import diff_releases
from gridcredit.settings import Settings
from gridcredit.warehouse.published_tables import TABLES


def make_app() -> FastAPI:
    """The application, whose every route asks for a user."""
    app = FastAPI(
        dependencies=[Depends(get_user)], docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False
    )
    app.add_exception_handler(GridCreditError, _refused)
    # What no table can hold, as text with a NUL.
    app.add_exception_handler(psycopg.DataError, _refused)
    app.add_exception_handler(psycopg.OperationalError, _no_warehouse)

    @app.get("/")
    def credit(session: SessionDep) -> HTMLResponse:
        found = facts.overview(session, warehouse_settings())
        return _html(
            "page.html.j2", {"found": found, "days": facts.DAYS, "has_docs": _docs(warehouse_settings()).is_dir()}
        )

    @app.get("/releases/{number}")
    def dashboard(number: int) -> FileResponse:
        path = warehouse_settings().home / "dashboards" / f"release_{number:06d}.html"
        if not path.is_file():
            raise HTTPException(
                404,
                f"release {number} has no dashboard here: the DAG report_release draws it, or `gridcredit dashboard`",
            )
        return FileResponse(path)

    @app.get("/releases/{number}/changes")
    def changes(number: int) -> HTMLResponse:
        rows: list[dict[str, Any]] = (
            [vars(one) for one in diff_releases(number - 1, number, warehouse_settings())] if number != 1 else []
        )
        note = (
            f"Release {number} against release {number - 1}, by table."
            if number != 1
            else "The first release: all of it is new."
        )
        return _list(f"Changes of release {number}", note, {"Changes": rows})

    @app.get("/gates")
    def gates(run_id: str) -> HTMLResponse:
        rows = facts.gate_results(run_id, warehouse_settings())
        if not rows:
            raise HTTPException(404, f"no gate has checked run {run_id!r} yet")
        failed = [row for row in rows if not row["success"]]
        return _list(
            f"Gates of run {run_id}", f"{len(rows)} checks, {len(failed)} failed.", {"Failed": failed, "All": rows}
        )

    @app.get("/loads/{number}")
    def load(number: int) -> HTMLResponse:
        file, extracts, quarantined = facts.load_results(number, warehouse_settings())
        if file is None:
            raise HTTPException(404, f"there is no load {number}")
        note = (
            f"{file['file_name']}, read by mapping {file['mapping']}, loaded {file['loaded_at']:%Y-%m-%d %H:%M}. "
            f"Export for repair: gridcredit quarantine export --load {number} --out to_repair.csv"
        )
        return _list(f"Load {number}", note, {"Rows": extracts, "Quarantine": quarantined})

    @app.get("/trace")
    def trace(table: str, key: str) -> HTMLResponse:
        # A value may hold spaces: a part begins where a name and "=" follow.
        parts = re.split(r"\s+(?=\w+=)", key.strip())
        return HTMLResponse(as_html(trace_row(table, key_of(parts), None, warehouse_settings())))

    @app.get("/docs/{path:path}")
    def docs(path: str) -> Response:
        if not path:
            return RedirectResponse(page("/docs/index.html"))
        folder = _docs(warehouse_settings()).resolve()
        # No file's name has a NUL, and none may be asked for.
        wanted = (folder / path.replace("\0", "")).resolve()
        if not wanted.is_relative_to(folder) or not wanted.is_file():
            raise HTTPException(404, "`make docs` makes the documentation; it has no such page")
        return FileResponse(wanted)

    return app


def _docs(settings: Settings) -> Path:
    return settings.home / "docs"


def _html(template: str, found: dict[str, Any]) -> HTMLResponse:
    return HTMLResponse(
        render("gridcredit.orchestration.credit_page", template, found | {"page": page, "tables": list(TABLES)})
    )


def _list(title: str, note: str, tables: dict[str, list[dict[str, Any]]]) -> HTMLResponse:
    return _html("list.html.j2", {"title": title, "note": note, "lists": tables})


def _refused(_: Request, error: Exception) -> JSONResponse:
    """What a person asked for that there is not, said in one line."""
    return JSONResponse({"detail": str(error)}, status_code=404)


def _no_warehouse(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": f"the warehouse does not answer: {' '.join(str(error).split())}"}, status_code=503)
