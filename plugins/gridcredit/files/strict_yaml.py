"""YAML in which no key is given twice; for mappings also as text, every value as it is written."""

from __future__ import annotations

from typing import Any

import yaml

_RETAINED_TAGS = ("tag:yaml.org,2002:merge", "tag:yaml.org,2002:null")


class _DifferentKeys(yaml.constructor.SafeConstructor):
    """Refuses a mapping that names a key twice, of which YAML would take the last, and an alias of what it is in."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: ANN401, ARG002 - what the node holds; always deep
        """The object, all of it at once, so that one that holds itself is noticed."""
        return super().construct_object(node, deep=True)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping, if its keys differ."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key is a text", problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key.value!r} is given twice: the first would be lost",
                    problem_mark=key.start_mark,
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


class _Loader(_DifferentKeys, yaml.CSafeLoader):
    """By libyaml, several times as fast: the project's own files are read in every build."""


class _TextLoader(_DifferentKeys, yaml.SafeLoader):
    """Leaves Yes, 010, 1.10 and 2012-01-01 as they stand, which YAML would take for other types."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as the library declares it
        first: [(tag, pattern) for tag, pattern in resolvers if tag in _RETAINED_TAGS]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def load_yaml(text: str) -> Any:  # noqa: ANN401 what the document holds
    """The document.

    Raises:
        yaml.YAMLError: it is not valid, or names a key twice.
    """
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def load_text(text: str) -> tuple[Any, yaml.Node | None]:
    """The document, and its nodes with the lines they stand on.

    Raises:
        yaml.YAMLError: it is not valid, or names a key twice.
    """
    loader = _TextLoader(text)
    try:
        node = loader.get_single_node()
        return (None if node is None else loader.construct_document(node)), yaml.compose(text, Loader=yaml.SafeLoader)
    finally:
        loader.dispose()
