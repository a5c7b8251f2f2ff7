"""Faults of SQL: another comparison, sign, join, aggregate, order or constant; a condition that is gone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from tests.mutants.faults.sql_tokens import Token, tokens_of
from tests.mutants.mutant import Change

COMPARISONS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "=": "<>", "<>": "=", "!=": "="}
SIGNS = {"+": "-", "-": "+", "*": "/", "/": "*"}
AGGREGATES = {"sum": "max", "max": "min", "min": "max", "avg": "max", "greatest": "least", "least": "greatest"}
AGGREGATES |= {"bool_or": "bool_and", "bool_and": "bool_or"}
WORDS = {"true": "false", "false": "true"}
JOINS = {"left": "inner", "inner": "left", "full": "left"}
# After these no operand has been read, so that a star or a minus is no sign between two.
_BEFORE_OPERAND = {
    "select",
    "distinct",
    "then",
    "else",
    "when",
    "and",
    "or",
    "not",
    "on",
    "where",
    "by",
    "in",
    "between",
}
_END_OF_CONDITION = {"and", "or", "then", "group", "order", "having", "union", "left", "inner", "cross", "full", "join"}
_END_OF_CONDITION |= {"where", "limit", "window", "else", "end"}


def changes_of_sql(text: str) -> list[Change]:
    """Every fault that a model's or macro's text can have."""
    tokens = tokens_of(text)
    return [*_of_pairs(tokens), *_conditions(text, tokens)]


def _of_pairs(tokens: list[Token]) -> Iterator[Change]:
    """Faults of one token, given the one before it."""
    start = Token("block", "", 0, 0)
    listed_at: int | None = None
    sized_at: int | None = None
    for before, token in pairwise([start, *tokens]):
        if before.word in _SIZED and token.text == "(":
            sized_at = token.depth
        elif sized_at is not None and token.depth <= sized_at:
            sized_at = None
        if before.word in ("group", "order") and token.word == "by":
            listed_at = token.depth
        elif listed_at is not None and (token.depth < listed_at or token.kind == "block" or token.word in _CLAUSES):
            listed_at = None
        after = _replaced(before, token, is_listed=listed_at is not None)
        if after is not None and sized_at is None:
            kind, text = after
            yield Change(token.offset, kind, token.text, text)


_CLAUSES = {"rows", "range", "limit", "union", "having"}
_SIZED = {"numeric", "decimal", "varchar", "char"}


def _replaced(before: Token, token: Token, *, is_listed: bool) -> tuple[str, str] | None:
    is_operand = (
        before.kind in ("operand", "number")
        or before.text == ")"
        or (before.kind == "word" and before.word not in _BEFORE_OPERAND)
    )
    if token.kind == "sign" and is_operand:
        if token.text in COMPARISONS:
            return "comparison", COMPARISONS[token.text]
        if token.text in SIGNS:
            return "sign", SIGNS[token.text]
    if token.word in WORDS:
        return "constant", WORDS[token.word]
    if token.word in JOINS and before.word not in ("", "select"):
        return "join", JOINS[token.word]
    if token.word in JOINS and before.text == ")":
        return "join", JOINS[token.word]
    if token.word == "desc":
        return "order", "asc"
    if token.word in AGGREGATES and before.text != ".":
        return "aggregate", AGGREGATES[token.word]
    if token.kind == "number" and before.text != "::" and not (is_listed and "." not in token.text):
        return _number(before, token)
    return None


def _number(before: Token, token: Token) -> tuple[str, str] | None:
    is_bound = before.text in COMPARISONS or before.word in ("between", "and")
    kind = "bound" if is_bound else "day" if before.text in ("+", "-") else "constant"
    if "." not in token.text:
        return kind, str(int(token.text) + 1)
    whole, fraction = token.text.split(".")
    return kind, f"{int(whole) + 1}.{fraction}"


def _conditions(text: str, tokens: list[Token]) -> Iterator[Change]:
    """Each operand of `and` and `or` taken out with its word, a sole condition of `where`, and a `not` gone."""
    between = 0
    for number, token in enumerate(tokens):
        following = tokens[number + 1] if number + 1 < len(tokens) else token
        if token.word == "between":
            between += 1
        elif token.word == "and" and between:
            between -= 1
        elif token.word in ("and", "or"):
            end = _end_of_condition(tokens, number)
            if end is not None:
                yield Change(token.offset, "condition", text[token.offset : end], "")
        elif token.word == "where":
            end = _end_of_condition(tokens, number)
            if end is not None:
                yield Change(following.offset, "condition", text[following.offset : end], "true")
        elif token.word == "not" and (number == 0 or tokens[number - 1].word != "is") and following.word != "null":
            yield Change(token.offset, "condition", text[token.offset : following.offset], "")
        elif token.word == "is" and following.word in ("null", "not"):
            yield _null(text, token, following)


def _null(text: str, token: Token, following: Token) -> Change:
    if following.word == "null":
        return Change(token.offset, "comparison", token.text, "is not")
    return Change(token.offset, "comparison", text[token.offset : following.end], "is")


def _end_of_condition(tokens: list[Token], number: int) -> int | None:
    """Where the operand after the word ends; None where Jinja decides what belongs to it."""
    first = tokens[number]
    cases = between = 0
    end = None
    for token in tokens[number + 1 :]:
        if token.kind == "block":
            return None
        is_inner = token.depth > first.depth
        if token.depth < first.depth or (token.depth == first.depth and token.text in (",", ";")):
            break
        cases += token.word == "case"
        is_between = token.word == "and" and between > 0
        between += (token.word == "between") - is_between
        if not is_inner and not cases and not is_between and token.word in _END_OF_CONDITION:
            break
        cases -= token.word == "end"
        end = token.end
    return end
