"""What `make_dbt_quick` leaves out of dbt changes nothing that is read: compared with dbt's own, in a process each."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from gridcredit.settings import PROJECT_DIR

# Which macro each name stands for, in a context and by dispatch; what is written of events; what a template renders.
ASKED = """
import json, sys
from io import StringIO
from types import SimpleNamespace

from dbt.clients.jinja import MacroGenerator, get_rendered
from dbt.context.macros import MacroNamespaceBuilder
from dbt.context.manifest import ManifestContext
from dbt.contracts.graph.nodes import Macro
from dbt_common.events.base_types import EventLevel
from dbt_common.events.event_manager import EventManager
from dbt_common.events.logger import LineFormat, LoggerConfig
from dbt_common.events.types import Note

if sys.argv[1] == "quick":
    from gridcredit.transformation.quick_dbt import make_dbt_quick
    make_dbt_quick()

places = [("gridcredit", "one"), ("gridcredit", "two"), ("other", "two"), ("other", "three"), ("dbt_postgres", "one"),
          ("dbt_postgres", "four"), ("dbt", "four"), ("dbt", "five"), ("dbt", "three")]
macros = {}
for package, name in places:
    macros.setdefault(package, {})[name] = Macro(
        name=name, package_name=package, unique_id=f"macro.{package}.{name}", path="", original_file_path="",
        macro_sql="{% macro " + name + "(x) %}" + package + " {{ x }}{% endmacro %}", resource_type="macro",
    )


class Context(ManifestContext):
    def _build_namespace(self):
        builder = MacroNamespaceBuilder("gridcredit", self.search_package, self.macro_stack, ["dbt_postgres", "dbt"])
        return builder.build_namespace(macros, self._ctx)


config = SimpleNamespace(cli_vars={}, project_name="gridcredit", to_target_dict=dict, credentials=None, vars=None)
found = {}
for package in ("gridcredit", "other", "dbt"):
    Context._context_members_ = {}
    context = Context(config, None, package)
    names = context.to_dict()
    found[package] = {
        name: names[name].macro.unique_id for name in sorted(names) if isinstance(names[name], MacroGenerator)
    }
    copied = dict(names)
    found[f"copied of {package}"] = [name for name in sorted(copied) if isinstance(copied[name], MacroGenerator)]
    found[f"by dispatch in {package}"] = [
        macro and macro.macro.unique_id
        for place in (None, "dbt", "gridcredit", "other")
        for name in ("one", "two", "three", "four", "five", "none")
        for macro in [context.namespace.get_from_package(place, name)]
    ]
    found[f"rendered in {package}"] = [get_rendered("{{ one(7) }}, {{ dbt.four(8) }}", names) for _ in range(2)]

manager, heard, written = EventManager(), [], StringIO()
level = EventLevel(sys.argv[2])
logger = LoggerConfig(name="test", level=level, line_format=LineFormat.PlainText, output_stream=written)
logger.filter = lambda _: True
manager.add_logger(logger)
manager.callbacks.append(lambda msg: heard.append(msg.info.name))
manager.fire_event(Note(msg="of debug"), level=EventLevel.DEBUG)
manager.fire_event(Note(msg="a note"), level=EventLevel.INFO)
manager.fire_event(Note(msg="a warning"), level=EventLevel.WARN)
found["written"] = [line.split("  ")[-1] for line in written.getvalue().splitlines()]
print(json.dumps(found))
"""


def asked(how: str, level: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", ASKED, how, level], capture_output=True, text=True, check=True, cwd=PROJECT_DIR
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("level", ["info", "debug"])
def test_the_same_macros_texts_and_lines_of_the_log(level: str) -> None:
    quick = asked("quick", level)
    assert quick == asked("as it is", level)
    assert quick["gridcredit"]["one"] == "macro.gridcredit.one"
    assert quick["rendered in gridcredit"] == ["gridcredit 7, dbt_postgres 8"] * 2
    assert ("of debug" in quick["written"]) == (level == "debug")
