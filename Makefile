# Each command first makes .venv where it is missing or older than the pins, and
# loses no time where it is not. To choose the Python that it is made with:
#
#     make PYTHON=python3.12 test

PYTHON =
RUN = .venv/bin/python

# Tests run in two processes: a file, or a lesson, in one of them.
IN_TWO = -n 2 --dist=loadfile

# `make address OWNER/NAME`: the second word is no target of its own.
ifeq ($(firstword $(MAKECMDGOALS)),address)
REPOSITORY ?= $(word 2,$(MAKECMDGOALS))
ifneq ($(word 2,$(MAKECMDGOALS)),)
.PHONY: $(word 2,$(MAKECMDGOALS))
$(word 2,$(MAKECMDGOALS)): ; @:
endif
endif

.DEFAULT_GOAL = help
.PHONY: help venv lab notebooks site test test-browser check coverage refresh bench results fuzz faults builders \
	picture pins address clean licences bom audit test-latest test-colab

help:       ## list these commands
	@awk -F ': *[a-z]* *## ' '/^[a-z-]+: .*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

lab: venv           ## open a copy of the lessons, work/, in JupyterLab; FRESH=1 makes a new copy
	@$(RUN) tools/lab.py $(if $(FRESH),--fresh)

notebooks: venv     ## run what has changed, and write pages to read; FRESH=1, LESSONS="01 04", JOBS=2
	@$(RUN) tools/notebooks.py build $(if $(FRESH),--fresh) $(if $(LESSONS),--lessons $(LESSONS)) \
		$(if $(JOBS),--jobs $(JOBS))

site: venv          ## write the pages of what is stored, and run nothing
	@$(RUN) tools/notebooks.py site

test: venv          ## check the code, the package, and every notebook against its stored outputs
	@$(RUN) -m ruff check --quiet
	@$(RUN) -m ruff format --check --quiet
	@$(RUN) -m pytest $(IN_TWO) --nbval tests notebooks

test-browser: site  ## look at every page of the site in a browser, and run lessons in JupyterLab
	@$(RUN) -m pytest -n 2 -rs tests/browser

check: venv         ## run the quick tests of the package alone, as between two edits
	@$(RUN) -m pytest $(IN_TWO) -m "not slow" --ignore=tests/repository --ignore=tests/benchmarks tests

coverage: venv      ## run the tests of the package, and list the lines that none of them reaches
	@$(RUN) -m pytest $(IN_TWO) --cov=gru_tf tests

refresh: venv       ## run every notebook and save it in place
	@$(RUN) tools/notebooks.py refresh

bench: venv         ## time the layer beside Keras and others, and write docs/speed.md, speed_peers.md
	@$(RUN) benchmarks/speed.py
	@$(RUN) benchmarks/speed_peers.py

results: venv       ## run again the stored comparisons that are older than their code
	@$(RUN) benchmarks/results.py --rerun

fuzz: venv          ## compare random calls of the layers with Keras' for MINUTES=30
	@$(RUN) tools/fuzz.py --minutes $(or $(MINUTES),30)

builders: venv      ## write docs/builders.md from the docstrings
	@$(RUN) tools/builders.py

picture: venv       ## train the small model of README.md's picture, and draw it
	@$(RUN) tools/picture.py

faults: venv        ## plant faults in a copy, one by one, and see that tests notice; ONLY="ngrams"
	@$(RUN) tools/faults.py $(if $(ONLY),--only $(ONLY))

pins: venv          ## move the pins to the newest releases, and test
	@$(RUN) tools/pins.py
	@$(MAKE) test

licences: venv      ## write docs/licences.md, from what each package says of itself
	@$(RUN) tools/supply.py licences

bom: venv           ## write build/bom.json, a bill of materials (CycloneDX)
	@$(RUN) tools/supply.py bom

audit: venv         ## look for known faults of requirements.lock, where their database can be reached
	@$(RUN) tools/supply.py audit

test-latest: venv   ## run the tests with the newest releases allowed; TESTS="tests/text tests/plots"
	@$(RUN) tools/supply.py latest $(TESTS)

test-colab: venv    ## lessons, tests, saved models under Colab's versions; LESSONS="01 04" ONLY=files TORCH=1
	@$(RUN) tools/colab.py $(if $(LESSONS),--lessons $(LESSONS)) $(if $(ONLY),--only $(ONLY)) \
		$(if $(TESTS),--tests $(TESTS)) $(if $(TORCH),--torch) $(if $(COLAB_PYTHON),--python $(COLAB_PYTHON))

address: venv       ## write the repository's address where it is needed: make address OWNER/NAME
	@$(RUN) tools/address.py $(REPOSITORY)

clean:              ## remove what these commands made, but for .venv, work/ and searches/
	@rm -rf build dist *.egg-info .coverage htmlcov .hypothesis .pytest_cache .ruff_cache .venv.lock
	@find . -path ./.venv -prune -o -name __pycache__ -prune -exec rm -rf {} +
	@find notebooks -name .ipynb_checkpoints -prune -exec rm -rf {} +

venv:               ## make .venv, or bring it up to date
	@sh tools/venv.sh "$(PYTHON)"
