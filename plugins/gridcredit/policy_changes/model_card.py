"""The model card beside a policy folder that a method has made: who proposes the folder later is shown it too."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from gridcredit.errors import PolicyError
from gridcredit.policies.folder import Policy

FILE_NAME = "model_card.json"


class ModelCard(NamedTuple):
    """By what method a policy was made, in place of which version, and the facts of its card."""

    method: str
    base_version: str
    facts: dict[str, Any]


def write_card(policy: Policy, card: ModelCard) -> None:
    """Write the card into the policy's folder, with the hash of the files that it is of."""
    content = card._asdict() | {"policy_sha256": policy.sha256}
    (policy.folder / FILE_NAME).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read_card(policy: Policy) -> ModelCard | None:
    """The card of a policy folder; None of one that was written by hand.

    Raises:
        PolicyError: the folder was changed since, so the card is of another policy, or it cannot be read.
    """
    path = policy.folder / FILE_NAME
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        made_of = content.pop("policy_sha256")
        card = ModelCard(**content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise PolicyError(f"{path}: is no model card: {error}; fit or weigh again") from error
    if made_of != policy.sha256:
        raise PolicyError(
            f"{policy.folder}: was changed after {card.method} had made it, so its model card is of another policy: "
            f"make it again, or remove {FILE_NAME} to propose it as written by hand"
        )
    return card
