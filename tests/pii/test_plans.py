"""Numbering plans."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_extproc.pii.phones import REGIONS
from router_extproc.pii.plans import fitting

EXAMPLES = [
    phonenumbers.national_significant_number(number)
    for region in (*REGIONS, "CA", "JM", "GG", "SM", "CX")
    for kind in range(11)
    if (number := phonenumbers.example_number_for_type(region, kind))
]
PREFIXES = st.sampled_from(["", "0", "00", "1", "11", "44", "440", "00491", "011", "0011", "031", "90", "55", "91"])


def is_valid(digits: str, region: str) -> bool:
    """What the look-up says."""
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(digits, region))
    except phonenumbers.NumberParseException:
        return False


class TestFitting:
    @pytest.mark.parametrize(
        ("number", "regions"),
        [
            pytest.param("(415) 555-2671", {"US"}, id="America"),
            pytest.param("030 901820", {"DE"}, id="Germany"),
            pytest.param("06 12 34 56 78", {"FR"}, id="France"),
        ],
    )
    def test_asks_where_it_may_be_one(self, number: str, regions: set[str]) -> None:
        """In whatever way it is grouped."""
        found = list(fitting(number, REGIONS))

        assert regions <= set(found)
        assert found == sorted(found, key=REGIONS.index)

    def test_asks_few(self) -> None:
        """No plan has a number of twelve zeros; one that is rewritten may have anything."""
        assert set(fitting("000000000000", ("US", "FR", "DE"))) <= {"FR", "DE"}
        assert list(fitting("115-555-0187", ("US", "GB", "FR"))) == []

    def test_a_region_without_a_plan_has_none(self) -> None:
        """Nor does it stand in the others' way."""
        assert list(fitting("030 901820", ("XX", "DE"))) == ["DE"]

    @given(prefix=PREFIXES, example=st.sampled_from(EXAMPLES), last=st.integers(0, 99))
    def test_passes_over_no_number_like_real_ones(self, prefix: str, example: str, last: int) -> None:
        """Wherever the look-up says yes, it is asked."""
        digits = f"{prefix}{example[:-2]}{last:02}"
        found = set(fitting(digits, REGIONS))
        assert [region for region in REGIONS if region not in found and is_valid(digits, region)] == []

    @given(digits=st.text(alphabet="0123456789", min_size=7, max_size=15))
    def test_passes_over_no_number_at_all(self, digits: str) -> None:
        """Any digits."""
        found = set(fitting(digits, REGIONS))
        assert [region for region in REGIONS if region not in found and is_valid(digits, region)] == []
