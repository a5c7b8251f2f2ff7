"""Every setting, typed, in one place; the environment (GRIDCREDIT_*) overrides a default, nothing else does."""

from __future__ import annotations

import json
import secrets as random_secrets
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from gridcredit.files.limits import ReadLimits
from gridcredit.files.private import write_private

PROJECT_DIR = Path(__file__).resolve().parents[2]
# Airflow's generated login, by which GridCredit's own commands ask it.
AIRFLOW_LOGIN = "admin"


class Settings(BaseSettings):
    """Where things are and how the pipeline behaves.

    A database URL left unset means the embedded Postgres under `home`.
    """

    model_config = SettingsConfigDict(env_prefix="GRIDCREDIT_")

    project_dir: Path = Field(PROJECT_DIR, description="where DAGs, dbt project and expectations are")
    home: Path = Field(
        PROJECT_DIR / "var",
        description="where everything that is written goes: the embedded server, files, pages, logs",
    )
    landing: Path | None = Field(None, description="where files land; unset: under `home`")
    postgres_port: int = Field(
        15432,
        ge=0,
        lt=65536,
        description="port of the embedded Postgres; another, which is stored, where it is taken; 0: any",
    )
    warehouse_url: SecretStr | None = Field(
        None, description="postgresql://... of the warehouse; unset: the embedded Postgres under `home`"
    )
    owner_url: SecretStr | None = Field(
        None,
        description="postgresql://... of the warehouse as the role that owns the evidence, for `gridcredit prepare` "
        "and `gridcredit reader`; unset: the pipeline's own role, on the embedded Postgres `gridcredit_owner`",
    )
    airflow_database_url: SecretStr | None = Field(
        None, description="postgresql://... of Airflow's own database; unset: one on the embedded Postgres"
    )
    superset_database_url: SecretStr | None = Field(
        None, description="postgresql://... of Superset's own database; unset: one on the embedded Postgres"
    )
    mappings_dir: Path = Field(PROJECT_DIR / "mappings", description="where mappings of suppliers' files are")
    policies_dir: Path = Field(PROJECT_DIR / "policies", description="where policies and departments.yml are")
    policy: str = Field("default", description="name of the credit policy that rates customers")
    challenger: str | None = Field(None, description="name of a policy that rates in the shadow, for comparison")
    history_months: int = Field(24, ge=0, description="month-ends of history that each build brings up to date")
    currency: str = Field(
        "CNY",
        pattern="^[A-Z][A-Z0-9]{1,8}$",
        description="of all amounts, stored by the first load; another later, or a mapping that names another, is "
        "refused",
    )
    landing_settle_seconds: float = Field(2.0, ge=0, description="a file unchanged this long is complete")
    landing_poll_seconds: float = Field(0.5, gt=0, description="how often the landing folder is checked")
    build_patience_seconds: float = Field(
        60.0, ge=0, description="how long a run between its build and its release may be silent before another builds"
    )
    lock_patience_seconds: float = Field(
        7200.0, ge=0, description="how long a build or a gate waits for another process's"
    )
    reader_patience_seconds: float = Field(
        60.0, ge=0, description="how long a change of tables waits for readers who hold them"
    )
    batch_bytes: int = Field(4 << 20, description="bytes of a file that are held in memory at once")
    max_expanded_bytes: int = Field(64 << 30, description="size above which a compressed file is refused")
    quick_dbt: bool = Field(
        default=True,
        description="whether dbt leaves out what nobody reads (docs/decisions/0056); `false`: dbt as it is installed",
    )
    dbt_threads: int = Field(2, ge=1, description="models that dbt builds at once")
    engine: Literal["postgres", "duckdb", "spark"] = Field(
        "postgres",
        description="what builds the models: `postgres`, or `duckdb` or `spark`, which build everything each time",
    )
    spark_master: str = Field(
        "local[*]",
        pattern=r"^local(\[(\d+|\*)\])?$",
        description="where Spark runs, without SPARK_REMOTE: `local[2]` is two cores of this machine",
    )
    spark_memory: str = Field("2g", description="memory of Spark's process on this machine")
    lake_url: SecretStr | None = Field(
        None,
        description="where loads are also written as Parquet: a URL of fsspec, as s3://bucket/folder; unset: where "
        "the engine is not `postgres`, `lake` under `home`",
    )
    bi_reader_password: SecretStr | None = Field(
        None, description="password of the login `bi_reader`; unset: made once, in `secrets.json` under `home`"
    )
    lineage_url: str | None = Field(None, description="an OpenLineage collector that events are sent to as well")
    lineage_api_key: SecretStr | None = Field(None, description="key that the collector asks for")
    approvers: list[str] = Field([], description="Airflow's users who may let a blocked run through; empty: any user")
    gate_pages: bool = Field(
        default=True,
        description="whether the gates' results become pages (Great Expectations' data docs) beside rows in lineage; "
        "a sixth of a small build",
    )
    airflow_logins: Literal["one", "named"] = Field(
        "one",
        description="who logs in to Airflow: `one` generated login, or `named` persons, which needs "
        "`make install-logins`",
    )
    shared_logins: list[str] = Field(
        [], description="names that may not decide anything: logins that several persons share"
    )
    airflow_url: str | None = Field(
        None,
        pattern="^https?://",
        description="where people open Airflow, as https://airflow.example.com: pages link to traces there",
    )
    digest_recipients: list[str] = Field(
        [], description="who is mailed what each release changed; needs `smtp_default`"
    )

    @property
    def nobodys_names(self) -> set[str]:
        """The names, in small letters, of logins that are no person's, and so decide nothing."""
        own = [AIRFLOW_LOGIN] if self.airflow_logins == "named" else []
        return {name.casefold() for name in [*self.shared_logins, *own]}

    @property
    def read_limits(self) -> ReadLimits:
        """What reading one file may take."""
        return ReadLimits(self.batch_bytes, self.max_expanded_bytes)

    @property
    def landing_dir(self) -> Path:
        """One folder per mapping; files dropped there are loaded."""
        return self.landing or self.home / "landing"

    @property
    def accepted_dir(self) -> Path:
        """Accepted files, by mapping and day of loading."""
        return self.home / "accepted"

    @property
    def refused_dir(self) -> Path:
        """Refused files, by mapping and day, each with a text that says why."""
        return self.home / "refused"

    @property
    def lake_dir(self) -> Path:
        """Parquet copies of raw rows, for engines other than Postgres, where no URL names another place."""
        return self.home / "lake"

    @property
    def fills_lake(self) -> bool:
        """Whether loads write their rows to the lake."""
        return self.lake_url is not None or self.engine != "postgres"

    @property
    def dbt_dir(self) -> Path:
        return self.project_dir / "dbt_project"

    @property
    def expectations_dir(self) -> Path:
        return self.project_dir / "expectations"

    @property
    def policy_folders(self) -> tuple[Path, Path]:
        """Where policies are: those in version control, and those approved in this warehouse."""
        return self.policies_dir, self.home / "policies"

    @property
    def data_docs_dir(self) -> Path:
        return self.home / "data_docs"

    @property
    def log_dir(self) -> Path:
        return self.home / "logs"

    def secret(self, name: str) -> str:
        """A password or key of this installation: made once, stored in a file only its owner can read."""
        path = self.home / "secrets.json"
        known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        if name not in known:
            self.home.mkdir(parents=True, exist_ok=True)
            known[name] = random_secrets.token_urlsafe(32)
            write_private(path, json.dumps(known, indent=2))
        return known[name]


@cache
def get_settings() -> Settings:
    """The settings of this process."""
    return Settings()
