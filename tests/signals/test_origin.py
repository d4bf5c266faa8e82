"""Who asks and by what way."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from router_extproc.apis.registry import APIS
from router_extproc.request import Caller, Envelope, Request
from router_extproc.routing import Cost, Extractor, Signal

Build = Callable[..., Extractor]
Ask = Callable[..., Request]


def labels(extractor: Extractor, request: Request) -> Mapping[str, float] | None:
    """The labels of the signal."""
    result = extractor.extract(request)
    assert isinstance(result, Signal)
    assert result.label == next(iter(result.labels or {}), "")
    return result.labels


class TestHeader:
    def test_the_value_is_the_label(self, build: Build, ask: Ask) -> None:
        """As it came."""
        request = ask("a", envelope=Envelope(headers={"x-tier": "Gold, silver", "x-other": "b"}))
        assert labels(build("header", header="x-tier"), request) == {"Gold, silver": 1.0}

    @pytest.mark.parametrize("headers", [{}, {"x-tier": ""}], ids=["missing", "empty"])
    def test_no_value_is_no_label(self, build: Build, ask: Ask, headers: dict[str, str]) -> None:
        """An empty header says nothing."""
        assert labels(build("header", header="x-tier"), ask("a", envelope=Envelope(headers=headers))) == {}

    @pytest.mark.parametrize(
        "options",
        [{}, {"header": ""}, {"header": "X-Tier"}, {"header": "x tier"}, {"header": ":path"}, {"header": "a" * 129}],
    )
    def test_names_that_no_header_has_are_refused(self, build: Build, options: dict[str, Any]) -> None:
        """Headers are kept in lower case, so that another spelling would never be found."""
        with pytest.raises(ValidationError):
            build("header", **options)


class TestMetadata:
    def test_the_entry_is_the_label(self, build: Build, ask: Ask) -> None:
        """The key may be any text."""
        request = ask("a", metadata={"Cost centre": "42", "b": "c"})
        assert labels(build("metadata", key="Cost centre"), request) == {"42": 1.0}
        assert labels(build("metadata", key="cost centre"), request) == {}

    @pytest.mark.parametrize("options", [{}, {"key": ""}, {"key": "a" * 129}, {"key": 1}])
    def test_wrong_keys_are_refused(self, build: Build, options: dict[str, Any]) -> None:
        """When the policy is loaded."""
        with pytest.raises(ValidationError):
            build("metadata", **options)


class TestCaller:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            pytest.param("user", {"ada": 1.0}, id="user"),
            pytest.param("group", {"staff": 1.0, "interns": 1.0}, id="group"),
            pytest.param("tenant", {"acme": 1.0}, id="tenant"),
            pytest.param("end_user", {"guest": 1.0}, id="end user"),
        ],
    )
    def test_each_has_its_source(self, build: Build, ask: Ask, name: str, expected: dict[str, float]) -> None:
        """What the body says of the end user is never mistaken for the caller."""
        request = ask("a", envelope=Envelope(caller=Caller("ada", ("staff", "interns"), "acme")), end_user="guest")
        assert labels(build(name), request) == expected

    @pytest.mark.parametrize("name", ["user", "group", "tenant", "end_user"])
    def test_nobody_has_no_label(self, build: Build, ask: Ask, name: str) -> None:
        """No rule about some caller holds."""
        assert labels(build(name), ask("a", metadata={"user": "ada"})) == {}

    def test_a_header_alone_gives_no_identity(self, build: Build, ask: Ask) -> None:
        """Only what the policy's identity read from it counts."""
        assert labels(build("user"), ask("a", envelope=Envelope(headers={"user": "ada"}))) == {}


class TestApi:
    def test_the_api_is_the_label(self, build: Build, ask: Ask) -> None:
        """One of the known ones."""
        extractor = build("api")
        assert labels(extractor, ask("a", api="anthropic_messages")) == {"anthropic_messages": 1.0}
        assert extractor.cost is Cost.FIELD

    def test_the_known_ones_are_all(self, build: Build) -> None:
        """A new API must be named here, or no policy could ask for it."""
        assert build("api").shape.labels == frozenset(api.name for api in APIS)
