"""Document: a YAML 1.2 text as plain values, with the line and column of every key and value."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from ruamel.yaml import YAML, events
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from router_extproc.policy.problems import Findings, Path, PolicyError
from router_extproc.policy.scalars import ScalarError, resolve

MAX_BYTES = 1024 * 1024
"""A ConfigMap holds no more."""
MAX_DEPTH = 64
MAX_NODES = 100_000
"""Keys, values and lists after aliases are expanded."""

Value = str | int | float | bool | list["Value"] | dict[str, "Value"] | None


class Mark(NamedTuple):
    """A place in the text, both figures from 1."""

    line: int
    column: int


_START = Mark(1, 1)


@dataclass(slots=True)
class Document:
    """A text that was read. The value is a mapping once `read` returned it."""

    source: str
    """The file's name, for messages."""
    lines: list[str]
    value: dict[str, Value] = field(default_factory=dict)
    values: dict[Path, Mark] = field(default_factory=dict)
    keys: dict[Path, Mark] = field(default_factory=dict)

    def mark(self, path: Path, *, key: bool = False) -> Mark:
        """Where a value, or its key, stands. A path that is not in the file gives the closest one above it."""
        if path in self.values:
            return self.keys.get(path, self.values[path]) if key else self.values[path]
        while path:
            path = path[:-1]
            if path in self.keys:
                return self.keys[path]
            if path in self.values:
                return self.values[path]
        return _START

    def section(self, key: str) -> dict[str, Value]:
        """A top-level mapping as it was written; empty where it is missing or something else."""
        value = self.value.get(key)
        return value if isinstance(value, dict) else {}

    def line(self, number: int) -> str:
        """A line of the text, numbered from 1; empty beyond its end."""
        return self.lines[number - 1] if number <= len(self.lines) else ""


def read(text: str, *, source: str) -> Document:
    """The document; raises PolicyError with every problem of the text itself (syntax, repeated keys, keys that are no text)."""
    # Not splitlines: YAML breaks lines at these only, and line numbers must agree with the parser's.
    document = Document(source, re.split(r"\r\n|\n|\r", text) if len(text) <= MAX_BYTES else [])
    findings = Findings(document)
    root = _parsed(text, document, findings)
    if root is not None:
        value = _Builder(document, findings).build(root, (), 0)
        if isinstance(value, dict):
            document.value = value
        elif not findings.failed:
            findings.error((), "the policy must be a mapping of keys to values", "begin with `version: 1`")
    if findings.failed:
        raise PolicyError(findings.problems)
    return document


@dataclass(slots=True)
class _Node:
    """A scalar, list or mapping of the text; aliases share it."""

    mark: Mark
    text: str | None = None
    plain: bool = False
    items: list[_Node] | None = None
    pairs: list[tuple[_Node, _Node]] | None = None
    key: _Node | None = None
    """Of an unfinished mapping: the key whose value comes next."""

    def take(self, node: _Node) -> None:
        if self.items is not None:
            self.items.append(node)
        elif self.key is None:
            self.key = node
        elif self.pairs is not None:
            self.pairs.append((self.key, node))
            self.key = None


class _Refused(Exception):  # noqa: N818 - control flow inside this module
    """The text cannot be read any further."""

    def __init__(self, mark: Mark, message: str, cure: str = "") -> None:
        super().__init__(message)
        self.mark = mark
        self.message = message
        self.cure = cure


def _parsed(text: str, document: Document, findings: Findings) -> _Node | None:
    """The root node, or None after noting why there is none."""
    try:
        return _composed(text)
    except _Refused as refused:
        mark, message, cure = refused.mark, refused.message, refused.cure
    except ReaderError as error:
        mark, message, cure = _unreadable(text, error)
    except MarkedYAMLError as error:
        mark, message, cure = _syntax(error, document)
    except YAMLError as error:
        mark, message, cure = _START, f"not readable as YAML: {error}", ""
    document.values[()] = mark
    findings.error((), message, cure)
    return None


def _composed(text: str) -> _Node:
    if len(text) > MAX_BYTES or len(text.encode(errors="surrogatepass")) > MAX_BYTES:
        raise _Refused(_START, f"the file is larger than {MAX_BYTES // 1024} KiB", "move long word lists to fewer, shorter ones")
    parser = YAML(typ="safe", pure=True)
    composer = _Composer()
    for event in parser.parse(text):
        composer.take(event)
    if composer.root is None:
        raise _Refused(_START, "the policy is empty", "begin with `version: 1`, `pools:` and `default:`")
    return composer.root


