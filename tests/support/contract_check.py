"""Checks a data contract against the warehouse by datacontract-cli. Run by the Python of .venv-bi.

The contract is read from stdin; what is not passed goes to stdout, as a list of `[result, check, why]`, after how many
were.
"""

import json
import logging
import sys

import no_network  # noqa: F401 imported for what it does, before what it watches
from datacontract.data_contract import DataContract

logging.disable(logging.CRITICAL)
run = DataContract(data_contract_str=sys.stdin.read()).test()
checks = [(str(getattr(one.result, "value", one.result)), one.name, one.reason) for one in run.checks]
failed = [check for check in checks if check[0] != "passed"]
json.dump({"passed": len(checks) - len(failed), "failed": failed}, sys.stdout)
