"""Amend: heads of a finished bundle learn what they lack, and are held to what they say of all else.

Learning without forgetting (Li and Hoiem 2016), for one head: of what it knows it is taught its own answers, or those of the bundle
before it, not the labels, so that its calibration and its threshold can stay. `refit` teaches labels again, after which both have to be
chosen anew.
"""

from __future__ import annotations

from functools import partial
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.nn import functional

from router_extproc.encoders.heads import CLASSES, CONTENTS, JAILBREAK, head_of, output
from router_extproc.training.everyday import TURNED, bare, short_orders, short_results, short_turns, tailed
from router_extproc.training.lookalikes import lists
from router_extproc.training.printed import printed
from router_extproc.training.refit import Pace, asked, beside, known, learn, logits, opened, put, steps, untold
from router_extproc.training.sent import HEADS as SENT
from router_extproc.training.sent import sent
from router_extproc.training.states import States, states

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from router_extproc.training.corpus import Example
    from router_extproc.training.network import Pooled
    from router_extproc.training.refit import Stage

HEADS = (JAILBREAK, CONTENTS, "modality", "difficulty", "fact_check", "feedback", "domain")
"""Outputs that lack something: tails; short results of tools; short turns; texts as they are sent."""
_COPIES = {"modality": 4}
_MANY_COPIES = 8
"""Of each short text, by head."""
_BARE_COPIES = 2
"""Of each caption and topic."""
_SENT_COPIES = {"modality": 2}
_MANY_SENT_COPIES = 4
"""Of each text that was sent, by head."""
_PRINTED_COPIES = 4
"""Of what commands print, as it is, and with an order."""
_TAILED = 4000
"""Refused requests with a tail: twice as many as `refit` learns, as they are fewer among all that is new."""
_TAILED_ALONE, _LISTS = 10_000, 1500
"""The same where nothing else is new, and lists of words that it is held to then."""
_TAILS_PACE = Pace(epochs=3)
"""How it learns these."""
_PACES = {JAILBREAK: Pace(epochs=5, rate=1e-3), CONTENTS: Pace(epochs=3, rate=1e-3)}
"""By head, where it is not the usual one: what an attack is, and an order in a page, takes longer to learn."""
_CAPTION = 60
"""Characters of a short caption, which is a request for a picture and may look like a turn: `modality` is held to these twice."""
_BATCH = 64


class Amendment(NamedTuple):
    """What one head learns."""

    known: list[Example]
    """Texts of which it is to say what it says; their labels teach nothing."""
    new: list[Example]
    """Texts with labels."""
    pace: Pace | None = None
    """How it learns; as that head does unless given."""
    noted: str = "amended"
    """What the manifest counts these texts under."""


def amendments(examples: Mapping[str, Sequence[Example]], seed: int, heads: Sequence[str] = HEADS) -> dict[str, Amendment]:
    """By head of these. What is new is not among what is known: the data has it, too, for a network that is trained from the start."""
    return {head: _amendment(head, examples, Random(f"{seed} {head}")) for head in heads}


def tails(examples: Mapping[str, Sequence[Example]], seed: int) -> dict[str, Amendment]:
    """What users' output for jailbreak lacks of tails alone; it is held to what it says of what else was ever taught, and of lists."""
    random = Random(f"{seed} {JAILBREAK} tails")
    held = known(JAILBREAK, asked(JAILBREAK, examples), random)
    sent_before = {row.text: row for row in _new(JAILBREAK)}
    rows = [*held, *beside(examples, random), *sent_before.values(), *lists(random, _LISTS)]
    return {JAILBREAK: Amendment(rows, tailed(examples, random, _TAILED_ALONE), _TAILS_PACE, "tailed")}


def _amendment(head: str, examples: Mapping[str, Sequence[Example]], random: Random) -> Amendment:
    new = _new(head)
    taught = {row.text for row in new}
    rows = [row for row in asked(head, examples) if row.text not in taught]
    if head == "modality":
        return Amendment([*rows, *(row for row in rows if len(row.text) <= _CAPTION)], new)
    held = known(head, rows, random)
    if head == JAILBREAK:
        return Amendment([*held, *beside(examples, random)], [*tailed(examples, random, _TAILED), *new])
    return Amendment(held, new)


