# Needs Python 3.11 or newer with its venv module, git and make. Everything else goes into a virtual environment.

.DEFAULT_GOAL := help
.PHONY: help install run test lint format bench requirements clean

# Beside the code; in the user's cache when the checkout belongs to somebody else.
writable := $(shell test -w . && echo yes)
cache := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/cpo-backoffice
venv := $(if $(writable),.venv,$(cache)/venv)
python := $(venv)/bin/python
stamp := $(venv)/installed

ifeq ($(writable),)
export RUFF_CACHE_DIR := $(cache)/ruff
export MYPY_CACHE_DIR := $(cache)/mypy
export HYPOTHESIS_STORAGE_DIRECTORY := $(cache)/hypothesis
import_linter_cache := --no-cache
endif

works := import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))

# An environment whose Python is gone, or too old, is made again whatever the stamp says.
ifneq ($(shell { "$(python)" -c 'import sys; print(sys.version_info >= (3, 11))'; } 2>/dev/null),True)
.PHONY: $(stamp)
remake := --clear
endif

help: ## Shows this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24

install: $(stamp) ## Makes the virtual environment with runtime and development dependencies

$(stamp): requirements.txt requirements-dev.txt
	@for candidate in python3.11 python3 python3.12 python3.13 python3.14; do \
		if "$$candidate" -c '$(works)' >/dev/null 2>&1; then found=$$candidate; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "This needs Python 3.11 or newer with its venv module; 'python3' here is: $$(python3 --version 2>&1)" >&2; \
		echo "On Debian or Ubuntu: apt install python3 python3-venv" >&2; \
		exit 1; \
	fi; \
	if [ ! -x "$(python)" ] || [ -n "$(remake)" ]; then \
		echo "Making $(venv) with $$("$$found" --version)"; \
		mkdir -p "$(dir $(venv))" && "$$found" -m venv $(remake) "$(venv)" || exit 1; \
	fi
	@echo "Installing the dependencies into $(venv): about a minute"
	@"$(python)" -m pip install -qq --disable-pip-version-check --require-hashes \
		-r requirements.txt -r requirements-dev.txt
	@touch "$(stamp)"

run: install ## Starts the server with demo data and simulated parties; Ctrl-C stops it
	@DEBUG=1 exec "$(python)" manage.py run --demo

# Tests in a real browser want Debian's Chromium: installed where that may be done, and said where it may not.
chromium := command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null

# Tests bring their own PostgreSQL and Redis, and none of the caller's settings reaches them. Without bytecode every
# process would compile the product, and every worker the tests. More workers than two cores can feed, because flows
# wait most of their time; four share the 16 databases of a Redis.
settings := sed -n 's/^\#*\([A-Z_]*\)=.*/\1/p' .env.example

test: install ## Everything that must hold: style, types, dependency direction, migrations, tests on both stacks
	@unset TEST_STACK PYTHONDONTWRITEBYTECODE $$($(settings)); \
	DATA_DIR=$$(mktemp -d) && export DATA_DIR && trap 'rm -rf "$$DATA_DIR"' EXIT && trap 'exit 130' INT TERM && \
	$(MAKE) --no-print-directory lint && \
	echo "== migrations and settings" && \
	"$(python)" manage.py makemigrations --check --dry-run && \
	"$(python)" manage.py check --fail-level WARNING && \
	{ $(chromium) || { [ "$$(id -u)" = 0 ] && apt-get install -qq -y chromium >/dev/null 2>&1; } || \
		echo "There is no Chromium here, and it may not be installed: the tests in a real browser are skipped"; } && \
	echo "== tests, embedded: SQLite, everything in memory" && \
	"$(python)" -m pytest -n 4 && \
	echo "== tests, PostgreSQL and Redis" && \
	TEST_STACK=postgres "$(python)" -m pytest -n 4 -m "not pure and not once" && \
	echo "All checks and tests passed."

lint: install ## Style, formatting, types, dependency direction
	@echo "== style"
	@"$(python)" -m ruff check .
	@"$(python)" -m ruff format --check .
	@echo "== types"
	@"$(python)" -m mypy .
	@echo "== dependency direction"
	@"$(python)" -c "from importlinter.cli import lint_imports_command as c; c(prog_name='lint-imports')" $(import_linter_cache)

format: install ## Formats the code and mends what can be mended
	@"$(python)" -m ruff check --fix .
	@"$(python)" -m ruff format .

bench: install ## Prints the ratios that the design stands on; only="lists --sessions 1000000": lists at that size
	@"$(python)" -m bench $(only)

requirements: install ## Compiles the pinned requirement files anew from pyproject.toml
	@"$(python)" -m uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		pyproject.toml -o requirements.txt
	@"$(python)" -m uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		--group dev -c requirements.txt -o requirements-dev.txt

clean: ## Removes the virtual environment and caches; the embedded database in var/ stays
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
