"""Registry of plugins."""

import pytest

from router_extproc.errors import UnknownPluginError
from router_extproc.plugin import Plugin, Registry


def _registry() -> Registry[str]:
    registry: Registry[str] = Registry("signal")
    registry.add(Plugin("keyword", dict, "built", "Words."))
    registry.add(Plugin("language", dict, "built too", "Languages."))
    return registry


class TestRegistry:
    def test_gives_the_plugin_of_a_name(self) -> None:
        """A registered type is found by its name."""
        assert _registry()["keyword"].build == "built"

    def test_an_unknown_name_lists_the_known_ones(self) -> None:
        """The error tells an operator what could have been meant."""
        with pytest.raises(UnknownPluginError, match=r"unknown signal 'keywrd', expected one of \['keyword', 'language'\]"):
            _registry()["keywrd"]

    def test_refuses_a_second_plugin_of_the_same_name(self) -> None:
        """Two plugins never share a name silently."""
        registry = _registry()

        with pytest.raises(ValueError, match="registered twice"):
            registry.add(Plugin("keyword", dict, "other", "Other."))

    def test_keeps_the_order_of_addition(self) -> None:
        """Lists in messages and docs read as the registry was written."""
        registry = _registry()

        assert [plugin.name for plugin in registry] == ["keyword", "language"]
        assert len(registry) == 2
        assert "keyword" in registry
        assert "other" not in registry
