# What a maintainer runs, see CONTRIBUTING.md. `make` alone lists the targets.
PYTHON ?= python3
BIN := .venv/bin
ROOMS := $(subst /,.,$(patsubst %/__init__.py,%,$(wildcard toolkit/*/__init__.py)))
# Pages are not made for these: a parameter of a template is no code, and the engine needs pydensecrf.
NO_PAGES := !toolkit.plugin.templates !toolkit.postprocess.pydensecrf_engine
BENCHMARKS := augmentations class_factors ensemble losses memory object_mix submission views

.PHONY: help setup constraints test lint format types check bench docs

help:  ## show the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' Makefile | expand -t 21

setup:  ## make .venv with the versions of constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q -e '.[dev,weights,maintain]' -c constraints.txt

constraints:  ## write the versions of this .venv into constraints.txt
	sed -n '/^#/p' constraints.txt > constraints.new
	$(BIN)/pip freeze --exclude-editable --exclude trash-toolkit | sed -n 's/+[^ ]*//; /==/p' >> constraints.new
	mv constraints.new constraints.txt

test:  ## run the tests
	$(BIN)/pytest -n 4 --dist worksteal

lint:  ## find mistakes of style, change nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format:  ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types:  ## check the type hints
	$(BIN)/mypy

check: lint types test  ## lint, types and test

bench:  ## measure speed and memory, minutes each (BENCHMARKS="losses views": only these)
	@for name in $(BENCHMARKS); do echo "== $$name"; \
	    OMP_NUM_THREADS=1 $(BIN)/python tests/benchmarks/$$name.py || exit 1; done

docs:  ## make the API reference from the docstrings: build/api/index.html
	$(BIN)/pdoc --docformat google --no-show-source -o build/api toolkit $(ROOMS) $(foreach module,$(NO_PAGES),'$(module)')
