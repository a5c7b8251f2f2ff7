"""The attributes of customers: what a supplier knows beside the contract's columns, as policies/attributes.yml declares
it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from gridcredit.contract.customers import CUSTOMER_ATTRIBUTE
from gridcredit.contract.extracts import EXTRACTS
from gridcredit.contract.shapes import Column, Extract
from gridcredit.files.policy_file import read_policy_file
from gridcredit.settings import Settings

FILE_NAME = "attributes.yml"
# The names of features are columns: Postgres cuts those of more than 63 characters.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=24)]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$", max_length=16)]


class Attribute(BaseModel):
    """What an attribute is, and which values it takes."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["boolean", "code", "number", "date", "text"] = Field(
        description="what its values are; dates and texts are no condition, and texts are not published"
    )
    text: str = Field(min_length=1, description="what it is, for whoever reads it")
    values: list[Code] = Field([], description="the values of a code")
    protected: bool = Field(False, description="true: it enters no score, no veto and no advice")

    @model_validator(mode="after")
    def _codes_have_values(self) -> Attribute:
        if (self.type == "code") != bool(self.values):
            raise ValueError("`values` are those of a code, and a code has some")
        return self

    def features(self, name: str) -> dict[str, str | None]:
        """The features made of it, each with the code that it is about: 1 or 0, but for numbers."""
        if self.type == "code":
            return {f"attribute_{name}_{code}": code for code in self.values}
        return {f"attribute_{name}": None} if self.type in ("boolean", "number") else {}


class Attributes(BaseModel):
    """policies/attributes.yml: by name the attributes of customers that the supplier delivers."""

    model_config = ConfigDict(extra="forbid")

    attributes: dict[Name, Attribute] = Field({}, description="by name what each attribute is")

    @model_validator(mode="after")
    def _features_differ(self) -> Attributes:
        made = Counter(feature for name, one in self.attributes.items() for feature in one.features(name))
        if twice := [feature for feature, count in made.items() if count > 1]:
            raise ValueError(f"two attributes make the feature {twice[0]!r}: give one of them another name")
        return self


@dataclass(frozen=True)
class AttributeFeature:
    """A feature that is made of an attribute."""

    name: str
    text: str
    is_protected: bool


def read_attributes(settings: Settings) -> dict[str, Attribute]:
    """The declared attributes by name; a PolicyError says what is wrong with the file, and none are where there is
    none.
    """
    path = settings.policies_dir / FILE_NAME
    return read_policy_file(path, Attributes).attributes if path.exists() else {}


def attribute_features(settings: Settings) -> list[AttributeFeature]:
    """The features that are made of attributes."""
    return [
        AttributeFeature(feature, f"{one.text}: {code}" if code else one.text, one.protected)
        for name, one in read_attributes(settings).items()
        for feature, code in one.features(name).items()
    ]


def typed_extract(name: str, settings: Settings) -> Extract:
    """An extract of the contract, with the attributes that are declared where its rows name them."""
    extract = EXTRACTS[name]
    if extract is not CUSTOMER_ATTRIBUTE:
        return extract
    named = (
        Column(name, one.type, one.text, values=tuple(one.values)) for name, one in read_attributes(settings).items()
    )
    return replace(extract, named=tuple(named))
