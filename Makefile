# Everything a person or a build machine does with this checkout; `make` alone lists it.
# Needed beforehand: Python 3.11 or newer, make, and a POSIX shell.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# The interpreter that .venv is made from; empty means: look for one. Example: make setup PYTHON=/opt/python3.12/bin/python3
PYTHON ?=
# The port of `make run`; empty means the program's default.
PORT ?=
# How many processes the tests run in, and what else pytest is told. Example: make test TESTS="tests/eventstore -k chain"
# Two more than a small machine has cores: tests wait for a database, for other processes and for time to pass.
JOBS ?= 4
TESTS ?=
# What the benchmarks are told. Example: make bench BENCH="--only posting"
BENCH ?=
# What the capacity model is told. Example: make bench-capacity CAPACITY="--assume page_share=0.5 --assume feed_share=0.49"
CAPACITY ?= --measure
# Which targets are fuzzed under the guidance of coverage, and how often. Example: make fuzz FUZZ="feed --runs 100000"
FUZZ ?=
# For how long `make faults` breaks things, from which seed, and what else it is told. Before it, the tests of what
# breaks are done at length, unless only a part is asked for. Example: make faults SEED=7 FAULTS="--round 3"
FAULTS_MINUTES ?= 10
SEED ?=
FAULTS ?=
# What `make edges` is told. Example: make edges EDGES="--rate 100 --keep kept-edges"
EDGES ?=

# What glibc is told so that a process gives back what it has freed: one that has held large bodies and whole contests
# for a moment would otherwise keep their memory for all tests that follow. And Python keeps what it has compiled, even
# where it is told not to: each process of the tests, and each that they start, would compile everything again.
SPARING := MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=262144 PYTHONDONTWRITEBYTECODE=

ROOMS := schemas eventstore projections cds
# Only rooms that exist are checked, so that an error names what is wrong and not what is missing.
CHECKED = $(wildcard $(ROOMS) tests)
VENV_PYTHON := .venv/bin/python
LOCKS := requirements.lock requirements-build.lock requirements-development.lock requirements-peer.lock requirements-fuzz.lock requirements-audit.lock
# The hashes must be those of the public registry's files: what else this machine's pip would look at stays out.
COMPILE = PIP_CONFIG_FILE=/dev/null PIP_FIND_LINKS= PIP_EXTRA_INDEX_URL= CUSTOM_COMPILE_COMMAND="make lock" $(VENV_PYTHON) -m piptools compile --quiet --generate-hashes --strip-extras \
	--allow-unsafe --no-emit-index-url --no-emit-find-links --no-emit-trusted-host $(LOCK_OPTIONS)
# What pip-compile is told besides. Example: make lock LOCK_OPTIONS=--upgrade
LOCK_OPTIONS ?=

# What an installed .venv was made from. Where it differs from the one written in .venv, setup runs again.
FINGERPRINT = $$(cat requirements-development.lock pyproject.toml | cksum) $$(pwd -P)

.PHONY: help setup run test chain laws fuzz leaks lint audit check bench bench-growth bench-capacity faults edges peer screenshot lock clean

