from __future__ import annotations

import pytest

from router_extproc.pii.shapes import candidates, digits_in, may_have_candidates


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("1234567", True, id="as few digits as a number has"),
        pytest.param("123456", False, id="one less"),
        pytest.param("call 020 7946 0958", True, id="in groups"),
        pytest.param("+44 (0)20 7946 0958", True, id="an area's zero"),
        pytest.param("+1 (555) 123-4567 ext. 12", True, id="an extension"),
        pytest.param("(020)\u00a07946\u20110958", True, id="spaces and hyphens that do not break"),
        pytest.param("at 1 (+555) 123", True, id="a plus behind a digit"),
        pytest.param("0 20  - 79", False, id="too few, far apart"),
        pytest.param("12 eggs, 345 g flour, 1,200 ml milk", False, id="enough, but never together"),
        pytest.param("\u0661\u0662\u0663\u0664\u0665\u0666\u0667", False, id="digits of another script"),
        pytest.param("", False, id="none"),
    ],
)
def test_tells_where_there_may_be_candidates(text: str, *, expected: bool) -> None:
    """Where it says no, there is none."""
    assert may_have_candidates(text, digits_in(text)) is expected
    assert expected or not list(candidates(text))


@pytest.mark.parametrize("between", ["", " ", "-", ".", "/", ") ", " (0) ", "-(", "\u2013", " -"])
@pytest.mark.parametrize("first", ["020", "+44", "(0161", "00", "1 (555", "12"])
def test_never_passes_over_a_candidate(first: str, between: str) -> None:
    """However its groups are joined."""
    text = f"at {first}{between}794{between}6095 or later"

    assert may_have_candidates(text, digits_in(text)) or not list(candidates(text))


@pytest.mark.parametrize(("text", "count"), [("", 0), ("none", 0), ("4 of 20", 3), ("\u0664", 0)])
def test_counts_digits(text: str, count: int) -> None:
    """Those that numbers are written with here."""
    assert digits_in(text) == count
