"""The words, numbers and signs of a dbt file: comments, strings, and Jinja's own syntax are passed over."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKENS = re.compile(
    r"""
    (?P<skip> \{\#.*?\#\} | --[^\n]* | /\*.*?\*/ | \s+ )
  | (?P<block> \{%.*?%\} )
  | (?P<operand> \{\{.*?\}\} | '(?:[^']|'')*' | "[^"]*" )
  | (?P<number> (?<![\w.])\d+(?:\.\d+)?(?!\w) )
  | (?P<word> [A-Za-z_]\w* )
  | (?P<sign> <=|>=|<>|!=|::|\|\||[^\s\w] )
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    offset: int
    # How many parentheses it stands in.
    depth: int

    @property
    def end(self) -> int:
        return self.offset + len(self.text)

    @property
    def word(self) -> str:
        """In lower case where it is one of SQL's words, else nothing."""
        return self.text.lower() if self.kind == "word" else ""


def tokens_of(text: str) -> list[Token]:
    """All that a fault may stand beside; a block of Jinja is one token, and so is an expression of Jinja."""
    found: list[Token] = []
    depth = 0
    for match in _TOKENS.finditer(text):
        kind = match.lastgroup or "skip"
        if kind == "skip":
            continue
        depth -= match[0] == ")"
        found.append(Token(kind, match[0], match.start(), depth))
        depth += match[0] == "("
    return found
