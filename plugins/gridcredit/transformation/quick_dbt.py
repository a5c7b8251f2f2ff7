"""What dbt does for each node, and need not: left out in a process that has called `make_dbt_quick`.

Of a small night four tenths of the processor time (docs/decisions/0056). tests/unit/test_quick_dbt.py compares with dbt
as it is.
"""
# ruff: noqa: ANN401 - what is replaced has no public type

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

# Of dbt's debug events the one that is read, wherever they go: progress.py counts nodes by it.
COUNTED = "NodeFinished"


@cache
def make_dbt_quick() -> None:
    """Replace, once for a process, parts of dbt by those that do the same with less; nothing else changes."""
    from dbt.adapters.postgres.connections import PostgresConnectionManager
    from dbt.compilation import Compiler
    from dbt.context.macros import MacroNamespaceBuilder
    from dbt.context.manifest import ManifestContext
    from dbt.graph.graph import Graph
    from dbt_common.behavior_flags import BehaviorFlagRendered
    from dbt_common.clients import agate_helper
    from dbt_common.clients.jinja import MacroFuzzEnvironment
    from dbt_common.events.base_types import BaseEvent
    from dbt_common.events.event_manager import EventManager

    _parse_events_when_read(BaseEvent)
    _fire_events_that_are_read(EventManager)
    _compile_templates_once(MacroFuzzEnvironment)
    _make_macros_when_asked_for(MacroNamespaceBuilder, ManifestContext)
    _keep_connections(PostgresConnectionManager)
    _walk_the_graph_once(Graph, Compiler)
    _name_the_source_of_flags(BehaviorFlagRendered)
    # What a statement gives that gives no rows; made again for each, it reads the names of months in each language.
    agate_helper.empty_table = cache(agate_helper.empty_table)
    # What is imported by now stays: no collection of garbage reads it again. DuckDB would report it as lost at the end.
    gc.freeze()
    atexit.register(lambda: gc.unfreeze() if "duckdb" in sys.modules else None)


def _parse_events_when_read(event: Any) -> None:
    """dbt checks each event's fields against a message's type, also where the event is dropped."""
    parse = event.__init__

    def keep_fields(self: Any, *args: Any, **kwargs: Any) -> None:
        object.__setattr__(self, "_fields", (args, kwargs))

    def parse_first(self: Any, name: str) -> Any:
        if name != "pb_msg":
            return getattr(self.pb_msg, name)
        args, kwargs = self.__dict__.pop("_fields")
        parse(self, *args, **kwargs)
        return self.__dict__["pb_msg"]

    def set_field(self: Any, name: str, value: Any) -> None:
        if name == "pb_msg":
            object.__setattr__(self, name, value)
        else:
            setattr(self.pb_msg, name, value)

    event.__init__, event.__getattr__, event.__setattr__ = keep_fields, parse_first, set_field


def _fire_events_that_are_read(manager: Any) -> None:
    """dbt makes a message of each debug event, and a line of the log, which its level then drops."""
    from dbt_common.events.base_types import EventLevel

    fire = manager.fire_event

    def fire_event(self: Any, e: Any, level: Any = None, *args: Any, **kwargs: Any) -> None:
        is_debug = (level or e.level_tag()) == EventLevel.DEBUG and type(e).__name__ != COUNTED
        if not is_debug or any(logger.level == EventLevel.DEBUG for logger in self.loggers):
            fire(self, e, level, *args, **kwargs)

    manager.fire_event = fire_event


def _compile_templates_once(environment: Any) -> None:
    """Hooks and tests are the same text for many nodes, and models for each build of a process; the code that Jinja
    makes of a text depends on the kind of environment alone.
    """
    compile_source = environment.compile
    compiled: dict[tuple[type, str], Any] = {}

    def compile_once(self: Any, source: Any, *args: Any, **kwargs: Any) -> Any:
        if args or kwargs or not isinstance(source, str):
            return compile_source(self, source, *args, **kwargs)
        key = (type(self), source)
        if key not in compiled:
            compiled[key] = compile_source(self, source)
        return compiled[key]

    environment.compile = compile_once


