# The two commands that matter: `make demo` and `make test`. Everything lives in .venv/ and var/.
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BI_STAMP := .venv-bi/.installed
SUPERSET_STAMP := .venv-superset/.installed
BROWSER_STAMP := .venv-browser/.installed
MUTANTS_STAMP := .venv-mutants/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo bi test test-bi test-browser test-docs test-deep test-mutants check test-units lint lint-python lint-sql up down bench bench-against bench-dags bench-evasion bench-indicators bench-ingest bench-lineage bench-policies bench-ratings bench-recovery bench-reports bench-scorecards bench-settings bench-small bench-warnings docs lock images clean test-engines test-logins install-engines install-logins install-browser bench-engines

# Two at a time: each worker starts a Postgres of its own, and keeps to a file, whose tests share what they build.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations=25
# $(call timed,what,command): what the command did, and how long it took.
timed = @started=$$SECONDS; $(2) && echo "==> $(1): $$((SECONDS - started)) s"

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

$(STAMP): requirements.lock pyproject.toml
	@echo "==> installing into $(VENV) (a few minutes, once)"
	@command -v $(PYTHON) >/dev/null && py=$(PYTHON) || py=python3; \
	  "$$py" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
	  || { echo "GridCredit needs Python 3.11; '$$py' is another version: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }; \
	  test -x $(BIN)/python || "$$py" -m venv $(VENV)
	@# The lock is complete, so nothing is resolved: --no-deps installs exactly what was reviewed.
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off --no-deps --require-hashes -r requirements.lock | grep --line-buffered -E '^(Downloading|Installing|Successfully)' | sed -u -E 's/^(.{100}).*/\1/'
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	@# Each process would compile our modules again where Python is told to write no bytecode.
	@$(BIN)/python -m compileall -q plugins dags
	@$(BIN)/python -m pip check
	@touch $(STAMP)

# Tools whose pins do not fit the lock: tests call them, nothing else does.
$(BI_STAMP): requirements-bi.lock
	@echo "==> installing into .venv-bi (once)"
	@test -x .venv-bi/bin/python || $(BIN)/python -m venv .venv-bi
	.venv-bi/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --require-hashes -r requirements-bi.lock
	@touch $(BI_STAMP)

$(SUPERSET_STAMP): requirements-superset.lock
	@echo "==> installing Superset into .venv-superset (two minutes or more, once)"
	@test -x .venv-superset/bin/python || $(BIN)/python -m venv .venv-superset
	@.venv-superset/bin/python -m pip install --disable-pip-version-check --progress-bar off --no-deps --require-hashes -r requirements-superset.lock | grep --line-buffered -E '^(Downloading|Installing|Successfully)' | sed -u -E 's/^(.{100}).*/\1/'
	@.venv-superset/bin/python -m pip check
	@touch $(SUPERSET_STAMP)

# A browser for those who have none; it fails at once where the system lacks a library that it draws with.
$(BROWSER_STAMP): requirements-browser.lock
	@echo "==> installing into .venv-browser (once)"
	@test -x .venv-browser/bin/python || $(BIN)/python -m venv .venv-browser
	.venv-browser/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --require-hashes -r requirements-browser.lock
	@folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; \
	  .venv-browser/bin/python tests/support/browser_engine.py "$$folder" 2>"$$folder/said" \
	  || { echo "no browser here, the system lacks what it draws with: $$(grep -v '^$$' "$$folder/said" | tail -n 1)" >&2; exit 1; }
	@touch $(BROWSER_STAMP)

$(MUTANTS_STAMP): requirements-mutants.lock
	@echo "==> installing into .venv-mutants (once)"
	@test -x .venv-mutants/bin/python || $(BIN)/python -m venv .venv-mutants
	.venv-mutants/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --require-hashes -r requirements-mutants.lock
	@touch $(MUTANTS_STAMP)

install-browser: $(STAMP) $(BROWSER_STAMP)

install: $(STAMP) ## build .venv from requirements.lock

demo: $(STAMP) ## run the real DAGs on a sample supplier
	$(BIN)/python -m gridcredit demo

up: $(STAMP) ## start Airflow and Postgres for a browser
	$(BIN)/python -m gridcredit up

bi: $(STAMP) $(SUPERSET_STAMP) ## start Apache Superset with dashboards of what is published
	$(BIN)/python -m gridcredit bi

down: $(STAMP) ## stop what `make up`, `make demo` or `make bi` started
	$(BIN)/python -m gridcredit down

test: $(STAMP) ## lint, and every test of behaviour on Postgres: ARGS="tests/unit -k NAME"
	$(call timed,lint,$(MAKE) --no-print-directory lint)
	$(call timed,tests,$(PYTEST) -m "not bi and not browser and not docs and not engines and not logins" $(ARGS))

test-browser: $(STAMP) $(BROWSER_STAMP) ## each page in a browser at two widths, and what is clicked and typed there, in .venv-browser
	$(call timed,tests of pages,$(BIN)/python -m pytest -m browser $(ARGS))

test-bi: $(STAMP) $(BI_STAMP) $(SUPERSET_STAMP) ## metrics, data contracts and dashboards by MetricFlow, datacontract-cli and Superset
	@$(MAKE) --no-print-directory install-browser || echo "==> dashboards are not opened in a browser"
	$(call timed,tests for BI tools,$(BIN)/python -m pytest -m bi $(ARGS))

test-docs: $(STAMP) ## follow each tutorial and how-to, command by command: ARGS="-k roll_back"
	$(call timed,tests of the docs,$(BIN)/python -m pytest -m docs $(ARGS))

test-deep: $(STAMP) ## the tests that try random cases, with many of them (hours)
	$(call timed,deep tests,$(PYTEST) --deep --timeout=0 -m deep $(ARGS))

test-mutants: $(STAMP) $(MUTANTS_STAMP) ## put small faults in, one at a time, and report those that no test notices: ARGS="dbt_project/models/ledger --sample 20"
	$(call timed,mutants,$(BIN)/python -m tests.mutants $(ARGS))

ENGINES := $(VENV)/.engines-installed
$(ENGINES): $(STAMP) requirements-engines.lock
	@# Nothing but what builds on other engines: the rest is locked and installed already.
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --require-hashes -r requirements-engines.lock
	@$(BIN)/python -m pip check
	@touch $(ENGINES)

install-engines: $(ENGINES) ## add what GRIDCREDIT_ENGINE=duckdb and spark need

LOGINS := $(VENV)/.logins-installed
$(LOGINS): $(STAMP) requirements-logins.lock
	@# Airflow's FAB provider and what it needs beside the lock.
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --require-hashes -r requirements-logins.lock
	@$(BIN)/python -m pip check
	@touch $(LOGINS)

install-logins: $(LOGINS) ## add what GRIDCREDIT_AIRFLOW_LOGINS=named needs

test-logins: $(LOGINS) ## Airflow with a user for each person: who decides, and who may not
	$(call timed,tests of logins,$(BIN)/python -m pytest -m logins $(ARGS))

test-engines: $(ENGINES) ## the same figures on each engine, row by row (an hour): ARGS="-k duckdb"
	$(call timed,tests of engines,$(PYTEST) -m engines $(ARGS))

check: $(STAMP) ## the quick loop: lint, types, unit tests, import of the DAGs
	$(call timed,check,$(MAKE) --no-print-directory --jobs=2 --output-sync=line lint-sql lint-python test-units)

test-units: $(STAMP)
	$(call timed,unit tests,$(BIN)/python -m pytest tests/unit tests/dags $(ARGS))

lint: $(STAMP) ## ruff, mypy, floors of the package, sqlfluff and dbt parse
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=line lint-sql lint-python

lint-python: $(STAMP)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/lint-imports --no-logo --no-cache
	$(call timed,types,$(BIN)/python -m mypy)

lint-sql: $(STAMP)
	$(call timed,SQL,$(BIN)/python -m gridcredit lint-sql)

bench: $(STAMP) ## measure a full build and a daily run: ARGS="--customers 100000"
	$(BIN)/python -m benchmarks.daily_run $(ARGS)

bench-against: $(STAMP) ## what this tree costs against another: ARGS="--revision 7590a1a --customers 10000"
	$(BIN)/python -m benchmarks.against $(ARGS)

bench-dags: $(STAMP) ## measure the DAGs against one process: ARGS="--customers 2000"
	$(BIN)/python -m benchmarks.dags $(ARGS)

bench-engines: $(ENGINES) ## a full build on Postgres, DuckDB and Spark, side by side: ARGS="--customers 20000"
	$(BIN)/python -m benchmarks.engines $(ARGS)

bench-evasion: $(STAMP) ## precision and recall of signals of evasion against simulated thefts: ARGS="--customers 30000"
	$(BIN)/python -m benchmarks.evasion $(ARGS)

bench-indicators: $(STAMP) ## what a policy of 52 indicators costs beside the default one: ARGS="--customers 100000"
	$(BIN)/python -m benchmarks.many_indicators $(ARGS)

bench-ingest: $(STAMP) ## measure loading against COPY: ARGS="--customers 220000"
	$(BIN)/python -m benchmarks.ingest $(ARGS)

bench-ratings: $(STAMP) ## compare ratings with the oracle and with what happened after: ARGS="--customers 10000"
	$(BIN)/python -m benchmarks.ratings $(ARGS)

bench-lineage: $(STAMP) ## the gates' share of a run, and how long traces take: ARGS="--customers 100000"
	$(BIN)/python -m benchmarks.lineage $(ARGS)

bench-policies: $(STAMP) ## does one version of a policy rank better than another: ARGS="--ibm FILE"
	$(BIN)/python -m benchmarks.policies $(ARGS)

bench-recovery: $(STAMP) ## reconciliation, forecast error, and how soon a payment clears a warning: ARGS="--customers 100000"
	$(BIN)/python -m benchmarks.recovery $(ARGS)

bench-scorecards: $(STAMP) ## expert policy, fitted scorecard and gradient boosting out of time: ARGS="--customers 1000 5000 20000"
	$(BIN)/python -m benchmarks.scorecards $(ARGS)

bench-reports: $(STAMP) ## how long the credit reports of a hundred customers take: ARGS="--customers 100"
	$(BIN)/python -m benchmarks.reports $(ARGS)

bench-settings: $(STAMP) ## measure what each setting of the embedded server is worth: ARGS="--customers 20000"
	$(BIN)/python -m benchmarks.server_settings $(ARGS)

bench-small: $(STAMP) ## what a small build costs: a full one, and a night in which no fact changed
	$(BIN)/python -m benchmarks.small $(ARGS)

bench-warnings: $(STAMP) ## replay a year of warnings night by night: ARGS="--customers 100 --days 365"
	$(BIN)/python -m benchmarks.warnings $(ARGS)

docs: $(STAMP) ## the documentation site into var/docs, with dictionary, lineage, dbt's pages and the gates' results inside
	$(BIN)/python -m gridcredit docs

images: $(STAMP) $(BROWSER_STAMP) ## draw README's pictures of the pages from the release of `make demo`
	$(BIN)/python -m tests.support.images

lock: ## renew requirements.lock from pyproject.toml, and those of the other environments (needs uv)
	@# By hand: the extras' locks (engines, logins), which are what uv resolves for an extra beside requirements.lock.
	uv pip compile pyproject.toml --extra dev --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --output-file requirements.lock
	for name in bi browser mutants superset; do uv pip compile requirements-$$name.in --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --output-file requirements-$$name.lock || exit 1; done

clean: ## stop the services and remove .venv and var
	@test ! -x $(BIN)/python || $(BIN)/python -m gridcredit down
	rm -rf $(VENV) .venv-bi .venv-browser .venv-mutants .venv-superset var
