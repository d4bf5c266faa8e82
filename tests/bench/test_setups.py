"""How Envoy is set up for benchmarks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from router_extproc.bench.setups import Setup, add_listener, add_upstream, quiet
from router_extproc.demo.envoy_config import EnvoyPlan, rendered


@pytest.fixture
def config() -> dict[str, Any]:
    """Envoy's configuration."""
    made: dict[str, Any] = json.loads(rendered(EnvoyPlan(1, 2, 3, {"small": 4}, direct=5)))
    return made


def port(thing: dict[str, Any]) -> int:
    """Where a listener listens."""
    return int(thing["address"]["socket_address"]["port_value"])


class TestAddListener:
    def test_leads_to_a_server_of_its_own(self, config: dict[str, Any]) -> None:
        """The first listener still leads to the first server."""
        add_listener(config, "other", port=77, server=88)

        listener = config["static_resources"]["listeners"][-1]
        manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
        cluster = config["static_resources"]["clusters"][-1]
        assert (listener["name"], port(listener)) == ("other", 77)
        assert manager["http_filters"][0]["typed_config"]["grpc_service"]["envoy_grpc"]["cluster_name"] == "other"
        assert cluster["name"] == "other"
        assert "health_checks" not in cluster
        assert '"port_value": 88' in json.dumps(cluster)

    def test_leaves_the_first_alone(self, config: dict[str, Any]) -> None:
        """Copies share nothing."""
        before = json.dumps(config["static_resources"]["listeners"][0])
        add_listener(config, "other", port=77, server=88)

        assert json.dumps(config["static_resources"]["listeners"][0]) == before


class TestAddUpstream:
    def test_answers_by_itself(self, config: dict[str, Any]) -> None:
        """No model server is measured."""
        add_upstream(config, 99)

        assert port(config["static_resources"]["listeners"][-1]) == 99
        assert "direct_response" in json.dumps(config["static_resources"]["listeners"][-1])


class TestQuiet:
    def test_takes_the_access_logs_away(self, config: dict[str, Any]) -> None:
        """They would be most of what is measured."""
        assert "access_log" in json.dumps(config)
        quiet(config)

        assert "access_log" not in json.dumps(config)


class TestSetup:
    @pytest.mark.parametrize(("name", "headers"), [("none", "x-router-pool: pool-small\r\n"), ("neural", "")])
    def test_says_which_headers_it_needs(self, name: str, headers: str) -> None:
        """Without ext_proc the caller chooses the pool."""
        assert Setup(name, 1, None).headers == headers
