"""The heaviest models of a build: their queries, and their stored plans."""

from __future__ import annotations

from pathlib import Path

from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect


def heaviest_models(run_id: str, settings: Settings, number: int = 10) -> dict[str, tuple[float, bytes]]:
    """The models that took longest in a build, heaviest first: seconds, and the query as dbt compiled it last."""
    compiled = settings.home / "dbt" / "target" / "compiled"
    with connect(settings) as connection:
        heaviest = connection.execute(
            "select split_part(unique_id, '.', 3), seconds from lineage.model_results "
            "where run_id = %s and resource_type = 'model' order by seconds desc limit %s",
            [run_id, number],
        ).fetchall()
    found = {}
    for name, seconds in heaviest:
        (path,) = compiled.rglob(f"{name}.sql")
        found[name] = (seconds, path.read_bytes())
    return found


def store_plans(run_id: str, settings: Settings, folder: Path) -> None:
    """Run the queries of a full build's heaviest models again, each plan into a file named for its model."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.txt"):
        old.unlink()
    with connect(settings, autocommit=True) as connection:
        for name, (seconds, query) in heaviest_models(run_id, settings).items():
            plan = connection.execute(b"explain (analyze, timing off, buffers off) " + query).fetchall()
            lines = [f"{name}: {seconds:.1f} s when built", *(line for (line,) in plan)]
            (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
