# make book | test | lab | serve | lint | clean; each makes its own environment first.
PRESET ?= demo
CORES ?= 2
# An index of CPU-only PyTorch wheels; set, the accelerator lines of the lock are left out.
TORCH_INDEX ?=
VENV ?= .venv
PYTHON ?= $(firstword $(foreach p,python3 python3.12 python3.11,$(shell $(p) -c 'import sys; sys.version_info[:2] in ((3, 11), (3, 12)) and print("$(p)")' 2>/dev/null)))
BIN := $(VENV)/bin
READY := $(VENV)/.fgnb-ready

.PHONY: book test lab serve lint format clean environment
.DEFAULT_GOAL := book

book: $(READY)
	$(BIN)/fgnb book --preset $(PRESET) --cores $(CORES)

# Waiting threads sleep: two workers of two threads each share the cores.
test: $(READY)
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest -n $(CORES) --dist loadscope --no-loadscope-reorder $(TESTS)

lab: $(READY)
	$(BIN)/jupyter lab --notebook-dir=notebooks

serve: book
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/$(PRESET)/html 8000

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf _build .pytest_cache .mypy_cache .ruff_cache .snakemake

environment: $(READY)

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "fgnb needs Python 3.11 or 3.12; none was found. Install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if v in ((3, 11), (3, 12)) else f"fgnb needs Python 3.11 or 3.12; this is {v[0]}.{v[1]}. Name another: make PYTHON=/path/to/python3.12")'
	@echo "Installing the environment into $(VENV) (some minutes, over 5 GB with the accelerator builds)"
	$(PYTHON) -m venv $(VENV)
ifeq ($(TORCH_INDEX),)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements.lock
else
	grep -vE "^(nvidia-|cuda-|triton|torch==|torchvision==)" requirements.lock > $(VENV)/cpu.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r $(VENV)/cpu.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --index-url $(TORCH_INDEX) $$(grep -E "^(torch|torchvision)==" requirements.lock)
endif
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)