help: ## list what there is to do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: ## make .venv with everything of the lock file and the command .venv/bin/cds (fast when nothing changed)
	@set -eu; \
	unset PYTHONHOME PYTHONPATH PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV || true; \
	fingerprint="$(FINGERPRINT)"; \
	if [ -x $(VENV_PYTHON) ] && [ -x .venv/bin/cds ] && $(VENV_PYTHON) -c '' 2>/dev/null \
		&& [ "$$(cat .venv/fingerprint 2>/dev/null)" = "$$fingerprint" ]; then exit 0; fi; \
	usable='import sys; sys.exit(sys.version_info < (3, 11))'; \
	made_here="$$(cut -d ' ' -f 3- .venv/fingerprint 2>/dev/null || true)"; \
	if [ "$$made_here" != "$$(pwd -P)" ] || ! $(VENV_PYTHON) -c "$$usable" 2>/dev/null; then \
		chosen=''; without_venv=''; \
		for candidate in "$(PYTHON)" python3.11 python3 python3.12 python3.13 python3.14; do \
			[ -n "$$candidate" ] && "$$candidate" -c "$$usable" 2>/dev/null || continue; \
			if "$$candidate" -c 'import ensurepip, venv' 2>/dev/null; then chosen="$$candidate"; break; fi; \
			without_venv="$$candidate"; \
		done; \
		if [ -z "$$chosen" ] && [ -n "$$without_venv" ]; then \
			echo "make setup: $$without_venv lacks the modules venv and ensurepip; install them (on Debian and Ubuntu: the package python3-venv)." >&2; exit 1; fi; \
		if [ -z "$$chosen" ]; then \
			echo "make setup: no Python 3.11 or newer found as python3.11 or python3; name one with make setup PYTHON=/path/to/python3." >&2; exit 1; fi; \
		echo "Making .venv with $$("$$chosen" --version)"; \
		"$$chosen" -m venv --clear .venv; \
	fi; \
	rm -f .venv/fingerprint; \
	echo "Installing the packages of requirements-development.lock"; \
	$(VENV_PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-development.lock; \
	$(VENV_PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .; \
	$(VENV_PYTHON) -m compileall -q $(ROOMS); \
	echo "$$fingerprint" > .venv/fingerprint; \
	echo "Ready: .venv/bin/cds"

run: setup ## start a server with the demo contest, playing live (PORT=8080)
	@.venv/bin/cds demo $(if $(PORT),--port $(PORT))

test: setup ## run every test (JOBS=4 TESTS="tests/eventstore -k chain")
	@$(SPARING) $(VENV_PYTHON) -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(TESTS)

chain: setup ## follow, archive and export every recorded contest, with every fault, version and several seeds (minutes)
	@$(SPARING) CHAIN=long HYPOTHESIS_PROFILE=thorough $(VENV_PYTHON) -m pytest -n $(JOBS) --dist load tests/upstream_server tests/acceptance/test_follow_chain.py tests/acceptance/test_follow_chain_killed.py tests/acceptance/test_follow_chain_law.py tests/acceptance/test_xcpcio.py tests/acceptance/test_export_and_import.py

laws: setup ## try the laws on twenty to forty times as many random contests as the tests do (an hour)
	@$(SPARING) HYPOTHESIS_PROFILE=thorough $(VENV_PYTHON) -m pytest -n $(JOBS) --dist load tests/projections tests/cds/commands tests/cds/playback tests/cds/matches/test_match_machine.py tests/cds/backups/test_backup_law.py tests/cds/verifying/test_law_tampering.py tests/cds/past tests/cds/upstream/test_following_law.py tests/cds/contest_api/test_law_embargo_over_http.py

fuzz: setup ## give every parser and every endpoint anything at all, guided by coverage where atheris can be had (half an hour; FUZZ="feed package --runs 100000")
	@$(SPARING) HYPOTHESIS_PROFILE=thorough FUZZED_REQUESTS=40 $(VENV_PYTHON) -m pytest -n $(JOBS) --dist load tests/fuzz tests/cds/contest_api/test_schemathesis.py tests/cds/contest_api/test_attacks_at_random.py
	@$(SPARING) $(VENV_PYTHON) -m tests.fuzz.coverage_guided $(FUZZ)

leaks: setup ## ask everything as every role of three recorded contests that differ in what is hidden (half an hour)
	@$(SPARING) HYPOTHESIS_PROFILE=thorough $(VENV_PYTHON) -m pytest -n $(JOBS) --dist loadgroup tests/leaks tests/projections/test_law_embargo.py tests/projections/test_law_embargo_with_writes.py tests/cds/contest_api/test_law_embargo_over_http.py

audit: setup ## look for known vulnerabilities in what is locked, and for packages without hashes
	@$(VENV_PYTHON) -m tests.audit

lint: setup ## check style, format and types
	@$(VENV_PYTHON) -m ruff check $(CHECKED)
	@$(VENV_PYTHON) -m ruff format --check $(CHECKED)
	@$(VENV_PYTHON) -m mypy $(CHECKED)

check: lint test ## lint and test

bench: setup ## measure, side by side with bare handlers (BENCH="--only posting")
	@$(VENV_PYTHON) -m tests.benchmarks $(BENCH)

bench-growth: setup ## measure at 10,000 to 1,000,000 events and draw docs/growth.png
	@$(VENV_PYTHON) -m tests.benchmarks.growth

bench-capacity: setup ## measure what viewers cost, reckon for 10,000 to 10 million of them, draw docs/capacity.png (CAPACITY="--viewers 50000")
	@$(VENV_PYTHON) -m tests.benchmarks.capacity $(CAPACITY)

faults: setup ## break everything again and again while many write and read, and look for what is lost (FAULTS_MINUTES=10 SEED=7)
	@$(if $(filter --round --final-only --tampering-only --of,$(FAULTS)),true,$(SPARING) BREAKING=long $(VENV_PYTHON) -m pytest -n $(JOBS) --dist loadfile tests/faults tests/acceptance/test_failover.py tests/acceptance/test_backup_and_restore.py)
	@$(SPARING) $(VENV_PYTHON) -m tests.faults --minutes $(FAULTS_MINUTES) $(if $(SEED),--seed $(SEED)) $(FAULTS)

edges: setup ## kill nodes of NATS and the publisher while many write, and look for what edges lack (EDGES="--rate 100")
	@$(SPARING) $(VENV_PYTHON) -m tests.edges $(EDGES)

peer: setup ## make .venv-peer with the package xcpcio, for the tests and the benchmark beside it
	@$(VENV_PYTHON) -c 'from tests.benchmarks.peer import peer_environment; print(f"Ready: {peer_environment()}")'

screenshot: setup ## take the picture of the scoreboard for the README (needs chromium)
	@$(VENV_PYTHON) -m tests.acceptance.take_screenshot

lock: setup ## work out the exact versions and hashes again (LOCK_OPTIONS=--upgrade for newer ones)
	@$(COMPILE) --output-file requirements.lock pyproject.toml
	@$(COMPILE) --only-build-deps --build-deps-for wheel --output-file requirements-build.lock pyproject.toml
	@$(COMPILE) --extra build --extra development --constraint requirements.lock \
		--output-file requirements-development.lock pyproject.toml
	@$(COMPILE) --output-file requirements-peer.lock tests/benchmarks/requirements-peer.in
	@$(COMPILE) --output-file requirements-fuzz.lock tests/fuzz/requirements-fuzz.in
	@$(COMPILE) --output-file requirements-audit.lock tests/audit/requirements-audit.in
	@! grep -nE '(https?|file)://' $(LOCKS) || { echo "make lock: a lock file names the address of a registry" >&2; exit 1; }

clean: ## remove .venv and what the tools left behind (data directories stay)
	@rm -rf .venv .venv-peer .venv-fuzz .venv-audit .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist ./*.egg-info
	@find $(CHECKED) -type d -name __pycache__ -prune -exec rm -rf {} +
