"""Commands for whoever changes the code: a simulated supplier, derived files, the check of SQL."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from gridcredit.cli.console import (
    clear_errors,
    prepare_quietly,
    said_while,
)

app = typer.Typer()


@app.command("simulate")
def simulate_command(
    customers: Annotated[int, typer.Option(min=1, help="how many")],
    months: Annotated[int, typer.Option(min=1, help="months of bills")],
    seed: Annotated[int, typer.Option(min=0, help="another number makes another supplier")],
    out: Annotated[Path, typer.Option(help="folder to write into")],
    defects: Annotated[int, typer.Option(min=0, help="rows to spoil; listed in OUT/truth/defects.csv")] = 0,
) -> None:
    """Make a supplier's files: customers, bills, payments."""
    from gridcredit.simulation import simulate

    with clear_errors():
        with said_while(f"simulate {customers} customers over {months} months"):
            simulate(customers, months, seed, out, defects=defects)
        typer.echo(f"wrote {out}")


@app.command("contract")
def contract_command(context: typer.Context) -> None:
    """Write what is derived and has changed: dbt sources, the project of Great Expectations, pages of input, command
    line, settings and policies.
    """
    from gridcredit.cli.reference import reference_files
    from gridcredit.contract.derived import derived_files
    from gridcredit.quality.context import project_files

    with clear_errors() as settings:
        command_line = context.find_root().command
        derived = derived_files(settings) | project_files(settings) | reference_files(command_line, settings)
        changed = {
            path: text
            for path, text in derived.items()
            if not path.exists() or path.read_text(encoding="utf-8") != text
        }
        for path, text in changed.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            typer.echo(f"wrote {path}")
        typer.echo(f"{len(derived)} derived files, {len(changed)} of them changed")


@app.command("dbt", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def dbt_command(context: typer.Context) -> None:
    """Run dbt on the warehouse, as `gridcredit dbt build --select +rating`; the next night rebuilds everything after a
    build.
    """
    import subprocess
    import sys
    from contextlib import nullcontext

    from gridcredit.transformation.runner import dbt_environment
    from gridcredit.warehouse.locks import exclusive

    with clear_errors() as settings:
        prepare_quietly(settings)
        environment = {**os.environ, **dbt_environment(settings, by_pipeline=False)}
        changes_tables = bool({"build", "run"} & set(context.args))
        with exclusive("build", settings) if changes_tables else nullcontext():
            done = subprocess.run([sys.executable, "-m", "dbt.cli.main", *context.args], env=environment, check=False)
    raise typer.Exit(done.returncode)


@app.command("lint-sql")
def lint_sql() -> None:
    """Check the SQL with sqlfluff and the dbt project with `dbt parse`."""
    import tempfile
    from contextlib import chdir

    from dbt.cli.main import dbtRunner
    from sqlfluff.cli.commands import lint

    from gridcredit.policies import load_policies
    from gridcredit.transformation.memory import no_garbage_collection
    from gridcredit.transformation.runner import dbt_environment
    from gridcredit.warehouse.embedded_postgres import EmbeddedPostgres

    # sqlfluff compiles the models as dbt does, and that asks for a database: a throw-away one will do.
    with clear_errors() as settings, tempfile.TemporaryDirectory() as home:
        scratch = settings.model_copy(update={"home": Path(home) / "scratch", "warehouse_url": None, "owner_url": None})
        prepare_quietly(scratch)
        # The scorecard's SQL is written from the policy.
        load_policies(scratch)
        try:
            os.environ.update(dbt_environment(scratch))
            # What is parsed here sqlfluff reads from dbt's target.
            if not dbtRunner().invoke(["--quiet", "parse"]).success:
                raise typer.Exit(1)
            # In this process, not in workers: those would collect garbage, at a third of the total cost.
            with chdir(settings.project_dir), no_garbage_collection():
                lint.main(["dbt_project/models", "dbt_project/tests"], standalone_mode=False)
        finally:
            EmbeddedPostgres(scratch).stop()
