"""What the warehouse knows of the attributes that policies/attributes.yml declares: models are written from it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from psycopg import sql

from gridcredit.contract.attributes import FILE_NAME, Attribute
from gridcredit.contract.features import NAMED_IN
from gridcredit.errors import PolicyError
from gridcredit.warehouse.connection import Connection


def store_attributes(connection: Connection, declared: Mapping[str, Attribute]) -> None:
    """Bring policy.attributes to what is declared; a code that is declared no more stays while a version names it.

    Raises:
        PolicyError: an attribute was declared with another type before, which its stored values have.
    """
    stored: dict[str, str] = {}
    kept: dict[str, list[str]] = {}
    named = _named_features(connection)
    for name, kind, codes in connection.execute("select name, type, codes from policy.attributes").fetchall():
        stored[name] = kind
        kept[name] = [code for code in (codes or "").split("|") if f"attribute_{name}_{code}" in named]
    for name, one in declared.items():
        if stored.get(name, one.type) != one.type:
            raise PolicyError(
                f"{FILE_NAME}: {name!r} was declared as {stored[name]}, and its stored values are that: "
                f"give what is a {one.type} another name"
            )
    for name, one in declared.items():
        connection.execute(
            "insert into policy.attributes as stored (name, type, codes, description, is_protected, is_declared) "
            "values (%(name)s, %(type)s, %(codes)s, %(text)s, %(protected)s, true) "
            "on conflict (name) do update set codes = excluded.codes, description = excluded.description, "
            "is_protected = excluded.is_protected, is_declared = true "
            "where row(stored.*) is distinct from row(excluded.*)",
            one.model_dump(include={"type", "text", "protected"})
            | {"name": name, "codes": "|".join(dict.fromkeys([*one.values, *kept.get(name, [])])) or None},
        )
    connection.execute(
        "update policy.attributes set is_declared = false where is_declared and name <> all(%s)", [list(declared)]
    )


def _named_features(connection: Connection) -> set[str]:
    """The features that loaded versions name."""
    query = sql.SQL(" union ").join(
        sql.SQL("select {} from {}").format(sql.Identifier(column), sql.Identifier("policy", table))
        for table, column in NAMED_IN.items()
    )
    return {name for (name,) in connection.execute(query)}


def published_attributes(connection: Connection, customer_id: str) -> dict[str, Decimal]:
    """A customer's attributes that stand in the release in force, as features."""
    found: dict[str, Decimal] = {}
    for name, kind, codes, text, value in connection.execute(
        "select name, declared.type, codes, description, value from published.customer_attribute join "
        "policy.attributes as declared using (name) "
        "where customer_id = %s and is_current and value is not null",
        [customer_id],
    ):
        declared = Attribute(type=kind, text=text, values=codes.split("|") if codes else [])
        for feature, code in declared.features(name).items():
            found[feature] = Decimal(value) if kind == "number" else Decimal(value == (code or "true"))
    return found