def _new(head: str) -> list[Example]:
    """Texts of ours that it has not learned; tails, which are made up, are not among them."""
    copies = _COPIES.get(head, _MANY_COPIES)
    found = []
    if head_of(head) in SENT:
        texts = sent(head_of(head), _SENT_COPIES.get(head, _MANY_SENT_COPIES))
        found = [row for row in texts if output(row.task, row.kind) == head]
    if head == CONTENTS:
        found += [*short_results(copies), *short_orders(copies), *printed(_PRINTED_COPIES)]
    if head in TURNED:
        found += short_turns(head, copies)
    return [*found, *bare(_BARE_COPIES)] if head == "modality" else found


def amend(
    folder: Path,
    learnt: Mapping[str, Amendment],
    seed: int,
    stage: Stage = untold,
    *,
    held_to: Path | None = None,
    share: float = 1.0,
) -> None:
    """Train heads of the bundle's graph on, and write them back. The manifest is not touched. Raises OSError.

    `held_to` is the bundle whose answers they are held to, itself unless given: after `polish` the one before, from which the polished
    network strayed a little. `stage` gets the name and the steps of what begins; what it gives is called after each step.

    Of what a head learns its weights take a `share`, in [0, 1], and stay what they were for the rest: between both a head often does
    better on texts unlike those that it learned from (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models"). With a share of 0
    nothing is learned; the graph only gets the form that it has in this release.
    """
    for name, rows in learnt.items():
        if not share:
            put(folder, name, opened(folder, name))
            continue
        texts = [*rows.known, *rows.new]
        found = states(folder, texts, stage(f"reading texts for {name}", len(texts)))
        head = opened(folder, name)
        if held_to is None:
            said = _said(name, head, found, len(rows.known))
        else:
            before = states(held_to, rows.known, stage(f"reading texts for {name} with the bundle before", len(rows.known)))
            said = _said(name, opened(held_to, name), before, len(rows.known))
        wanted = np.concatenate((said, _labels(name, rows.new)))
        found = States(found.windows, found.owners, wanted)
        pace = rows.pace or _PACES.get(name, Pace())
        start = {part: value.clone() for part, value in head.state_dict().items()}
        learn(head, found, seed, stage(f"training {name}", steps(found, pace)), partial(_loss, name), pace)
        head.load_state_dict({part: start[part].lerp(value, share) for part, value in head.state_dict().items()})
        put(folder, name, head)


def _said(name: str, head: Pooled, found: States, count: int) -> NDArray[np.float32]:
    """(count, outputs): what the head says of the first texts, as probabilities."""
    head.eval()
    with torch.no_grad():
        parts = [logits(name, head, found, np.arange(at, min(at + _BATCH, count))) for at in range(0, count, _BATCH)]
    if not parts:
        return _labels(name, [])
    said = torch.cat(parts)
    chances: NDArray[np.float32] = (said.softmax(1) if name in CLASSES else said.sigmoid()).numpy()
    return chances


def _labels(name: str, rows: Sequence[Example]) -> NDArray[np.float32]:
    """(rows, outputs): probabilities."""
    targets = [row.target for row in rows]
    if name in CLASSES:
        return np.eye(len(CLASSES[name]), dtype=np.float32)[np.array(targets, np.int64)]
    return np.array(targets, np.float32)[:, None]


def _loss(name: str, head: Pooled, found: States, rows: NDArray[np.int64]) -> Tensor:
    """Beside probabilities that are as they shall be: no label is smoothed."""
    said, wanted = logits(name, head, found, rows), torch.from_numpy(found.targets[rows])
    if name in CLASSES:
        return functional.cross_entropy(said, wanted)
    return functional.binary_cross_entropy_with_logits(said, wanted)
