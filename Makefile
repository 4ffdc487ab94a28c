# Everything that is done with this project, from a fresh clone with Python 3.11, pip and make. `make help` lists it.

HOST ?= 127.0.0.1
PORT ?= 8000

NEW_ENOUGH := -c 'import sys; sys.exit(sys.version_info < (3, 11))'
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3; do \
	$$name $(NEW_ENOUGH) 2>/dev/null && echo $$name && break; done || echo python3)

VENV := .venv
RUN := $(VENV)/bin/python -m
MANAGE := $(VENV)/bin/python manage.py
INSTALLED := $(VENV)/.installed
PIP_INSTALL := $(RUN) pip install --quiet --disable-pip-version-check --constraint constraints.txt

PRODUCTION = ENVIRONMENT=production ALLOWED_HOSTS=example.com DATABASE_URL=sqlite://:memory: \
	SECRET_KEY="$$($(VENV)/bin/python -c 'import secrets; print(secrets.token_urlsafe(50))')"

.DEFAULT_GOAL := help
.PHONY: help install run test faults check bench format clean

help:  ## list these targets
	@sed -n 's/^\([a-z]*\):.*  ## /\1\t/p' Makefile | expand -t 12

install: $(INSTALLED)  ## make .venv with everything for development

run: install  ## start the demo (make run PORT=8001 HOST=0.0.0.0)
	@$(MANAGE) run_demo --host $(HOST) --port $(PORT)

test: install  ## the whole suite on SQLite, and again on PostgreSQL
	$(RUN) pytest -n 2
	$(RUN) tests.with_postgresql $(RUN) pytest -n 2

faults: install  ## kill, cut off and restart everything, on SQLite and on PostgreSQL; the table takes a quarter of an hour
	@FAULTS=1 $(RUN) pytest -n 2 -q tests/faults
	@FAULTS=1 $(RUN) tests.with_postgresql $(RUN) pytest -n 2 -q tests/faults

check: install  ## lint, format, types, arrows, migrations, deployment settings
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) mypy
	$(VENV)/bin/lint-imports
	$(MANAGE) makemigrations --check --dry-run
	$(MANAGE) check --fail-level WARNING
	@echo "$(MANAGE) check --deploy (with production settings)"
	@$(PRODUCTION) $(MANAGE) check --deploy --fail-level WARNING

bench: install  ## fan-out, mail, events and cleanup beside the least that each could cost, and large inboxes, on PostgreSQL
	@$(RUN) tests.with_postgresql $(RUN) benchmarks.fanout
	@$(RUN) tests.with_postgresql $(RUN) benchmarks.mail
	@$(RUN) tests.with_postgresql $(RUN) benchmarks.events
	@$(RUN) tests.with_postgresql $(RUN) benchmarks.cleanup
	@$(RUN) tests.with_postgresql $(RUN) benchmarks.inbox

format: install  ## let ruff put the code in form
	$(RUN) ruff check --fix
	$(RUN) ruff format

clean:  ## remove .venv and caches; the data in var/ stays
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { \
		echo "There is no $(PYTHON) here. Install Python 3.11 or newer, or set PYTHON=/path/to/python3.11." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed; $(PYTHON) is %d.%d. Set PYTHON=/path/to/python3.11." % sys.version_info[:2])'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) has no venv module. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Installing into $(VENV); the first time takes a minute or two."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP_INSTALL) --upgrade pip
	@$(PIP_INSTALL) --build-constraint constraints.txt --editable '.[celery,email]' --group dev
	@touch $@
