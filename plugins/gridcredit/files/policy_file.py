"""The YAML files of the policies folder, each read as its model."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from gridcredit.errors import PolicyError
from gridcredit.files.strict_yaml import load_yaml

Checked = TypeVar("Checked", bound=BaseModel)


def read_policy_file(path: Path, model: type[Checked]) -> Checked:
    """A YAML file of the policies folder as its model; a PolicyError names the file and what is wrong."""
    try:
        return model.model_validate(load_yaml(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PolicyError(f"{path}: cannot be read: {error}") from error
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise PolicyError(f"{path}: {where}: {fault['msg'].removeprefix('Value error, ')}") from error
