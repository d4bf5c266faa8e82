"""Automata: many patterns at once; one pass over a text tells which of them it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

if TYPE_CHECKING:
    from collections.abc import Iterable

_MEMORY = 64 * 1024 * 1024
"""Of one automaton, in bytes, at most: with RE2's own bound the larger ones do not compile."""


def searching(patterns: Iterable[str]) -> re2.Set:
    """Which of the patterns occur in a text."""
    return _compiled(re2.Set.SearchSet(_options()), patterns)


def matching(patterns: Iterable[str]) -> re2.Set:
    """Which of the patterns are all of a text."""
    return _compiled(re2.Set.FullMatchSet(_options()), patterns)


def longest(pattern: str) -> re2.Pattern[str]:
    """One that, of several words that begin alike, finds the longest."""
    options = _options()
    options.longest_match = True
    return re2.compile(pattern, options)


def _options() -> re2.Options:
    options = re2.Options()
    options.max_mem = _MEMORY
    return options


def _compiled(made: re2.Set, patterns: Iterable[str]) -> re2.Set:
    for pattern in patterns:
        made.Add(pattern)
    made.Compile()
    return made