class _Composer:
    """Makes nodes of parser events, without recursion: nesting is the author's choice."""

    def __init__(self) -> None:
        self.root: _Node | None = None
        self._open: list[_Node] = []
        self._anchors: dict[str, _Node] = {}
        self._documents = 0

    def take(self, event: events.Event) -> None:
        """Take the next event."""
        mark = Mark(event.start_mark.line + 1, event.start_mark.column + 1)
        match event:
            case events.DocumentStartEvent():
                self._begin(event, mark)
            case events.ScalarEvent():
                _refuse_tag(event, mark)
                self._add(_Node(mark, text=event.value, plain=event.style is None and not event.tag), event.anchor)
            case events.SequenceStartEvent():
                _refuse_tag(event, mark)
                self._enter(_Node(mark, items=[]), event.anchor)
            case events.MappingStartEvent():
                _refuse_tag(event, mark)
                self._enter(_Node(mark, pairs=[]), event.anchor)
            case events.SequenceEndEvent() | events.MappingEndEvent():
                self._open.pop()
            case events.AliasEvent():
                self._add(self._aliased(event.anchor, mark), None)
            case _:
                pass

    def _begin(self, event: events.DocumentStartEvent, mark: Mark) -> None:
        self._documents += 1
        if self._documents > 1:
            raise _Refused(mark, "the file holds more than one YAML document", "keep one policy a file: remove the `---`")
        if event.version is not None and tuple(event.version) != (1, 2):
            raise _Refused(mark, "policies are YAML 1.2", "remove the %YAML line")

    def _enter(self, node: _Node, anchor: str | None) -> None:
        self._add(node, anchor)
        self._open.append(node)
        if len(self._open) > MAX_DEPTH:
            raise _Refused(node.mark, f"nested deeper than {MAX_DEPTH} levels", "flatten it")

    def _add(self, node: _Node, anchor: str | None) -> None:
        if self._open:
            self._open[-1].take(node)
        else:
            self.root = node
        if anchor:
            self._anchors[anchor] = node

    def _aliased(self, anchor: str, mark: Mark) -> _Node:
        node = self._anchors.get(anchor)
        if node is None:
            raise _Refused(mark, f"no anchor &{anchor} stands before this alias", f"write &{anchor} at the value that is meant")
        if any(node is parent for parent in self._open):
            raise _Refused(mark, f"the value &{anchor} contains itself", "write the value out")
        return node


def _refuse_tag(event: events.NodeEvent, mark: Mark) -> None:
    tag = getattr(event, "tag", None)
    if tag and str(tag) not in {"!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}:
        raise _Refused(mark, f"the tag {str(tag)[:60]} is not allowed", "remove it")


class _Builder:
    """Makes plain values of nodes and notes where each stands."""

    def __init__(self, document: Document, findings: Findings) -> None:
        self._document = document
        self._findings = findings
        self._left = MAX_NODES

    def build(self, node: _Node, path: Path, depth: int) -> Value:
        """The value of a node; what is wrong with it becomes a finding, and None."""
        self._document.values[path] = node.mark
        self._left -= 1
        if self._left < 0 or depth > MAX_DEPTH:
            if self._left == -1 or depth > MAX_DEPTH:
                self._findings.error(path, "the file is too large once its aliases are expanded", "use fewer aliases")
            return None
        if node.items is not None:
            return [self.build(item, (*path, index), depth + 1) for index, item in enumerate(node.items)]
        if node.pairs is not None:
            return self._mapping(node.pairs, path, depth)
        return self._scalar(node, path)

    def _mapping(self, pairs: list[tuple[_Node, _Node]], path: Path, depth: int) -> Value:
        built: dict[str, Value] = {}
        for key, node in pairs:
            if self._left < 0:
                break
            name = self._key(key, path)
            if name is None:
                continue
            place = (*path, name)
            if name in built:
                first = self._document.keys[place]
                self._document.keys[place] = key.mark
                self._findings.error(
                    place, f"the key {name!r} is already there, in line {first.line}", "remove one of them", key=True
                )
                continue
            self._document.keys[place] = key.mark
            built[name] = self.build(node, place, depth + 1)
        return built

    def _key(self, node: _Node, path: Path) -> str | None:
        """The key's text, or None after noting why it cannot be one."""
        place = (*path, (node.text or "?")[:60])
        if node.plain and node.text == "<<":
            message, cure = "merge keys (<<) are not part of YAML 1.2", "write the keys out"
        elif node.text is None:
            message, cure = "a key must be text", "write `key: value`"
        elif node.plain and not isinstance(_resolved(node.text), str):
            message, cure = f"the key {node.text or 'null'} is not text", f'put it in quotes: "{node.text}"'
        elif not _encodable(node.text):
            message, cure = "a key with half a surrogate pair is not text", "remove it"
        else:
            return node.text
        self._document.keys[place] = self._document.values[place] = node.mark
        self._findings.error(place, message, cure, key=True)
        return None

    def _scalar(self, node: _Node, path: Path) -> Value:
        text = node.text or ""
        if not _encodable(text):
            self._findings.error(path, "half a surrogate pair is not text", "remove it")
            return None
        if not node.plain:
            return text
        try:
            return resolve(text)
        except ScalarError as error:
            message, cure = error.args
            self._findings.error(path, message, cure)
            return None


def _resolved(text: str) -> Value:
    try:
        return resolve(text)
    except ScalarError:
        return None


def _encodable(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _unreadable(text: str, error: ReaderError) -> tuple[Mark, str, str]:
    before = text[: error.position]
    line = before.count("\n") + 1
    code = error.character if isinstance(error.character, int) else ord(error.character)
    mark = Mark(line, error.position - (before.rfind("\n") + 1) + 1)
    return mark, f"the character U+{code:04X} is not allowed in YAML", "remove it, or write it as an escape in double quotes"


def _syntax(error: MarkedYAMLError, document: Document) -> tuple[Mark, str, str]:
    found = error.problem_mark or error.context_mark
    mark = Mark(found.line + 1, found.column + 1) if found else _START
    what = " ".join(part for part in (error.context, error.problem) if part)
    if "\\t" in what or document.line(mark.line)[: mark.column].endswith("\t"):
        return mark, "a tab cannot indent YAML", "use spaces"
    if "another document" in what:
        return mark, "the file holds more than one YAML document", "keep one policy a file: remove the `---`"
    return mark, f"not readable as YAML: {what}", _syntax_cure(what)


def _syntax_cure(what: str) -> str:
    if "mapping values are not allowed" in what:
        return "put text that contains `: ` in quotes, and check the indentation"
    if "end of stream" in what or "quoted scalar" in what:
        return "close the quotes"
    if "flow" in what:
        return "check the brackets, braces and commas"
    if "block" in what:
        return "check the indentation"
    return ""
