"""References: what stands for a secret in code and is none: variables, templates, paths, lookups."""

from __future__ import annotations

import re2

_VARIABLE = re2.compile(
    r"^(?:\$(?:[A-Z_][A-Z0-9_]*|[A-Za-z]+\d?|\w*_\w*|[A-Za-z_]\w*(?:->|::|\.).*"
    r"|(?i:\w*(?:pass|pwd|pw|secret|token|key|cred|auth|user|var|val|env|conf|arg|data|input|param)\w*))"
    r"|%(?:\w+%|[\-\d.]*[a-zA-Z])|&(?:&.*|[A-Za-z_][\w.]*;?))$"
)
"""`$DB_PASS2`, `$pass1`, `%PASS2%`, `&config.pass2`; but `$ecret123` is somebody's password."""
_TEMPLATE = re2.compile(
    r"[$#@%]\{|\$\(|\{\{|\{%|<%|%\(|\{[A-Za-z_][\w.:!]*\}|<[A-Za-z_/][\w.\-]*>|^(?:\{.*\}|<.*>|\[.*\]|\(.*\))$"
)
"""Something else is to take a part's place, or all of it."""
_FOLDER = re2.compile(r"^[.~]?[A-Za-z]?[a-z]{2,}\d*(?:[._\-].*)?$")
_NAMED = re2.compile(r"^[$A-Za-z_]\w*(?:(?:\.|::|->|/|-|_)\w+)*[.:]?$")


def is_reference(value: str) -> bool:
    """Whether it says where a secret is to be had: a variable, a template, a path of files or of an address."""
    return is_template(value) or _VARIABLE.search(value) is not None or "://" in value or (value[:1] == "/" and _is_path(value))


def is_template(value: str) -> bool:
    """Whether something is to be filled in."""
    return _TEMPLATE.search(value) is not None


def is_attribute(value: str) -> bool:
    """Whether it is a name within another: `config.v2.password1`."""
    return "." in value and _NAMED.search(value) is not None


def _is_path(value: str) -> bool:
    """Whether it is written in words. Base64 begins with a slash, too, but has capitals, and no parts that are words."""
    return value.lower() == value or any(map(_FOLDER.search, value.split("/")))
