"""What a trace finds: things, and which rests on which; as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Kind = Literal["row", "release", "approval", "run", "gate", "policy", "model", "record", "file"]
TITLES: dict[Kind, str] = {
    "row": "published rows",
    "release": "release",
    "approval": "approval",
    "run": "run",
    "gate": "gates",
    "policy": "policy",
    "model": "models",
    "record": "records",
    "file": "files",
}


@dataclass(frozen=True)
class Node:
    """One thing: its kind, a name that is its own within the trace, and what is known of it."""

    kind: Kind
    name: str
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.kind} {self.name}"

    @property
    def text(self) -> str:
        """Its facts in one line."""
        return "  ".join(f"{name} {value}" for name, value in self.facts.items() if value is not None)


@dataclass
class Trace:
    """Nodes, and edges from what rests on something to that."""

    title: str
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: set[tuple[str, str]] = field(default_factory=set)

    def add(self, node: Node, *, under: Node | None = None) -> Node:
        """Add a node, and that another rests on it."""
        node = self.nodes.setdefault(node.id, node)
        if under:
            self.edges.add((under.id, node.id))
        return node

    def of_kind(self, kind: Kind) -> list[Node]:
        """The nodes of a kind, as they were added."""
        return [node for node in self.nodes.values() if node.kind == kind]

    def as_text(self) -> str:
        """A section for each kind, a line for each node."""
        return "\n".join(self._lines())

    def as_json(self) -> str:
        """Nodes and edges."""
        nodes = [{"id": node.id, **asdict(node)} for node in self.nodes.values()]
        edges = [{"from": one, "to": other} for one, other in sorted(self.edges)]
        return json.dumps(
            {"title": self.title, "nodes": nodes, "edges": edges}, default=str, ensure_ascii=False, indent=2
        )

    def _lines(self) -> Iterator[str]:
        yield self.title
        for kind, title in TITLES.items():
            nodes = self.of_kind(kind)
            if nodes:
                yield f"\n{title}"
                yield from (f"  {node.name}  {node.text}".rstrip() for node in nodes)
