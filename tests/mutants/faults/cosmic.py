"""Run in .venv-mutants: the faults that Cosmic Ray's operators make of Python files, as lines of JSON.

Of each operator only the faults that a person could have made: a comparison with its neighbour, a sign, a number,
`and` for `or`, `True` for `False`, a condition turned round, a loop that ends too soon.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import MutationVisitor
from cosmic_ray.plugins import get_operator

_COMPARISONS = ("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is")
_SIGNS = ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "FloorDiv_Mul", "Mod_Mul")
KINDS = {f"ReplaceComparisonOperator_{name}": "comparison" for name in _COMPARISONS}
KINDS |= {f"ReplaceBinaryOperator_{name}": "sign" for name in _SIGNS}
KINDS |= {"NumberReplacer": "constant", "ReplaceTrueWithFalse": "constant", "ReplaceFalseWithTrue": "constant"}
KINDS |= {"ReplaceAndWithOr": "condition", "ReplaceOrWithAnd": "condition", "AddNot": "condition"}
KINDS |= {"ReplaceUnaryOperator_Delete_Not": "condition", "ReplaceUnaryOperator_USub_UAdd": "sign"}
KINDS |= {"ReplaceBreakWithContinue": "loop", "ZeroIterationForLoop": "loop"}


def changes(code: str, most: int, chance: random.Random) -> list[dict[str, object]]:
    """At most so many faults, each as the piece of the text that differs, and what stands there instead."""
    nodes = list(ast_nodes(get_ast(code)))
    places = [
        (name, occurrence)
        for name in KINDS
        for occurrence in range(sum(len(list(_operator(name).mutation_positions(node))) for node in nodes))
    ]
    found = []
    for name, occurrence in chance.sample(places, min(most, len(places))):
        mutated = MutationVisitor.mutate_code(code, _operator(name), occurrence)
        if mutated is not None and mutated != code:
            found.append(difference(code, mutated) | {"kind": KINDS[name]})
    return found


def _operator(name: str) -> Any:
    return get_operator(f"core/{name}")()


def difference(code: str, mutated: str) -> dict[str, object]:
    """What lies between the equal beginnings and the equal ends, to whole words."""
    start = 0
    while start < min(len(code), len(mutated)) and code[start] == mutated[start]:
        start += 1
    end = 0
    while end < min(len(code), len(mutated)) - start and code[-1 - end] == mutated[-1 - end]:
        end += 1
    while start and (code[start - 1].isalnum() or code[start - 1] in "_.<>=!"):
        start -= 1
    while end and (code[len(code) - end].isalnum() or code[len(code) - end] in "_.<>=!"):
        end -= 1
    return {"offset": start, "before": code[start : len(code) - end], "after": mutated[start : len(mutated) - end]}


if __name__ == "__main__":
    most, seed, *paths = sys.argv[1:]
    for path in paths:
        # The file's own chance: another choice of files leaves its faults as they are.
        for change in changes(Path(path).read_bytes().decode(), int(most), random.Random(f"{seed} {path}")):
            print(json.dumps({"path": path, **change}))
