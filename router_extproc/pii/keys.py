"""Keys of services that mark theirs with a prefix, and private keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from router_extproc.encoders.scores import Span
from router_extproc.pii.context import joins
from router_extproc.pii.entropy import MIN_BITS, bits, is_placeholder, is_random
from router_extproc.pii.kinds import CERTAIN, PiiType

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORD = r"[A-Za-z0-9_\-]"
_SHAPES = (
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}",  # AWS
    r"gh[opsur]_[A-Za-z0-9]{30,}",  # GitHub
    r"github_pat_[A-Za-z0-9_]{40,}",
    rf"sk-{_WORD}{{20,}}",  # OpenAI, Anthropic, OpenRouter and others who speak their protocol
    r"xox[a-z]-[A-Za-z0-9\-]{20,}",  # Slack
    r"xapp-[A-Za-z0-9\-]{20,}",
    r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}",  # Stripe
    r"whsec_[A-Za-z0-9+/=]{20,}",
    rf"AIza{_WORD}{{30,}}",  # Google
    rf"GOCSPX-{_WORD}{{20,}}",
    r"ya29\.[A-Za-z0-9_\-.]{20,}",
    rf"gl(?:pat|dt|rt|cbt|ptt|oas|agent)-{_WORD}{{18,}}",  # GitLab
    r"hf_[A-Za-z0-9]{24,}",  # Hugging Face
    r"npm_[A-Za-z0-9]{30,}",
    rf"pypi-{_WORD}{{50,}}",
    r"dop_v1_[a-f0-9]{40,}",  # DigitalOcean
    r"shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{30,}",  # Shopify
    r"SG\.[A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,}",  # SendGrid
    r"(?:gsk|xai|pplx|nvapi|tvly|r8|fw|csk)[_\-][A-Za-z0-9_\-]{24,}",  # other models' and search services
    r"dckr_pat_[A-Za-z0-9_\-]{20,}",
    r"hvs\.[A-Za-z0-9_\-]{20,}",  # Vault
    r"lin_api_[A-Za-z0-9]{30,}",
    r"gl(?:sa|c)_[A-Za-z0-9_+/=]{30,}",  # Grafana
    r"eyJ[A-Za-z0-9_\-]{8,}\.eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}",  # JSON web token
)
_KEY = re2.compile("|".join(_SHAPES))
HINT = (
    r"A(?:KIA|SIA|BIA|CCA|Iza)|gh[opsur]_|github_pat_|sk[-_]|xox|xapp-|[rp]k_(?:live|test)|whsec_|GOCSPX|ya29|gl[a-z]{1,5}[-_]|hf_|npm_|pypi-|"
    r"dop_v1|shp(?:at|ca|pa|ss)_|SG\.|(?:gsk|xai|pplx|nvapi|tvly|r8|fw|csk)[_\-]|dckr_|hvs\.|lin_api|eyJ|\d:AA|PRIVATE KEY"
)
"""Beginnings of all of them; a text without any has no key."""
_TELEGRAM = re2.compile(r"\b\d{8,10}:AA[A-Za-z0-9_\-]{33}")
_BLOCK = re2.compile(
    r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----[A-Za-z0-9+/=\s\\:,.\-]*?(?:-----END [A-Z0-9 ]{0,40}-----)"
)
_OPEN_BLOCK = re2.compile(r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----[A-Za-z0-9+/=\s\\]{40,}")


def find(text: str) -> Iterator[Span]:
    """Keys that could be real: no example, no placeholder, no word with a prefix by chance."""
    for pattern in (_KEY, _TELEGRAM):
        for match in pattern.finditer(text):
            start, end = match.span()
            if not joins(text[max(0, start - 1) : start]) and not joins(text[end : end + 1]) and _is_real(match.group()):
                yield Span(start, end, PiiType.API_KEY, CERTAIN)
    for pattern in (_BLOCK, _OPEN_BLOCK):
        for match in pattern.finditer(text):
            yield Span(match.start(), match.start() + len(match.group().rstrip()), PiiType.API_KEY, CERTAIN)


def _is_real(key: str) -> bool:
    """Whether it is drawn by lot. AWS writes capitals only, with few digits."""
    return not is_placeholder(key) and (is_random(key[4:]) or (key.isupper() and bits(key[4:]) >= MIN_BITS))
