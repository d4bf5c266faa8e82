"""Keys of services that mark theirs with a prefix or have an address of their own for them, and private keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from router_extproc.encoders.scores import Span
from router_extproc.pii import logins
from router_extproc.pii.context import joins
from router_extproc.pii.entropy import MIN_BITS, bits, is_placeholder, is_random
from router_extproc.pii.kinds import CERTAIN, PiiType

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORD = r"[A-Za-z0-9_\-]"
_DIGITS = r"[MNO][DTjz][AEIMQUYcgk][w-z0-5]"
"""Three digits in base64."""
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
    r"(?:gsk|xai|pplx|nvapi|tvly|r8|fw|csk)[_\-][A-Za-z0-9_\-]{24,}",  # other models' and search services
    r"dckr_pat_[A-Za-z0-9_\-]{20,}",
    r"hvs\.[A-Za-z0-9_\-]{20,}",  # Vault
    r"lin_api_[A-Za-z0-9]{30,}",
    r"gl(?:sa|c)_[A-Za-z0-9_+/=]{30,}",  # Grafana
    r"SK[0-9a-f]{32}",  # Twilio
    r"dapi[0-9a-f]{32}(?:-\d)?",  # Databricks
    r"AT(?:ATT|CTT)3[A-Za-z0-9_\-=]{50,}",  # Atlassian
    rf"sq0(?:atp|csp)-{_WORD}{{22,}}",  # Square
    r"ntn_[A-Za-z0-9]{40,}",  # Notion
    r"secret_[A-Za-z0-9]{43}",
    rf"figd_{_WORD}{{36,}}",  # Figma
    r"NRAK-[A-Z0-9]{27}",  # New Relic
    r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}",  # Postman
    r"pat-[a-z]{2}\d-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",  # HubSpot
    r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}",  # Airtable
    r"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_\-]{2,35}\.)?[A-Za-z0-9]{40,44}",  # Doppler
    r"rubygems_[0-9a-f]{48}",
    rf"pscale_(?:tkn|pw|oauth)_{_WORD}{{32,}}",  # PlanetScale
    r"sbp_(?:v\d_)?[0-9a-f]{40}",  # Supabase
    rf"sb_secret_{_WORD}{{20,}}",
    r"sntry[su]_[A-Za-z0-9+/=_\-]{40,}",  # Sentry
    rf"HRKU-{_WORD}{{36,}}",  # Heroku
    rf"sl\.(?:u\.)?{_WORD}{{130,}}",  # Dropbox
    r"AGE-SECRET-KEY-1[A-Z0-9]{58}",  # age
    # Discord's bots: the first part is a number of 17 to 19 digits in base64.
    rf"(?:{_DIGITS}){{5}}(?:[MNO][DTjz][AEIMQUYcgk]|{_DIGITS}|{_DIGITS}[MNO][AQgw])\.{_WORD}{{6,7}}\.{_WORD}{{27,40}}",
)
_KEY = re2.compile("|".join(_SHAPES))
# Apart: a token that may begin at the first of a megabyte of letters is believed until they end without a dot. In one automaton with the
# shapes above, each key among them would have the rest read again.
_DOTTED = re2.compile(
    rf"SG\.{_WORD}{{16,}}\.{_WORD}{{16,}}"  # SendGrid
    rf"|sk\.eyJ{_WORD}{{20,}}\.{_WORD}{{20,}}"  # Mapbox
    rf"|eyJ{_WORD}{{8,}}\.eyJ{_WORD}{{8,}}\.{_WORD}{{8,}}"  # JSON web token
)
_DOTTED_MARKS = ("eyJ", "SG.")
"""What those cannot be without."""
HINT = (
    r"A(?:KIA|SIA|BIA|CCA|Iza)|gh[opsur]_|github_pat_|sk[-_]|xox|xapp-|[rp]k_(?:live|test)|whsec_|GOCSPX|ya29|gl[a-z]{1,5}[-_]|hf_|npm_|pypi-|"
    r"dop_v1|shp(?:at|ca|pa|ss)_|SG\.|(?:gsk|xai|pplx|nvapi|tvly|r8|fw|csk)[_\-]|dckr_|hvs\.|lin_api|eyJ|\d:AA|PRIVATE KEY|"
    r"SK[0-9a-f]{8}|key-[0-9a-f]{8}|dapi[0-9a-f]{8}|AT(?:ATT|CTT)3|sq0(?:atp|csp)-|EAA[A-Za-z0-9_\-]{16}|ntn_|secret_[A-Za-z0-9]{16}|figd_|"
    r"NRAK-|PMAK-|pat-[a-z]{2}\d-|[A-Za-z0-9]\.[0-9a-f]{24}|dp\.(?:pt|st|ct|sa|scim|audit)\.|rubygems_[0-9a-f]|pscale_|sbp_|sb_secret_|"
    rf"sntry[su]_|\.atlasv1\.|HRKU-|sl\.(?:u\.)?[A-Za-z0-9_\-]{{16}}|AGE-SECRET|{_DIGITS}{_DIGITS}[MNO]|"
    rf"hooks\.slack|/api/webhooks/\d|[?&;]sig=|{logins.HINT}"
)
"""Beginnings of all of them; a text without any has no key."""
_TELEGRAM = re2.compile(r"\b\d{8,10}:AA[A-Za-z0-9_\-]{33}")
# With what stands before them, so that no search begins at each letter of a long word: base64 has these beginnings by chance.
_BORDERED = re2.compile(
    r"(?:^|[^\w\-./])(key-[0-9a-f]{32})"  # Mailgun; not the entry of a cache, with a hash in its name
    rf"|(?:^|[^\w\-+/,])(EAA{_WORD}{{58,}})"  # Facebook, and Square
    rf"|(?:^|[^\w\-+/,])([A-Za-z0-9]{{14}}\.atlasv1\.{_WORD}{{60,}})"  # Terraform
)
_MORE = re2.compile(r"^(?:[\w\-+/=]|\.\w)")
"""What follows parts of file names and of base64."""
_IN_ADDRESS = re2.compile(
    r"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Z0-9]{8,}/[A-Za-z0-9]{8,}/[A-Za-z0-9/]{16,})"
    r"|discord(?:app)?\.com/api/webhooks/(\d{17,20}/[A-Za-z0-9_\-]{60,})"
    r"|[?&;]sig=((?:[A-Za-z0-9+/]|%2[BbFf]){43}(?:=|%3[Dd]))"  # Azure's shared access signature
)
"""Addresses that let everybody in who knows them: the part that is secret."""
_MORE_OF_ADDRESS = re2.compile(r"^\w")
_MARKS = ("key-", "EAA", ".atlasv1.", "hooks.slack", "/api/webhooks/", "sig=")
"""What those two cannot be without; to look for it takes no time."""
_BLOCK = re2.compile(
    r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----[A-Za-z0-9+/=\s\\:,.\-]*?(?:-----END [A-Z0-9 ]{0,40}-----)"
)
_OPEN_BLOCK = re2.compile(r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----[A-Za-z0-9+/=\s\\]{40,}")


def find(text: str) -> Iterator[Span]:
    """Keys that could be real: no example, no placeholder, no word with a prefix by chance."""
    for places in (_begun(text), (match.span() for match in _TELEGRAM.finditer(text))):
        for start, end in places:
            if not joins(text[max(0, start - 1) : start]) and not joins(text[end : end + 1]) and _is_real(text[start:end]):
                yield Span(start, end, PiiType.API_KEY, CERTAIN)
    if any(mark in text for mark in _MARKS):
        yield from _parts(text)
    for pattern in (_BLOCK, _OPEN_BLOCK):
        for match in pattern.finditer(text):
            yield Span(match.start(), match.start() + len(match.group().rstrip()), PiiType.API_KEY, CERTAIN)
    yield from logins.find(text)


def _begun(text: str) -> Iterator[tuple[int, int]]:
    """Where keys with a beginning of their own may stand; of two that overlap, the one that begins first."""
    patterns = (_KEY, _DOTTED) if any(mark in text for mark in _DOTTED_MARKS) else (_KEY,)
    last = 0
    for start, end in sorted(match.span() for pattern in patterns for match in pattern.finditer(text)):
        if start >= last:
            last = end
            yield start, end


def _parts(text: str) -> Iterator[Span]:
    """Keys that are told by what stands before or behind them."""
    for pattern, more in ((_BORDERED, _MORE), (_IN_ADDRESS, _MORE_OF_ADDRESS)):
        for match in pattern.finditer(text):
            start, end = match.span(match.lastindex or 0)
            if not more.search(text[end : end + 2]) and _is_real(text[start:end]):
                yield Span(start, end, PiiType.API_KEY, CERTAIN)


def _is_real(key: str) -> bool:
    """Whether it is drawn by lot. AWS writes capitals only, with few digits."""
    return not is_placeholder(key) and (is_random(key[4:]) or (key.isupper() and bits(key[4:]) >= MIN_BITS))
