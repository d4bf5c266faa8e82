"""The base of signals' options."""

import pytest
from pydantic import ValidationError

from router_extproc.signals.options import NoOptions, Reads
from router_extproc.signals.reask import ReaskOptions
from router_extproc.signals.structure import StructureOptions


class TestOptions:
    @pytest.mark.parametrize(
        "text",
        [
            pytest.param('{"lookBack": 1}', id="unknown key"),
            pytest.param('{"lookback": "1"}', id="number as text"),
            pytest.param('{"lookback": 1.0}', id="not a whole number"),
            pytest.param('{"lookback": true}', id="boolean"),
        ],
    )
    def test_nothing_is_coerced_or_ignored(self, text: str) -> None:
        """A typing error in a policy is an error, never a default."""
        with pytest.raises(ValidationError):
            ReaskOptions.model_validate_json(text)

    def test_keys_are_camel_case(self) -> None:
        """The schema shows the keys as they stand in the file."""
        assert set(StructureOptions.model_json_schema()["properties"]) == {"count", "per", "reads"}

    def test_options_never_change(self) -> None:
        """A policy in force cannot be altered under the requests that it serves."""
        options = ReaskOptions()
        with pytest.raises(ValidationError):
            options.lookback = 2

    def test_no_options_takes_none(self) -> None:
        """A signal without options says so."""
        with pytest.raises(ValidationError):
            NoOptions.model_validate_json('{"reads": "system"}')

    def test_a_reading_is_written_as_its_name(self) -> None:
        """The file's words are the values of the enumeration."""
        options = StructureOptions.model_validate_json('{"count": "words", "reads": "tool_results"}')
        assert options.reads is Reads.TOOL_RESULTS