class _Macros(dict[str, Any]):
    """Names of macros, and what else a context holds: what is called for a macro is made when it is asked for."""

    make: Callable[[Any], Any] | None = None

    def __getitem__(self, name: str) -> Any:
        value = super().__getitem__(name)
        if self.make and type(value).__name__ == "Macro":
            value = self[name] = self.make(value)
        return value

    def __iter__(self) -> Iterator[str]:
        """As of any dict; since it is here, who copies one takes each value by `__getitem__`."""
        return iter(self.keys())

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default


def _make_macros_when_asked_for(builder: Any, context: Any) -> None:
    """dbt makes something to call of each of a thousand macros, twice for each node, which calls a few of them."""
    from dbt.clients.jinja import MacroGenerator
    from dbt.context.base import BaseContext
    from dbt.context.macros import MacroNamespace

    begin, list_all = BaseContext.__init__, context.to_dict

    def begin_with_macros(self: Any, *args: Any, **kwargs: Any) -> None:
        begin(self, *args, **kwargs)
        self._ctx = _Macros()

    def build_namespace(self: Any, macros_by_package: dict[str, dict[str, Any]], ctx: _Macros) -> Any:
        def make(macro: Any) -> Any:
            return MacroGenerator(macro, ctx, self.node, self.thread_ctx)

        def of(*packages: str) -> _Macros:
            found = _Macros()
            found.make = make
            for package in packages:
                found.update(macros_by_package.get(package, {}))
            return found

        ctx.make = make
        own, root, internal = self.search_package, self.root_package, self.internal_package_names
        return MacroNamespace(
            global_namespace=of(root) if root not in {own, *internal} else of(),
            local_namespace=of(own) if own not in internal else of(),
            # The first of them wins.
            global_project_namespace=of(*reversed(self.internal_package_names_order)),
            packages={package: of(package) for package in macros_by_package if package not in internal},
        )

    def to_dict(self: Any) -> Any:
        if type(self.namespace) is not MacroNamespace:
            return list_all(self)
        listed = super(context, self).to_dict()
        # What is searched first wins.
        for found in reversed(list(self.namespace._search_order())):
            listed.update(dict.items(found))
        return listed

    BaseContext.__init__ = begin_with_macros
    builder.build_namespace, context.to_dict = build_namespace, to_dict


def _keep_connections(manager: Any) -> None:
    """dbt closes a thread's connection after each node, and opens one for the next: of a small night half of what
    Postgres does is to begin sessions. All are closed when dbt ends.
    """
    close = manager.release

    def release(self: Any) -> None:
        connection = self.get_if_exists()
        if connection is None or connection.state != "open":
            close(self)
            return
        try:
            connection.handle.rollback()
            connection.transaction_open = False
            # A statement of its own, without a transaction about it.
            connection.handle.autocommit = True
            with connection.handle.cursor() as cursor:
                # What the end of a session does.
                cursor.execute("discard temp")
            connection.handle.autocommit = False
        except Exception:
            # Of a server that is gone: why the node failed is what is to be said.
            connection.transaction_open = False
            close(self)

    manager.release = release


def _walk_the_graph_once(graph: Any, compiler: Any) -> None:
    """dbt links the graph of one manifest for each of its commands, and asks a library twice for each edge it walks."""
    select_some, link = graph.select_parents, compiler.compile

    def select_parents(self: Any, selected: set[str], max_depth: int | None = None) -> Any:
        if max_depth is not None:
            return select_some(self, selected, max_depth)
        parents: set[str] = set()
        waiting = list(selected)
        while waiting:
            for parent, edge in self.graph.pred[waiting.pop()].items():
                if parent not in parents and edge.get("edge_type") != "parent_test":
                    parents.add(parent)
                    waiting.append(parent)
        return parents

    def link_once(self: Any, manifest: Any, *args: Any, **kwargs: Any) -> Any:
        linked = manifest.__dict__.setdefault("linked_graphs", {})
        how = (self.config.args.which, args, tuple(kwargs.items()))
        if how not in linked:
            linked[how] = link(self, manifest, *args, **kwargs)
        return linked[how]

    graph.select_parents, compiler.compile = select_parents, link_once


def _name_the_source_of_flags(flag: Any) -> None:
    """dbt reads the source of each function that calls it, to name the module that a flag comes from."""
    own = flag.__module__

    def default_source() -> str:
        frame = sys._getframe(1)
        while frame.f_back and frame.f_globals.get("__name__") == own:
            frame = frame.f_back
        return str(frame.f_globals.get("__name__", "Unknown"))

    flag._default_source = staticmethod(default_source)
