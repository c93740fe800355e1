# make setup: the environment; make demo: a film from _assets; make test: everything that is checked;
# make package: dist/*.difypkg, what Dify installs.
.PHONY: setup demo test package workflows clean

VENV := .venv
PYTHON := $(VENV)/bin/python
# The newest Python first would often lack wheels for it; the one the plugin runs on leads.
CANDIDATES := python3.12 python3.13 python3.14 python3 \
	$(sort $(wildcard $(HOME)/.pyenv/versions/3.1[2-9]*/bin/python3))
STAMP := $(VENV)/.requirements

setup: $(STAMP)

$(PYTHON):
	@for candidate in $(CANDIDATES); do \
		if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then \
			echo "Making $(VENV) with $$("$$candidate" --version) ($$candidate)"; \
			exec "$$candidate" -m venv $(VENV); \
		fi; \
	done; \
	echo "No Python 3.12 or newer (with venv) was found. Install one, for example from https://www.python.org" >&2; \
	echo "or with 'apt install python3.12 python3.12-venv', and run this again." >&2; \
	exit 1

# Installing again takes a while even when there is nothing to do: the stamp keeps what was installed last.
$(STAMP): requirements.txt requirements-dev.txt requirements-quantize.txt | $(PYTHON)
	@if ! cat $^ | cmp -s - $@; then \
		echo "Installing requirements into $(VENV)"; \
		$(PYTHON) -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt || exit 1; \
	fi
	@cat $^ > $@

demo: setup
	@mkdir -p out
	@$(PYTHON) -m runtime render --portrait _assets/demo_portrait.jpg --audio _assets/demo_speech.ogg --out out/demo.mp4

test: setup
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	$(PYTHON) -m pytest

package: setup
	$(PYTHON) tools/package.py --out dist

# The examples through Dify's own workflow engine; it wants Python 3.12.
WORKFLOW_VENV := .venv-graphon
workflows: setup
	@test -x $(WORKFLOW_VENV)/bin/python || $(PYTHON) -m venv $(WORKFLOW_VENV)
	$(WORKFLOW_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-workflows.txt
	$(PYTHON) -m pytest tests/plugin/test_workflows.py

clean:
	rm -rf $(VENV) out dist .pytest_cache .mypy_cache .ruff_cache
