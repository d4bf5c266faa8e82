"""Tally: figures kept in dictionaries come out as Prometheus wants them, and stay bounded."""

from __future__ import annotations

from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.observability.tally import Counts, Distribution, Distributions, counter, histogram, summed

BOUNDS = (0.1, 1.0, 10.0)


class TestDistribution:
    @pytest.mark.parametrize(
        ("value", "bucket"),
        [
            pytest.param(0.05, 0, id="below"),
            pytest.param(0.1, 0, id="on a bound, which is the bucket's own"),
            pytest.param(0.11, 1, id="above a bound"),
            pytest.param(11.0, 3, id="above all"),
        ],
    )
    def test_counts_in_one_bucket(self, value: float, bucket: int) -> None:
        """`le` means at most."""
        distribution = Distribution(BOUNDS)
        distribution.add(value)

        assert [index for index, count in enumerate(distribution.counts) if count] == [bucket]

    @given(st.lists(st.floats(min_value=0, max_value=100)))
    def test_buckets_add_up(self, values: list[float]) -> None:
        """Each bucket holds all values up to its bound, the last one all values."""
        distribution = Distribution(BOUNDS)
        for value in values:
            distribution.add(value)

        told = dict(distribution.buckets())
        assert told == {**{str(bound): sum(value <= bound for value in values) for bound in BOUNDS}, "+Inf": len(values)}
        assert distribution.total == pytest.approx(sum(values))


class TestDistributions:
    def test_are_made_when_needed(self) -> None:
        """One for each label value, with the same bounds."""
        found = Distributions(BOUNDS)
        found["a"].add(5)
        found["a"].add(5)
        found["b"].add(50)

        assert {name: one.counts for name, one in found.items()} == {"a": [0, 0, 2, 0], "b": [0, 0, 0, 1]}

    def test_are_bounded(self) -> None:
        """Values over the limit share one that is named `other`."""
        found = Distributions(BOUNDS, limit=2)
        for name in "abcd":
            found[name].add(1)

        assert {name: sum(one.counts) for name, one in found.items()} == {"a": 1, "b": 1, "other": 2}


class TestCounts:
    def test_add_up(self) -> None:
        """By key, by one or by more."""
        counts = Counts()
        counts.add(("a",))
        counts.add(("a",), 2.5)
        counts.add(("b",))

        assert counts == {("a",): 3.5, ("b",): 1}

    def test_are_bounded(self) -> None:
        """New keys over the limit are lost and told; old ones go on."""
        counts = Counts(limit=1)
        for key in ("a", "b", "c", "a"):
            counts.add((key,))

        assert (counts, counts.lost) == ({("a",): 2}, 2)

    def test_can_be_read_while_counting(self) -> None:
        """A key that appears during a walk does not break it."""
        counts = Counts()
        counts.add(("a",))
        for key in counts:
            counts.add((key, "more"))

        assert len(counts) == 2


class TestSummed:
    def test_by_some_parts(self) -> None:
        """Counts of one key's parts are the sums over the others."""
        counts = {("a", "x", "1"): 1.0, ("a", "y", "2"): 2.0, ("b", "x", "1"): 4.0}

        assert summed(counts, 0) == {("a",): 3, ("b",): 4}
        assert summed(counts, 1, 2) == {("x", "1"): 5, ("y", "2"): 2}


class TestFamilies:
    def test_counter(self) -> None:
        """One sample for each key, in order, named `_total`."""
        family = counter("c", "text", ("l",), {("b",): 2.0, ("a",): 1.0})

        assert [(sample.name, sample.labels, sample.value) for sample in family.samples] == [
            ("c_total", {"l": "a"}, 1.0),
            ("c_total", {"l": "b"}, 2.0),
        ]

    @pytest.mark.parametrize(("label", "labels"), [("l", {"l": "a"}), ("", {})])
    def test_histogram(self, label: str, labels: dict[str, str]) -> None:
        """Buckets, sum and count, with a label or none."""
        distribution = Distribution(BOUNDS)
        distribution.add(2.0)
        family = histogram("h", "text", label, {"a": distribution})

        told = {(sample.name, sample.labels.get("le")): sample.value for sample in family.samples}
        assert told[("h_sum", None)] == 2.0
        assert told[("h_count", None)] == 1
        assert told[("h_bucket", "+Inf")] == 1
        assert told[("h_bucket", str(BOUNDS[bisect_left(BOUNDS, 2.0) - 1]))] == 0
        assert all({key: value for key, value in sample.labels.items() if key != "le"} == labels for sample in family.samples)
