"""Keeps the plans, as run, of the heaviest models of a build."""

from __future__ import annotations

from pathlib import Path

from gridcredit.settings import Settings
from gridcredit.warehouse import connect


def keep_plans(run_id: str, settings: Settings, folder: Path, *, models: int = 10) -> None:
    """Run the queries of a full build's heaviest models again, each plan into a file named for its model."""
    compiled = settings.home / "dbt" / "target" / "compiled"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.txt"):
        old.unlink()
    with connect(settings, autocommit=True) as connection:
        heaviest = connection.execute(
            "select split_part(unique_id, '.', 3), seconds from lineage.model_results "
            "where run_id = %s and resource_type = 'model' order by seconds desc limit %s",
            [run_id, models],
        ).fetchall()
        for name, seconds in heaviest:
            (query,) = compiled.rglob(f"{name}.sql")
            plan = connection.execute(b"explain (analyze, timing off, buffers off) " + query.read_bytes()).fetchall()
            lines = [f"{name}: {seconds:.1f} s when built", *(line for (line,) in plan)]
            (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
