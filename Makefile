# make run    serves the app          PORT=8501
# make test   lint, types, all tests without a browser, and in one that each page opens and its
#             plane answers   TESTS="tests/vae_core -x" for some of them
# make check  the same with all of the browser's tests, thrice as long: what CI runs
# Both make .venv and install into it when the requirements have changed. PYTHON=python3.12 picks another Python.

PYTHON ?= python3
PORT ?= 8501
TESTS ?= -m "not browser or smoke"

VENV := .venv
PY := $(VENV)/bin/python
# Each is touched last, so that what was interrupted is taken up again.
CREATED := $(VENV)/.created
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev

SUDO := $(shell test "$$(id -u)" = 0 || echo sudo -n)
APT_INSTALL := $(SUDO) apt-get update -q && \
	$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends

PRETRAINED := $(addprefix checkpoints/,mnist-2d mnist-16d fashion-2d digits-2d sprites-6d \
	fashion-16d mnist-2d-ae mnist-denoising mnist-2d-binarised frey-2d olivetti-16d dsprites-10d \
	mnist-50d mnist-50d-iwae mnist-pca-2d mnist-2d-gan mnist-m2 sprites-factors)

.PHONY: run test check suite lint style types format checkpoints beta numbers docs chromium proxies $(PRETRAINED)

run: $(INSTALLED)
	$(PY) -m streamlit run app.py --server.port $(PORT)

# The types take one core a minute: beside the tests, whose closing line comes last.
test: style chromium
	@$(MAKE) --no-print-directory -j 2 types suite

check:
	@$(MAKE) --no-print-directory test TESTS=tests

suite:
	$(PY) -m pytest -n 2 --dist worksteal $(TESTS)

lint: style types

style: $(INSTALLED_DEV)
	$(PY) -m ruff check
	$(PY) -m ruff format --check

types: $(INSTALLED_DEV)
	$(PY) -m mypy

format: $(INSTALLED_DEV)
	$(PY) -m ruff check --fix
	$(PY) -m ruff format

# Trains the pretrained models (hours): train, publish, then evaluate with what EVALUATE asks for.
EVALUATE = --importance-samples 64 --codes --label-curves 3
checkpoints/mnist-16d: EVALUATE += --few-labels 100
checkpoints/mnist-2d-binarised: EVALUATE += --exact 10000
checkpoints/mnist-50d checkpoints/mnist-50d-iwae: EVALUATE = --importance-samples 5000 --codes --label-curves 3
checkpoints/sprites-6d checkpoints/sprites-factors checkpoints/dsprites-10d: EVALUATE += --disentanglement
checkpoints: $(PRETRAINED)
$(PRETRAINED): checkpoints/%: $(INSTALLED)
	rm -rf runs/$*
	$(PY) -m vae_core train --preset $* --output runs/$* --publish $@
	$(PY) -m vae_core evaluate $@ $(EVALUATE) --write

# The models behind the slider of the page KL and β (a minute).
BETA_MODEL = --preset digits-2d --latent-dim 16 --hidden 96,64 --likelihood gaussian --sigma 0.1
beta: $(INSTALLED)
	rm -rf runs/beta-*
	for beta in 0.25 0.5 1 2 4 8 20; do \
		$(PY) -m vae_core train $(BETA_MODEL) --beta $$beta --output runs/beta-$$beta --publish lessons/beta/$$beta && \
		$(PY) -m vae_core evaluate lessons/beta/$$beta --write && \
		rm $(addprefix lessons/beta/$$beta/,README.md latents.safetensors preview.png) || exit 1; \
	done

# The checkpoints' figures beside published ones, in docs/numbers.md.
numbers: $(INSTALLED)
	$(PY) -m benchmarks.numbers

docs: $(INSTALLED_DEV) chromium
	$(PY) -m docs.pictures

$(INSTALLED): requirements.txt | $(CREATED)
	$(PY) -m pip install -r requirements.txt
	@touch $@

$(INSTALLED_DEV): requirements.txt requirements-dev.txt | $(CREATED)
	$(PY) -m pip install -r requirements-dev.txt
	@touch $(INSTALLED) $@

# Debian keeps what a virtual environment needs in a package of its own.
$(CREATED):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Zscape needs Python 3.11 or later; name one: make PYTHON=python3.12 $(MAKECMDGOALS)'; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { $(APT_INSTALL) python3-venv; } || \
		{ echo 'Python has no venv module here; install the package python3-venv, then try again.'; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

chromium:
	@command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null || \
		{ command -v apt-get >/dev/null && $(APT_INSTALL) chromium-headless-shell fonts-liberation; } || \
		echo 'Chromium is missing and cannot be installed from here; the browser tests will be skipped.'

# What the tests of docs/deploy need; they are skipped without. Debian starts both, on port 80.
proxies:
	@PATH="$$PATH:/usr/sbin"; command -v nginx >/dev/null && command -v caddy >/dev/null || \
		{ command -v apt-get >/dev/null && $(APT_INSTALL) nginx caddy; } || \
		echo 'nginx or caddy is missing and cannot be installed from here; its tests will be skipped.'
