"""Prompt cache: what a stand-in model server tells of its cache, as servers with prefix caching do."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import Any

_MOST = 1000
"""Conversations."""
_BLOCK = 16
"""Tokens that are cached together."""


class PromptCache:
    """Remembers how long each conversation's last prompt was. A conversation is known by its first two messages."""

    def __init__(self) -> None:
        self._lengths: OrderedDict[str, int] = OrderedDict()

    def read(self, body: dict[str, Any], prompt_tokens: int) -> int:
        """Tokens of this prompt that were there, in whole blocks; from now on all of it is."""
        messages = body.get("messages")
        key = json.dumps(messages[:2]) if isinstance(messages, list) else ""
        known = min(self._lengths.pop(key, 0), prompt_tokens)
        self._lengths[key] = prompt_tokens
        if len(self._lengths) > _MOST:
            self._lengths.popitem(last=False)
        return known // _BLOCK * _BLOCK
