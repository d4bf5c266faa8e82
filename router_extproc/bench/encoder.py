"""Encoder: what one pass costs in one thread: the embedding alone, all heads, and one model per signal, side by side in one run."""

from __future__ import annotations

import itertools
import json
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from router_extproc.bench.documents import SizeError, exact_texts
from router_extproc.bench.load import ranked_share
from router_extproc.bench.machine import machine
from router_extproc.encoders.bundle import EMBEDDING, TAGS
from router_extproc.encoders.heads import POOLED
from router_extproc.encoders.manifest import BundleError
from router_extproc.encoders.models import Models
from router_extproc.encoders.scores import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

    from router_extproc.encoders.encoder import Encoder

SIZES = (16, 32, 64, 128, 256, 512)
"""Tokens of the texts, the special ones included. What is longer than the bundle's window is read in several, as in serving."""
PASSES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "encoder": ((EMBEDDING,),),
    "all_heads": ((*POOLED, TAGS, EMBEDDING),),
    "separate": tuple((output,) for output in (*POOLED, TAGS)),
}
"""What is measured: the outputs of each pass. `separate` is a model for each signal, each as large as the shared one."""
_TOKENIZE = "tokenize"
_INPUT = 3
_WARM = 3
_P50, _P99 = 0.5, 0.99


@dataclass(frozen=True, slots=True)
class Effort:
    """How long one size of text is measured."""

    seconds: float = 12.0
    """Rounds begin until then."""
    least: int = 100
    """Rounds, whatever the time: a 99th percentile needs as many."""
    most: int = 500
    """Rounds."""

    def share(self, done: int, seconds: float) -> float:
        """How much of it is done, in [0, 1], after so many rounds and seconds; at 1 it ends."""
        passed = seconds / self.seconds if self.seconds else 1.0
        return min(1.0, max(done / self.most, min(done / self.least, passed)))


def timed(seconds: float) -> Effort:
    """As many rounds as begin within that time, and one at least."""
    return Effort(seconds, least=1, most=sys.maxsize)


@dataclass(slots=True)
class Times:
    """Milliseconds of each round, by what was measured. Rounds take the texts in turn."""

    texts: int = 1
    by_name: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in (*PASSES, _TOKENIZE)})

    def told(self) -> dict[str, Any]:
        """The mean over the texts of each one's median, the 99th percentile of all, and ratios of the former, as JSON has them."""
        told: dict[str, Any] = {}
        for name, times in self.by_name.items():
            medians = [ranked_share(times[number :: self.texts], _P50) for number in range(min(self.texts, len(times)))]
            told[f"{name}_ms"] = round(sum(medians) / len(medians), 3) if medians else 0.0
            told[f"{name}_p99_ms"] = round(ranked_share(times, _P99), 3)
        whole = told["all_heads_ms"]
        told["all_heads_over_encoder"] = round(whole / told["encoder_ms"], 3) if told["encoder_ms"] else 0.0
        told["separate_over_all_heads"] = round(told["separate_ms"] / whole, 2) if whole else 0.0
        told["samples"] = len(self.by_name["encoder"])
        return told


def measured(encoder: Encoder, tokens: int, effort: Effort, tick: Callable[[float], None] = lambda _share: None) -> Times:
    """Times for texts of that many tokens; the passes take turns, so that a drift of the machine hits all alike. One thread.

    Raises SizeError.
    """
    texts = exact_texts(encoder.bundle.pieces, tokens)
    for text in texts[:_WARM]:
        _round(encoder, text, Times())
    times = Times(len(texts))
    began = time.perf_counter()
    for done in itertools.count():
        share = effort.share(done, time.perf_counter() - began)
        if share >= 1:
            break
        tick(share)
        _round(encoder, texts[done % len(texts)], times)
    return times


def _round(encoder: Encoder, text: str, times: Times) -> None:
    began = time.perf_counter()
    encoder.bundle.pieces.encode(text)
    times.by_name[_TOKENIZE].append((time.perf_counter() - began) * 1e3)
    # The separate ones first: before each of the two that are compared there is a pass, as in serving. The tokenizer alone would leave
    # its code in the core's caches, and the pass behind it would be short by a tenth of a millisecond.
    for name, passes in reversed(tuple(PASSES.items())):
        began = time.perf_counter()
        for outputs in passes:
            encoder.read([text], Kind.USER, outputs=outputs)
        times.by_name[name].append((time.perf_counter() - began) * 1e3)


def run_encoder(
    *,
    as_json: bool,
    models: Path | None,
    effort: Effort,
    console: Console,
    progress: Console,
    sizes: Sequence[int] = SIZES,
) -> int:
    """Measure and report; 3 if the bundle cannot be used."""
    try:
        encoder = Models(folder=models).encoder()
        found = _all(encoder, sizes, effort, progress)
    except (BundleError, SizeError) as error:
        progress.print(Text(str(error), "red"), soft_wrap=True)
        return _INPUT
    result = report(found)
    console.print(json.dumps(result) if as_json else _table(result), soft_wrap=as_json)
    if not as_json:
        console.print(_note(result), soft_wrap=True)
    return 0


def _all(encoder: Encoder, sizes: Sequence[int], effort: Effort, console: Console) -> dict[int, Times]:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    found: dict[int, Times] = {}
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("measuring", total=len(sizes))
        for place, tokens in enumerate(sizes):

            def tick(share: float, place: int = place) -> None:
                bar.update(task, completed=place + share)

            bar.update(task, description=f"{tokens} tokens")
            found[tokens] = measured(encoder, tokens, effort, tick)
    return found


def report(found: Mapping[int, Times]) -> dict[str, Any]:
    """All figures, by the text's size in tokens."""
    return {"tokens": {str(tokens): times.told() for tokens, times in found.items()}, "threads": 1, **machine()}


def _table(result: Mapping[str, Any]) -> Table:
    table = Table(
        "tokens", "encoder ms", "p99", "all heads ms", "p99", "separate ms", "p99", "heads/encoder", "separate/heads",
        "tokenizing ms", "samples", box=None,
    )  # fmt: skip
    for tokens, row in result["tokens"].items():
        cells = [f"{row[f'{name}{suffix}_ms']:.2f}" for name in PASSES for suffix in ("", "_p99")]
        ratios = (f"{row['all_heads_over_encoder']:.2f}", f"{row['separate_over_all_heads']:.1f}")
        table.add_row(tokens, *cells, *ratios, f"{row['tokenize_ms']:.2f}", str(row["samples"]))
    return table


def _note(result: Mapping[str, Any]) -> str:
    return (
        f"Means of the texts' medians, 99th percentiles of all, in one thread on {result['cpu']} ({result['cores']} cores), onnxruntime "
        f"{result['onnxruntime']}. Each pass includes tokenizing; separate is {len(PASSES['separate'])} passes, one for each signal."
    )
