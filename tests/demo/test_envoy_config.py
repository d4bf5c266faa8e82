"""The shipped Envoy file, and what changes in it for other ports and modes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from router_extproc.config.loader import load
from router_extproc.demo import envoy_config
from router_extproc.demo.envoy_config import BODY_MODES, POOLS, EnvoyPlan, rendered, shipped
from router_extproc.policy.compiled import HeaderNames
from router_extproc.pools import PoolStats
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from router_extproc.policy.compiled import Policy

PORTS = {"small": 21004, "large": 21005, "code": 21006}


def config(**more: Any) -> dict[str, Any]:
    """The configuration of a plan on made-up ports."""
    loaded: dict[str, Any] = json.loads(rendered(EnvoyPlan(listener=21001, admin=21002, router=21003, pools=PORTS, **more)))
    return loaded


def found(value: Any, key: str) -> Iterator[Any]:
    """Every value of that key, however deep."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == key:
                yield inner
            yield from found(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from found(inner, key)


def manager(config: dict[str, Any], listener: int = 0) -> dict[str, Any]:
    """A listener's connection manager."""
    inner: dict[str, Any] = config["static_resources"]["listeners"][listener]["filter_chains"][0]["filters"][0]["typed_config"]
    return inner


def extproc(config: dict[str, Any]) -> dict[str, Any]:
    """The ext_proc filter, which stands first."""
    inner: dict[str, Any] = manager(config)["http_filters"][0]["typed_config"]
    return inner


def clusters(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Clusters by name."""
    return {cluster["name"]: cluster for cluster in config["static_resources"]["clusters"]}


def port(cluster: dict[str, Any]) -> int:
    """The port of a cluster's endpoint."""
    (number,) = found(cluster, "port_value")
    return int(number)


@pytest.fixture(scope="module")
def policy() -> Policy:
    """The policy that is shipped beside the Envoy file; its own tests pass."""
    return load(shipped("policy.yaml"), services=SignalServices(), stats=PoolStats()).router.policy


class TestShipped:
    def test_comes_from_the_repository_where_nothing_is_installed(self) -> None:
        """In a work tree the files are edited where they are read."""
        assert shipped("envoy.yaml").read_text().startswith("# Envoy in front of three model pools")

    def test_comes_from_the_package_where_it_is_installed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A wheel carries the files in its data directory."""
        (tmp_path / "data" / "envoy").mkdir(parents=True)
        (tmp_path / "data" / "envoy" / "envoy.yaml").write_text("installed")
        monkeypatch.setattr(envoy_config, "_PACKAGE", tmp_path)

        assert shipped("envoy.yaml").read_text() == "installed"


class TestPorts:
    def test_every_port_is_the_plans(self) -> None:
        """None of the shipped ports is left, so that two Envoys can run side by side."""
        told = config(direct=21007)

        assert sorted(found(told, "port_value")) == list(range(21001, 21008))
        assert told["admin"]["address"]["socket_address"]["port_value"] == 21002
        assert port(clusters(told)["router_extproc"]) == 21003
        assert {name: port(clusters(told)[f"pool-{name}"]) for name in POOLS} == PORTS

    def test_everything_is_on_loopback(self) -> None:
        """Nothing can be reached from outside: not a listener, not the admin."""
        assert {one["address"] for one in found(config(direct=21007), "socket_address")} == {"127.0.0.1"}

    def test_a_pool_without_a_port_is_nowhere(self) -> None:
        """Its cluster points at the discard port, where nobody listens."""
        told = json.loads(rendered(EnvoyPlan(listener=1, admin=2, router=3, pools={"small": 4})))

        assert port(clusters(told)["pool-large"]) == 9


class TestModes:
    @pytest.mark.parametrize(
        ("mode", "body", "trailers", "unasked"),
        [
            ("buffered", "BUFFERED", "SKIP", False),
            ("streamed", "STREAMED", "SEND", True),
            ("full_duplex", "FULL_DUPLEX_STREAMED", "SEND", False),
            ("none", "NONE", "SKIP", False),
        ],
    )
    def test_body_modes(self, mode: str, body: str, trailers: str, *, unasked: bool) -> None:
        """Each has what it needs beside its name: trailers, or chunks that do not wait for an answer."""
        told = extproc(config(body_mode=mode))

        assert told["processing_mode"]["request_header_mode"] == "SEND"
        assert told["processing_mode"]["request_body_mode"] == body
        assert told["processing_mode"]["request_trailer_mode"] == trailers
        assert told.get("send_body_without_waiting_for_header_response", False) is unasked

    def test_an_unknown_body_mode_is_an_error(self) -> None:
        """A typing error in a test must not test BUFFERED once more."""
        with pytest.raises(KeyError, match="fullduplex"):
            config(body_mode="fullduplex")

    @pytest.mark.parametrize("mode", BODY_MODES)
    def test_responses_are_sent_only_where_they_cannot_be_asked_for(self, mode: str) -> None:
        """Tokens go straight to the caller where the router can ask for responses; where it cannot, they are sent from the start."""
        processing = extproc(config(body_mode=mode))["processing_mode"]
        wanted = ("SEND", "STREAMED") if mode in {"streamed", "full_duplex"} else ("SKIP", "NONE")

        assert (processing["response_header_mode"], processing["response_body_mode"]) == wanted
        assert extproc(config(body_mode=mode))["allow_mode_override"] is True

    def test_fail_closed_has_no_way_around_the_router(self) -> None:
        """An LLM request without the router's header meets an error before it meets a cluster."""
        told = config()
        routed, refused, rest = manager(told)["route_config"]["virtual_hosts"][0]["routes"]

        assert extproc(told)["failure_mode_allow"] is False
        assert routed["route"]["cluster_header"] == "x-router-pool"
        assert refused["direct_response"]["status"] == 503
        assert json.loads(refused["direct_response"]["body"]["inline_string"])["error"]["code"] == "not_routed"
        assert rest["route"]["cluster"] == "pool-small"

    def test_fail_open_goes_to_the_default(self) -> None:
        """Without an answer from the router, the request goes to one pool."""
        told = config(fail_open=True)
        routes = manager(told)["route_config"]["virtual_hosts"][0]["routes"]

        assert extproc(told)["failure_mode_allow"] is True
        assert [next(iter(route["route"])) for route in routes] == ["cluster_header", "cluster"]

    def test_the_time_for_an_answer(self) -> None:
        """It is told as protobuf durations are."""
        assert extproc(config(message_timeout_s=0.25))["message_timeout"] == "0.25s"

    def test_the_health_check_can_be_left_out(self) -> None:
        """For tests in which a router that is down must be asked all the same."""
        assert "health_checks" in clusters(config())["router_extproc"]
        assert "health_checks" not in clusters(config(health_check=False))["router_extproc"]


class TestDirect:
    def test_has_no_router_and_lets_the_caller_choose(self) -> None:
        """The second listener is the same, but for ext_proc and what protects its header."""
        told = config(direct=21007)
        direct = manager(told, 1)

        assert [each["name"] for each in direct["http_filters"]] == ["envoy.filters.http.router"]
        assert "early_header_mutation_extensions" not in direct
        assert direct["route_config"] == manager(told)["route_config"]

    def test_leaves_the_first_listener_as_it_is(self) -> None:
        """The copy is a copy."""
        assert manager(config(direct=21007)) == manager(config())
        assert len(config()["static_resources"]["listeners"]) == 1


class TestAgreement:
    def test_callers_cannot_send_a_header_that_the_router_writes(self) -> None:
        """Every one of them is removed before a route can be cached."""
        (early,) = manager(config())["early_header_mutation_extensions"]
        removed = {mutation["remove"] for mutation in early["typed_config"]["mutations"]}

        assert removed == HeaderNames().all()

    def test_every_pool_of_the_policy_has_a_cluster(self, policy: Policy) -> None:
        """And the demo has a model server for each."""
        assert {pool.cluster for pool in policy.pools.values()} == {f"pool-{name}" for name in POOLS}
        assert {pool.cluster for pool in policy.pools.values()} < set(clusters(config()))

    def test_the_policys_largest_body_fits(self, policy: Policy) -> None:
        """The router says 413 in the API's own shape before Envoy's buffers overflow."""
        told = config()
        buffers = list(found(told, "per_connection_buffer_limit_bytes"))

        assert len(buffers) == 5
        assert min(buffers) > policy.settings.limits.max_request_bytes
        assert next(found(told, "initial_stream_window_size")) > policy.settings.limits.max_request_bytes

    def test_envoy_waits_longer_than_the_policys_deadline(self, policy: Policy) -> None:
        """What a late signal means is the policy's word, not Envoy's timeout."""
        seconds = float(extproc(config())["message_timeout"].removesuffix("s"))

        assert seconds * 1000 > policy.settings.limits.deadline_ms

    def test_the_readme_has_every_variant(self) -> None:
        """With the values that the tests run with."""
        rows = {row.split("|")[1].strip(): row for row in shipped("README.md").read_text().splitlines() if row.startswith("| ")}

        for mode in BODY_MODES:
            changed = extproc(config(body_mode=mode))["processing_mode"].items() - extproc(config())["processing_mode"].items()
            assert all(f"`{name}: {value}`" in rows[mode] for name, value in changed)
        assert "`failure_mode_allow: true`" in rows["fail-open"]
