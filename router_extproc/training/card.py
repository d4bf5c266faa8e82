"""Card: a model bundle's README: what it is, what it was made of, how good it is, and what it must not be used for."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from router_extproc.encoders.heads import CHANCES, CLASSES, CONTENTS, JAILBREAK, SPANS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from router_extproc.encoders.manifest import Manifest

CARD = "README.md"
_LICENCES = Path(__file__).with_name("licences.toml")
_MEGABYTE = 1_000_000


def licences() -> dict[str, dict[str, str]]:
    """What each source is and its licence, by the beginning of its name."""
    return tomllib.loads(_LICENCES.read_text(encoding="utf-8"))


def licence_of(source: str, known: Mapping[str, Mapping[str, str]]) -> str | None:
    """The entry that a row's source falls under; None if there is none."""
    return max((name for name in known if source.startswith(name)), key=len, default=None)


def card(manifest: Manifest) -> str:
    """The page, in Markdown."""
    parts = [_what(manifest), _heads(manifest), _made_of(manifest.training), _figures(manifest.evaluation), _LIMITS]
    return "\n\n".join(parts) + "\n"


def _what(manifest: Manifest) -> str:
    recipe: Mapping[str, Any] = manifest.training["recipe"]
    teacher = manifest.training.get("teacher")
    taught = f", taught by {teacher}" if teacher else ""
    size = sum(entry.bytes for entry in manifest.files.values()) / _MEGABYTE
    return (
        f"# Model bundle `{manifest.name}`, version {manifest.version}\n\n"
        f"One int8 transformer encoder whose single pass gives every neural signal of router-extproc. {len(recipe['layers'])} layers of "
        f"384 wide, {recipe['inner']} inner neurons, 12 heads, from {manifest.training['base']}{taught}; {size:.1f} MB with tokenizer; "
        f"windows of {manifest.window} tokens, {manifest.overlap} of them shared with the next. Written by `router-extproc "
        "train` (`make models`); licence of the weights: Apache-2.0. `manifest.json` "
        "holds the SHA-256 of every file, the calibration, and all that is said here."
    )


def _heads(manifest: Manifest) -> str:
    rows = [(head, "one of " + ", ".join(labels), _calibration(manifest, head)) for head, labels in CLASSES.items()]
    rows += [
        (head, f"probability; yes from {manifest.thresholds[head]:.3f} on", _calibration(manifest, head)) for head in CHANCES
    ]
    rows += [("pii", f"spans of {', '.join(SPANS)}; kept from {manifest.span_threshold:.2f} on", "-")]
    rows += [("embedding", "384 numbers of length 1; what is near to what is held close to the teacher's", "-")]
    return "## What it gives\n\n" + _table(("head", "gives", "temperature, bias"), rows) + _experts(manifest)


def _experts(manifest: Manifest) -> str:
    """What heads hear beside the graph; nothing where there is none."""
    said = [
        f"`{name}` beside `{head}`, weight {entry.weight:g}, for texts of the kind {' and '.join(entry.kinds)}"
        for head, entries in manifest.experts.items()
        for name, entry in entries.items()
    ]
    heard = f"\n\nExperts, which a head hears beside the graph: {'; '.join(said)}. They learned from the head's own sources."
    return heard if said else ""


def _calibration(manifest: Manifest, head: str) -> str:
    found = manifest.calibration[head]
    told = f"{found.temperature:.3f}, {found.bias:.3f}"
    if head != JAILBREAK:
        return told
    return f"{told}; for tool results and documents, by an output of their own, {_calibration(manifest, CONTENTS)}"


def _made_of(training: Mapping[str, Any]) -> str:
    known = licences()
    tasks: dict[str, set[str]] = {}
    for task, sources in training["sources"].items():
        for source in sources:
            tasks.setdefault(licence_of(source, known) or source, set()).add(task)
    unknown = {"what": "not known to this program", "licence": "unknown"}
    entries = {name: known.get(name, unknown) for name in sorted(tasks)}
    rows = [(name, each["what"], each["licence"], ", ".join(sorted(tasks[name]))) for name, each in entries.items()]
    refitted = "".join(
        f" After that the {head} head learnt on, on the encoder as it was, from {count:,} texts (`router-extproc refit`)."
        for head, count in training.get("refitted", {}).items()
    )
    if "polished" in training:
        refitted += (
            f" The network of version {training['polished']} then learnt more of private data, held to what it said before in "
            "all else (`router-extproc polish`)."
        )
    if "amended" in training:
        taught = ", ".join(
            f"{head} from {count:,} texts{_share(training, 'amended', head)}" for head, count in training["amended"].items()
        )
        refitted += f" Heads then learnt what they lacked, held to what they said of all else: {taught} (`router-extproc amend`)."
    for head, count in training.get("tailed", {}).items():
        refitted += (
            f" Then {head} learnt {count:,} tails of adversarial searches{_share(training, 'tailed', head)} in the same way "
            "(`amend --tails-only`)."
        )
    counts = ", ".join(f"{task} {count:,}" for task, count in training["examples"].items())
    return (
        f"## What it was made of\n\nExamples by head: {counts}. Texts of any evaluation set, whole or 13 words in a row of one, were "
        f"taken out of the training of all heads. {_CLOSED[training['recipe']['licence']]}{refitted}\n\n"
        + _table(("source", "what it is", "licence", "heads"), rows)
    )


def _share(training: Mapping[str, Any], name: str, head: str) -> str:
    share = training.get(f"{name}_shares", {}).get(head, 1)
    return f", of which {share:.0%} counts" if share < 1 else ""


_CLOSED = {
    "shipped": "No source under a non-commercial or research-only licence was used, for training or for calibration. Sources marked "
    "*no licence file* carry none: `--licence strict` trains without them.",
    "strict": "Only sources that carry a licence file were used, and none under a non-commercial or research-only one.",
    "all": "**Sources under non-commercial and research-only licences were used: the weights are for comparison, not for shipping.**",
}
"""By the recipe's licence."""


def _figures(evaluation: Mapping[str, Any]) -> str:
    compared: Mapping[str, Mapping[str, Any]] = evaluation.get("int8_vs_fp32", {})
    floors: Sequence[Mapping[str, Any]] = evaluation.get("floors", ())
    held_out = [
        (each["head"], each["rows"], each["figure"], f"{each['value']:.3f}", f"{each['floor']:g}", "yes" if each["met"] else "no")
        for each in floors
    ]
    int8 = [
        (head, str(found["rows"]), f"{found['agreement']:.1%}", found["measure"], f"{found['int8']:.3f}", f"{found['fp32']:.3f}")
        for head, found in compared.items()
    ]
    return (
        "## How good it is\n\nOn held-out sets, measured on these int8 weights through the code that serves; "
        "[EVAL.md](../EVAL.md) has more:\n\n"
        + _table(("head", "rows", "figure", "measured", "floor", "met"), held_out)
        + "\n\nWhat int8 costs, on the dev set:\n\n"
        + _table(("head", "rows", "same answer", "figure", "int8", "float32"), int8)
    )


_LIMITS = """## What it must not be used for

- As the only defence. The jailbreak head misses attacks unlike those that it was trained on, and users who want to will find one.
- As proof that a text holds no private data: names in lower case, rare names and scripts other than Latin are often missed.
- `difficulty` says how often small models of 2023 to 2025 failed at such prompts in benchmarks. It knows nothing of your models.
- Almost all training texts are English (some Chinese, Hindi in Latin script). For other languages measure first.
- `feedback` reads only what the user said last; sarcasm and silence are not in its data."""


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
