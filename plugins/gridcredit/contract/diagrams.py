"""Entity relationship diagrams as SVG, drawn from what tables declare: keys, and the foreign keys that lead to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import escape

from gridcredit.contract.described import ForeignKey, Table

WIDTH, GAP_X, LINE, GAP_Y, TITLE = 214, 90, 17, 14, 24
INK, MUTED, ACCENT, EDGE = "#26323c", "#5b6873", "#1f6f78", "#9db4c8"


@dataclass(frozen=True)
class Box:
    """A table where it is drawn; one of another group is `elsewhere`, with its key alone."""

    table: Table
    elsewhere: bool
    x: int
    y: int

    @property
    def lines(self) -> list[str]:
        """The columns that join: the key, then those of foreign keys."""
        linked = [] if self.elsewhere else [name for key in self.table.foreign_keys for name in key.columns]
        return list(dict.fromkeys([*self.table.key, *linked]))

    @property
    def height(self) -> int:
        return TITLE + LINE * len(self.lines) + 6

    def line_y(self, column: str) -> int:
        """The middle of a column's line."""
        return self.y + TITLE + LINE * self.lines.index(column) + LINE // 2


def diagram(title: str, tables: Iterable[Table], known: Iterable[Table]) -> str:
    """The SVG of tables, and of those among all `known` ones that they refer to: what is referred to stands left."""
    own = {table.name: table for table in tables}
    everything = {table.name: table for table in known}
    referred = {key.table for table in own.values() for key in table.foreign_keys} - set(own)
    level = _levels(own, referred)
    placed: dict[str, Box] = {}
    for column in range(max(level.values(), default=0) + 1):
        y = TITLE + GAP_Y
        for name in sorted(one for one in level if level[one] == column):
            box = Box(everything[name], name in referred, column * (WIDTH + GAP_X) + 1, y)
            placed[name] = box
            y += box.height + GAP_Y
    width = max((box.x for box in placed.values()), default=0) + WIDTH + 1
    height = max((box.y + box.height for box in placed.values()), default=TITLE) + 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="Helvetica, Arial, sans-serif" font-size="12" role="img" aria-label="{escape(title)}">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text x="1" y="15" font-weight="bold" fill="{ACCENT}">{escape(title)}</text>',
    ]
    for table in own.values():
        parts += [_edge(placed[table.name], placed[key.table], key) for key in table.foreign_keys]
    for box in placed.values():
        parts += _box(box)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _levels(own: dict[str, Table], referred: set[str]) -> dict[str, int]:
    """By name the column that a table stands in: right of all that it refers to."""
    level = dict.fromkeys(referred, 0)

    def of(name: str) -> int:
        if name not in level:
            level[name] = max((of(key.table) + 1 for key in own[name].foreign_keys), default=0)
        return level[name]

    for name in own:
        of(name)
    return level


def _edge(child: Box, parent: Box, key: ForeignKey) -> str:
    x1, y1 = child.x, child.line_y(key.columns[0])
    x2, y2 = parent.x + WIDTH, parent.line_y(key.to_columns[0])
    bend = GAP_X // 2
    return (
        f'<path d="M{x1} {y1} C{x1 - bend} {y1} {x2 + bend} {y2} {x2} {y2}" fill="none" stroke="{EDGE}" '
        f'stroke-width="1.3"><title>{escape(f"{child.table.name} {key}")}</title></path>'
    )


def _box(box: Box) -> list[str]:
    dashes = ' stroke-dasharray="4 3"' if box.elsewhere else ""
    parts = [
        f'<rect x="{box.x}" y="{box.y}" width="{WIDTH}" height="{box.height}" rx="4" fill="#ffffff" '
        f'stroke="{ACCENT}"{dashes}/>',
        f'<text x="{box.x + 8}" y="{box.y + 16}" font-weight="bold" fill="{INK}">{escape(box.table.name)}'
        f"<title>{escape(box.table.text)}</title></text>",
    ]
    for column in box.lines:
        is_key = column in box.table.key
        weight = ' text-decoration="underline"' if is_key else ""
        parts.append(
            f'<text x="{box.x + 8}" y="{box.line_y(column) + 4}" '
            f'fill="{INK if is_key else MUTED}"{weight}>{escape(column)}</text>'
        )
    return parts
