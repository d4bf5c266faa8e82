"""A policy with a rule of each kind that rejects, over a classifier that breaks; and what callers must get, as docs/guards.md says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faulty_classifier import BAD, CRASH, HANG, LABELS, NAN, write_faulty

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEADLINE_MS = 150
ASK = "x-rule"
"""The header that says which rule is asked."""
ON_UNKNOWN = ("skip", "match", "deny")
FORMS = {"plain": "{signal: toxic, is: bad, atLeast: 0.5}", "not": "{not: {signal: toxic, is: good, atLeast: 0.5}}"}
FAULTS = {"gives NaN": NAN, "crashes": CRASH, "hangs": HANG}
"""By what the classifier does, the word that makes it do so."""
STATUS = {"skip": 200, "match": 403, "deny": 503}
"""What an unknown comes to, whatever the form: `not` of unknown is unknown."""
GOOD_TEXT, BAD_TEXT = "the tea of the song", f"the {BAD} tea"


def cells() -> Iterator[tuple[str, str]]:
    """Each rule: its form and its onUnknown."""
    return ((form, on_unknown) for form in FORMS for on_unknown in ON_UNKNOWN)


def rule(form: str, on_unknown: str) -> str:
    """What the rule is called, and what its header says."""
    return f"{form}-{on_unknown}"


def write_policy(folder: Path, *, turns: int) -> Path:
    """Write the policy and its classifier, and give the policy's path; `turns` as in write_faulty."""
    model, pieces = write_faulty(folder, turns=turns)
    rules = "".join(
        f"  - name: {rule(form, on_unknown)}\n"
        f"    when: {{all: [{{signal: which, is: {rule(form, on_unknown)}}}, {FORMS[form]}]}}\n"
        f"    onUnknown: {on_unknown}\n"
        "    action: {reject: {status: 403, message: refused}}\n"
        for form, on_unknown in cells()
    )
    path = folder / "policy.yaml"
    path.write_text(
        "version: 1\npools: {small: {cluster: pool-small, model: qwen3-8b}}\ndefault: small\n"
        f"limits: {{deadlineMs: {DEADLINE_MS}}}\nrecord: {{responseHeaders: true}}\n"
        "signals:\n"
        f"  which: {{type: header, header: {ASK}}}\n"
        f"  toxic: {{type: onnx, model: {model.name}, tokenizer: {pieces.name}, labels: [{', '.join(LABELS)}], window: 64}}\n"
        f"decisions:\n{rules}"
    )
    return path
