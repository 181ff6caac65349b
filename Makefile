# Two commands do everything on a fresh machine: `make run` and `make test`.
.DEFAULT_GOAL := help
VENV := .venv
LOCK := constraints/tfx-1.16-py310.txt
READY := $(VENV)/.ready
NAME := ingest
# Two processes; tests that share expensive things go to the same one (tests/conftest.py), the longest first.
SIDE_BY_SIDE := $(VENV)/bin/pytest --numprocesses 2 --dist loadscope --no-loadscope-reorder

.PHONY: help run test browser lint unit e2e benchmark lock image clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(READY) ## run the whole pipeline on the drawn faces; ARGS="..." are passed to `emotion-ai run`
	@$(VENV)/bin/emotion-ai run $(ARGS)

test: browser lint $(READY) ## run all checks and tests
	$(SIDE_BY_SIDE)

browser:
	@scripts/make_browser

lint: $(READY) ## style and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

unit: $(READY) ## unit and component tests
	$(SIDE_BY_SIDE) -m "not e2e"

e2e: $(READY) ## tests of the whole DAG, here and on Kubeflow
	$(SIDE_BY_SIDE) -m e2e

benchmark: $(READY) ## side by side against the alternative: NAME=ingest (default), findings, training, serving or dashboard, ARGS="..."
	$(VENV)/bin/python -m benchmarks.$(NAME) $(ARGS)

# Once per lock: later starts only compare the files' times.
$(READY): $(LOCK) setup.py pyproject.toml scripts/make_venv
	@scripts/make_venv $(VENV) $(LOCK)

lock: $(READY) ## resolve setup.py anew into the locks
	$(VENV)/bin/uv pip compile setup.py --extra dev --extra photos --python-version 3.10 --no-annotate --no-header \
		--override constraints/overrides.txt --output-file $(LOCK) --upgrade
	@scripts/lock_image $(VENV) $(LOCK)
	echo 'kfp[kubernetes]==2.17.*' | $(VENV)/bin/uv pip compile - --python-version 3.10 --no-annotate --no-header \
		--output-file constraints/kfp-client.txt --upgrade

image: ## build the container image for Kubeflow; VARIANT=gpu, BASE=... (an image with Python 3.10)
	@scripts/make_image

clean: ## remove the environment and everything that runs have written
	rm -rf $(VENV) artifacts models
