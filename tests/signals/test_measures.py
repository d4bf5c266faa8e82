"""The extractors that need nothing but a function."""

import pytest

from router_extproc.request import Request
from router_extproc.routing import Signal, SignalKind, Unknown, UnknownReason
from router_extproc.signals.measures import MAX_LABEL, Flag, Label, Number, one

REQUEST = Request("openai_chat", "m", ())


class TestFlag:
    @pytest.mark.parametrize("there", [True, False])
    def test_it_is_there_or_not(self, *, there: bool) -> None:
        """Nothing in between."""
        assert Flag("f", lambda _: there).extract(REQUEST) == Signal("f", float(there))


class TestNumber:
    @pytest.mark.parametrize(("figure", "value"), [(0, 0.0), (3, 1.0), (-2, 1.0), (0.5, 1.0)])
    def test_the_measure_is_the_figure(self, figure: float, value: float) -> None:
        """The value only says whether it is zero."""
        assert Number("n", lambda _: figure, unit="u").extract(REQUEST) == Signal("n", value, measure=float(figure))

    def test_no_figure_is_unknown(self) -> None:
        """Not zero: a missing limit is no limit of nothing."""
        result = Number("n", lambda _: None, unit="u").extract(REQUEST)
        assert isinstance(result, Unknown)
        assert result.reason is UnknownReason.UNAVAILABLE

    def test_the_shape_tells_unit_and_bound(self) -> None:
        """The checks of the policy rest on them."""
        shape = Number("n", lambda _: 1, unit="u", low=None).shape
        assert (shape.kind, shape.unit, shape.minimum) == (SignalKind.NUMBER, "u", None)


class TestLabel:
    def test_every_label_is_certain(self) -> None:
        """Of several the first is the label."""
        assert Label("l", lambda _: ("a", "b")).extract(REQUEST) == Signal("l", 1.0, label="a", labels={"a": 1.0, "b": 1.0})

    def test_none_is_no_label(self) -> None:
        """It is known that there is none: not unknown."""
        assert Label("l", lambda _: ()).extract(REQUEST) == Signal("l", 0.0, label="", labels={})

    def test_known_labels_are_in_the_shape(self) -> None:
        """So that a policy with another one is refused."""
        assert Label("l", lambda _: (), frozenset({"a"})).shape.labels == frozenset({"a"})


class TestOne:
    @pytest.mark.parametrize(
        ("value", "labels"),
        [("", ()), ("a", ("a",)), ("a" * 10_000, ("a" * MAX_LABEL,))],
        ids=["empty", "short", "long"],
    )
    def test_a_value_is_at_most_one_label(self, value: str, labels: tuple[str, ...]) -> None:
        """Of bounded length, since it is kept with the decision."""
        assert one(value) == labels
