"""Compose: training examples made of others, for what the data has little of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from router_extproc.encoders.heads import CLASSES
from router_extproc.encoders.scores import Kind
from router_extproc.training.corpus import SHORT, SOURCE, Example
from router_extproc.training.everyday import (
    BARE,
    ORDERS,
    TURNS,
    bare,
    everyday,
    harnessed,
    nameless,
    reframed,
    short_results,
    short_turns,
    staged,
    suspicious,
    tailed,
)
from router_extproc.training.everyday import OTHER as _OTHER
from router_extproc.training.lookalikes import lookalikes
from router_extproc.training.marked import marked
from router_extproc.training.phrases import phrases
from router_extproc.training.printed import printed
from router_extproc.training.private import private
from router_extproc.training.sent import HEADS as SENT
from router_extproc.training.sent import sent
from router_extproc.training.texts import lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

    from router_extproc.training.phrases import Phrases

    Examples = dict[str, list[Example]]

_BREAK = re.compile(r"(?<=[.!?])\s+|\n+")
CAPTIONED = frozenset({"imagereward_refl", "t2icompbench", "openprompts"})
"""Sources of captions."""
CAPTIONS = 24
"""Drawn for each wording that frames one."""
REQUESTS = 1500
"""Of each head whose requests are for text."""
LONG, LONGER = 600, 80
"""Characters below which an attack has texts put around it, and above which a text is put around one."""
_MADE_DOCUMENTS = 5000
_MADE_USERS = 2500
_COPIES = 3
"""Of each short turn, short result and text that was sent."""


def composed(read: Examples, random: Random) -> Examples:
    """More examples by task. The same random state gives the same examples."""
    made = {
        "modality": [*_frames(read, random), *_plain_requests(read, random)],
        "feedback": _feedback(),
        "jailbreak": [
            *_documents(read, random),
            *_alone(read, random),
            *_hidden_in_long(read, random),
            *_benign(read, random),
            *_quoting(),
        ],
    }
    natural = everyday(random)
    own = _of_domains()
    made["domain"] = [*natural, *own, *own]
    made["fact_check"] = [Example("fact_check", each.text, 1.0, SOURCE) for each in natural if each.target != _OTHER]
    made["fact_check"] += [*_of_facts(), *short_turns("fact_check", _COPIES)]
    made["jailbreak"] += [
        *reframed(read, random),
        *tailed(read, random),
        *suspicious(read, random),
        *harnessed(read, random),
        *staged(random),
        *_benign_of_ours(own),
        *lookalikes(random),
    ]
    made["jailbreak"] += [*short_results(_COPIES), *printed(_COPIES)]
    made["modality"] += [*_pictures(read, random), *short_turns("modality", _COPIES), *bare(_COPIES)]
    made["difficulty"] = short_turns("difficulty", _COPIES)
    made["pii"] = [*nameless(natural, random), *private(read, random), *marked(random)]
    for head in SENT:
        made[head] += sent(head, _COPIES)
    return made


def _of_domains() -> list[Example]:
    """Questions and problems of ours."""
    return [
        Example("domain", text, target, SOURCE)
        for target, label in enumerate(CLASSES["domain"])
        for text in lines(f"domain/{label.replace(' ', '_')}")
    ]


def _of_facts() -> list[Example]:
    """Questions of ours that should be grounded, and requests that need no facts."""
    files = (("facts", 1.0), ("claims", 1.0), ("other", 0.0), ("no_claims", 0.0))
    return [Example("fact_check", text, target, SOURCE) for name, target in files for text in lines(f"fact_check/{name}")] * 4


def _benign_of_ours(own: Sequence[Example]) -> list[Example]:
    """Our texts for other heads are no attacks."""
    names = (
        "fact_check/facts",
        "fact_check/claims",
        "fact_check/other",
        "fact_check/no_claims",
        "modality/captions",
        *BARE,
        *TURNS,
    )
    texts = [text for name in names for text in lines(name)]
    return [Example("jailbreak", text, 0.0, SOURCE) for text in (*texts, *(each.text for each in own))]


def _pictures(read: Examples, random: Random) -> Iterator[Example]:
    """Captions of ours, and requests filled with them, with topics and with the data's captions."""
    labels = CLASSES["modality"]
    own = lines("modality/captions")
    things = [text.rstrip(".") for text in own if len(text) < SHORT // 2]
    things += [topic for topics in phrases().topics.values() for topic in topics]
    things += [each.text.strip().rstrip(".") for each in read["modality"] if each.source in CAPTIONED and len(each.text) < SHORT]
    yield from (Example("modality", text, labels.index("image"), SOURCE) for text in own for _ in range(4))
    for label in labels:
        for wording in lines(f"modality/{label}"):
            for _ in range(10 if "{x}" in wording else 4):
                yield Example("modality", wording.replace("{x}", random.choice(things)), labels.index(label), SOURCE)


def _frames(read: Examples, random: Random) -> Iterator[Example]:
    captions = [
        example.text.strip().rstrip(".")
        for example in read["modality"]
        if example.source in CAPTIONED and len(example.text) < SHORT
    ]
    for label, wordings in phrases().frames.items():
        target = CLASSES["modality"].index(label)
        for wording in wordings:
            for caption in random.sample(captions, CAPTIONS):
                yield Example("modality", wording.replace("{x}", caption), target, SOURCE)


def _plain_requests(read: Examples, random: Random) -> Iterator[Example]:
    """Other heads' requests are for text."""
    target = CLASSES["modality"].index("text")
    for task in ("domain", "fact_check"):
        for example in random.sample(read[task], REQUESTS):
            yield Example("modality", example.text, target, SOURCE)


def _feedback() -> list[Example]:
    labels = CLASSES["feedback"]
    return [
        Example("feedback", said, labels.index(label), SOURCE)
        for label, wordings in phrases().feedback.items()
        for said in (*wordings, *lines(f"feedback/{label}"), *lines(f"feedback/{label}_turns"))
        for _ in range(4)
    ]


def _contexts(read: Examples) -> list[str]:
    """Texts without instructions: clean documents, passages, long questions."""
    clean = [example.text for example in read["jailbreak"] if example.kind is not Kind.USER and example.target == 0]
    clean += lines("jailbreak/document_requests")
    passages = [example.text for example in read["fact_check"] if example.source in {"boolq+passage", "given_text"}]
    return clean * 2 + passages


def _order(words: Phrases, random: Random, pool: Sequence[str]) -> str:
    """What a hidden instruction wants: one of ours, or a real request, out of place in a document."""
    way = random.random()
    if way < 0.3:
        return random.choice(words.orders).replace("{d}", random.choice(words.domains))
    if way < 0.7:
        return random.choice(pool).strip()
    return random.choice(lines("jailbreak/document_orders" if way < 0.85 else "jailbreak/document_orders_plain"))


def _requests(read: Examples) -> list[str]:
    """Short real instructions of benign users."""
    found = [
        example.text
        for example in read["jailbreak"]
        if example.kind is Kind.USER
        and example.target == 0
        and 15 < len(example.text) < SHORT
        and example.source != "trigger_words"
    ]
    found += [example.text for example in read["fact_check"] if example.target == 0 and len(example.text) < SHORT]
    return found


def _documents(read: Examples, random: Random) -> Iterator[Example]:
    """Documents with an instruction put in, and as many with a sentence of another document put in."""
    contexts, pool, words = _contexts(read), _requests(read), phrases()
    for _ in range(_MADE_DOCUMENTS):
        kind = random.choice((Kind.DOCUMENT, Kind.TOOL_RESULT))
        text = random.choice(contexts)
        order = _order(words, random, pool)
        order = random.choice(words.overrides).replace("{x}", order[0].lower() + order[1:] if random.random() < 0.5 else order)
        yield Example("jailbreak", _put_in(text, order, random), 1.0, SOURCE, kind)
        sentences = [piece for piece in _BREAK.split(random.choice(contexts)) if 20 < len(piece) < SHORT]
        if random.random() < 0.5:
            sentences = list(lines("jailbreak/document_plain"))
        if sentences:
            yield Example("jailbreak", _put_in(random.choice(contexts), random.choice(sentences), random), 0.0, SOURCE, kind)


def _alone(read: Examples, random: Random) -> Iterator[Example]:
    """Documents and tool results that hold nothing but an order to the model, or nothing but a sentence."""
    contexts = _contexts(read)
    plain = [piece for text in contexts for piece in _BREAK.split(text) if 20 < len(piece) < SHORT]
    orders = [text for name in ORDERS for text in lines(name)]
    sentences = [text for name in ("document_plain", "document_requests") for text in lines(f"jailbreak/{name}")]
    sentences += random.sample(plain, min(len(plain), 2 * len(orders)))
    for target, texts in ((1.0, orders), (0.0, sentences)):
        for text in texts:
            for kind in (Kind.DOCUMENT, Kind.TOOL_RESULT):
                yield Example("jailbreak", text, target, SOURCE, kind)


def _put_in(text: str, sentence: str, random: Random) -> str:
    breaks = [match.end() for match in _BREAK.finditer(text)]
    where = random.random()
    if where < 0.35 or not breaks:
        return f"{text.rstrip()}{random.choice((' ', chr(10), chr(10) * 2))}{sentence}"
    if where < 0.55:
        return f"{sentence}{random.choice((' ', chr(10)))}{text}"
    at = random.choice(breaks)
    return f"{text[:at]}{sentence} {text[at:]}"


def _hidden_in_long(read: Examples, random: Random) -> Iterator[Example]:
    """Attacks with long benign text around them, and such text alone."""
    attacks = [
        example.text
        for example in read["jailbreak"]
        if example.kind is Kind.USER and example.target == 1 and len(example.text) < LONG
    ]
    benign = [
        example.text
        for example in read["jailbreak"]
        if example.kind is Kind.USER and example.target == 0 and len(example.text) > LONGER
    ]
    for _ in range(_MADE_USERS // 2):
        before, after = random.choice(benign), random.choice(benign)
        attack = random.choice(attacks)
        yield Example(
            "jailbreak", "\n".join(random.choice(((before, attack), (attack, after), (before, attack, after)))), 1.0, SOURCE
        )
        yield Example("jailbreak", f"{before}\n{after}", 0.0, SOURCE)


def _benign(read: Examples, random: Random) -> Iterator[Example]:
    """Other heads' texts are no attacks."""
    for task, count in (("domain", 1000), ("fact_check", 1000), ("modality", 800), ("pii", 800), ("feedback", 400)):
        for example in random.sample(read[task], min(count, len(read[task]))):
            yield Example("jailbreak", example.text, 0.0, SOURCE)


def _quoting() -> list[Example]:
    words = phrases()
    return [
        Example("jailbreak", wording.replace("{x}", quoted), 0.0, SOURCE) for wording in words.quoting for quoted in words.quoted
    ] * 2
