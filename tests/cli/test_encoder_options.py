"""What `serve`, `check`, `explain` and `route` can be told of the model: each option does something."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from router_extproc.encoders.cpus import available_cpus
from router_extproc.service import Service, ServiceOptions, bounds

if TYPE_CHECKING:
    from collections.abc import Callable

    from router_extproc.cli.serve import ServeOptions

    Cli = Callable[..., Any]

POLICY = """\
version: 1
pools: {small: {cluster: s}, large: {cluster: l}}
default: small
decisions:
  - {name: hard, when: difficulty, route: large}
tests:
  - {name: t, request: {body: {model: auto, messages: [{role: user, content: prove it}]}}, expect: {decision: hard}}
"""
BODY = {"model": "auto", "messages": [{"role": "user", "content": "prove it"}]}


@pytest.fixture
def neural(tmp_path: Path) -> Path:
    """A policy that needs a model."""
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY)
    return file


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch, cli: Cli) -> Callable[..., ServeOptions]:
    """What `serve` makes of its command line."""

    def parse(*arguments: object) -> ServeOptions:
        told: list[ServeOptions] = []
        monkeypatch.setattr("router_extproc.cli.serve.run", lambda options: told.append(options) or 0)
        assert cli("serve", "--policy", "p.yaml", *arguments).exit_code == 0
        return told[0]

    return parse


class TestServe:
    @pytest.mark.parametrize(
        ("option", "value", "name", "bound"),
        [
            pytest.param("--encoder-threads", 3, "threads", "encoder_threads", id="threads"),
            pytest.param("--encoder-queue", 7, "max_queue", "encoder_queue", id="queue"),
            pytest.param("--encoder-batch", 1, "max_batch", "encoder_batch", id="batch"),
            pytest.param("--encoder-wait-ms", 2.5, "wait_ms", "", id="wait"),
        ],
    )
    def test_batching_is_as_told(
        self, given: Callable[..., ServeOptions], option: str, value: float, name: str, bound: str
    ) -> None:
        """By the options of the encoder's queue and threads."""
        encoder = given(option, value).encoder()

        assert getattr(encoder.batch, name) == value
        assert not bound or bounds(encoder)[bound] == value

    def test_the_cache_is_as_told(self, given: Callable[..., ServeOptions]) -> None:
        """Its size in readings."""
        assert given("--encoder-cache", 5).encoder().cache == 5

    def test_without_options_it_is_as_the_program_has_it(self, given: Callable[..., ServeOptions]) -> None:
        """One set of defaults: those of the help text are those of the service."""
        options = given()

        assert options.encoder() == ServiceOptions(Path("p.yaml")).encoder()
        assert options.encoder().batch.threads == available_cpus()
        assert options.models is None

    @pytest.mark.parametrize(
        ("threads", "workers", "each"),
        [
            pytest.param(8, 2, 4, id="divided"),
            pytest.param(3, 2, 1, id="rounded down"),
            pytest.param(2, 4, 1, id="one at least"),
            pytest.param(0, 1, available_cpus(), id="one for each CPU"),
        ],
    )
    def test_workers_share_the_threads(self, given: Callable[..., ServeOptions], threads: int, workers: int, each: int) -> None:
        """More threads than CPUs would only hinder each other."""
        options = given("--encoder-threads", threads, "--workers", workers, "--admin", "")

        assert [options.for_worker(index).encoder().batch.threads for index in range(workers)] == [each] * workers

    @pytest.mark.parametrize(
        ("option", "value"),
        [
            ("--encoder-threads", -1),
            ("--encoder-queue", 0),
            ("--encoder-batch", 0),
            ("--encoder-wait-ms", -1),
            ("--encoder-cache", -1),
        ],
    )
    def test_values_out_of_bounds_are_refused(self, cli: Cli, option: str, value: int) -> None:
        """As wrong usage."""
        assert cli("serve", "--policy", "p.yaml", option, value).exit_code == 2

    def test_the_bundle_is_the_named_one(self, neural: Path, tiny_bundle: Path) -> None:
        """The service reads with it, by these options."""
        options = ServiceOptions(neural, admin="", decision_log="off", models=tiny_bundle, encoder_threads=1, encoder_cache=9)
        service = Service(options)

        encoder = service._services.models.encoder()
        assert encoder.bundle.folder == tiny_bundle
        assert encoder.cache.size == 9
        assert 'router_extproc_limit{limit="encoder_cache"} 9.0' in service.metrics.text().decode()


class TestOffline:
    def test_check_runs_a_policys_tests_with_the_model(self, cli: Cli, neural: Path, tiny_bundle: Path) -> None:
        """The tiny model knows the word."""
        result = cli("check", neural, "--models", tiny_bundle)

        assert result.exit_code == 0
        assert "1 tests passed" in result.stdout

    def test_check_tells_of_a_bundle_that_is_not_there(self, cli: Cli, neural: Path, tmp_path: Path) -> None:
        """As an error of the policy that needs it."""
        result = cli("check", neural, "--models", tmp_path / "none")

        assert result.exit_code == 1
        assert f"{neural}:5:24: error: {tmp_path / 'none'}" in result.stderr

    def test_explain(self, cli: Cli, neural: Path, tiny_bundle: Path, tmp_path: Path) -> None:
        """With the signal's value."""
        body = tmp_path / "body.json"
        body.write_text(json.dumps(BODY))
        result = cli("explain", neural, "--request", body, "--models", tiny_bundle, "--json")

        assert json.loads(result.stdout)["signals"]["difficulty"]["value"] > 0.5

    def test_route(self, cli: Cli, neural: Path, tiny_bundle: Path) -> None:
        """One line in, one line out."""
        line = json.dumps({"id": 1, "body": BODY}).encode() + b"\n"
        result = cli("route", neural, "--input", "-", "--models", tiny_bundle, stdin=line)

        assert json.loads(result.stdout.splitlines()[0])["decision"] == "hard"
