"""Dockerfile and .dockerignore, read without an engine; test_steps.py runs what they say."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from dockerfile import Ignored, context, parse
from image_rules import problems

from router_extproc.evaluation.datasets import field_files

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "Dockerfile").read_text()
IGNORED = Ignored((ROOT / ".dockerignore").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


class TestDockerfile:
    def test_keeps_the_rules(self) -> None:
        """Every rule of tests/support/image_rules.py."""
        assert problems(TEXT, ROOT, IGNORED) == []

    @pytest.mark.parametrize(
        ("before", "after", "told"),
        [
            pytest.param("FROM ${BASE} AS build", "FROM python:3.12 AS build", "neither an ARG nor a stage", id="base"),
            pytest.param("BASE=python:3.12-slim-bookworm\n", "BASE=python:latest\n", "no tag or digest", id="latest"),
            pytest.param("BASE=python:3.12-slim-bookworm\n", "BASE=python\n", "no tag or digest", id="no tag"),
            pytest.param("USER 65532:65532", "USER 0:0", "USER is 0:0", id="root"),
            pytest.param("USER 65532:65532", "USER nobody", "USER is nobody", id="user by name"),
            pytest.param("USER 65532:65532", "", "USER is not set", id="no user"),
            pytest.param('ENTRYPOINT ["router-extproc"]', "ENTRYPOINT router-extproc", "not in exec form", id="shell form"),
            pytest.param("COPY envoy envoy", "ADD envoy envoy", ": ADD", id="add"),
            pytest.param("RUN pip wheel", "RUN apt-get install -y gcc && pip wheel", "--no-install-recommends", id="apt"),
            pytest.param('ARG VERSION=""', 'ARG PYPI_TOKEN\nARG VERSION=""', "PYPI_TOKEN looks like", id="secret argument"),
            pytest.param("ENV PATH", "ENV API_KEY=x PATH", "API_KEY looks like a secret", id="secret variable"),
            pytest.param("COPY envoy envoy", "COPY none envoy", "does not see none", id="missing"),
            pytest.param("COPY envoy envoy", "COPY tests envoy", "does not see tests", id="ignored"),
            pytest.param("--from=build", "--from=builder", "no stage builder before", id="stage"),
            pytest.param("licenses=", "licences=", "no label org.opencontainers.image.licenses", id="label"),
            pytest.param("USER 65532", "RUN true\nUSER 65532", "RUN in the image", id="layer"),
        ],
    )
    def test_what_breaks_a_rule_is_told(self, before: str, after: str, told: str) -> None:
        """With the line, where it has one."""
        assert before in TEXT
        found = problems(TEXT.replace(before, after), ROOT, IGNORED)

        assert any(told in problem for problem in found), found

    def test_a_base_by_digest_is_good(self) -> None:
        """As a release names it."""
        digest = "@sha256:" + "0" * 64

        assert problems(TEXT.replace("-bookworm\n", f"-bookworm{digest}\n"), ROOT, IGNORED) == []

    def test_starts_the_projects_command(self) -> None:
        """The entry point, its help, and an end by SIGTERM."""
        image = parse(TEXT).image

        assert image.command("ENTRYPOINT") == list(PROJECT["project"]["scripts"])
        assert image.command("CMD") == ["serve", "--help"]
        assert image.last("STOPSIGNAL") == "SIGTERM"

    def test_says_what_the_project_says(self) -> None:
        """Title, description and licence stand in pyproject.toml too."""
        pairs = {key: value for step in parse(TEXT).image.all("LABEL") for key, value in step.pairs.items()}
        said = {key.rpartition(".")[2]: value for key, value in pairs.items()}

        assert said["title"] == PROJECT["project"]["name"]
        assert said["description"] == PROJECT["project"]["description"]
        assert said["licenses"] == PROJECT["project"]["license"]

    def test_makefile_gives_its_arguments(self) -> None:
        """Each ARG that has no useful default."""
        makefile = (ROOT / "Makefile").read_text()

        assert all(f"--build-arg {name}=" in makefile for name in ("BASE", "VERSION", "REVISION", "SOURCE", "SOURCE_DATE_EPOCH"))


class TestDockerignore:
    @pytest.mark.parametrize(
        "path",
        [
            ".git/config",
            ".venv/bin/python",
            ".env",
            "out/run/model.onnx",
            "tests/conftest.py",
            "docs/design.md",
            "models/eval.json",
            "router_extproc/__pycache__/errors.cpython-312.pyc",
            "router_extproc/errors.pyc",
        ],
    )
    def test_keeps_out(self, path: str) -> None:
        """What no image needs."""
        assert IGNORED(path)

    def test_lets_in_what_the_wheel_is_made_of(self) -> None:
        """And the build copies it."""
        included = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
        wanted = {*included["packages"], *included["force-include"], "pyproject.toml", PROJECT["project"]["readme"]}
        copied = {name for step in parse(TEXT).stage("build").all("COPY") for name in step.operands[:-1]}

        assert wanted <= copied
        seen = set(context(ROOT, IGNORED, "router_extproc"))
        assert not any("__pycache__" in name for name in seen)
        assert {path.relative_to(ROOT).as_posix() for path in field_files()} <= seen
