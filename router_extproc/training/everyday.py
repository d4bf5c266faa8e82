"""Everyday: what people write to assistants and the data sets lack: short questions, role play, disguised attacks, nameless texts."""

from __future__ import annotations

from string import ascii_uppercase, digits
from typing import TYPE_CHECKING

from router_extproc.encoders.heads import CLASSES, SPANS
from router_extproc.encoders.scores import Kind
from router_extproc.training.corpus import SHORT, SOURCE, Example
from router_extproc.training.phrases import phrases
from router_extproc.training.tails import Tails
from router_extproc.training.texts import lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

OTHER = CLASSES["domain"].index("other")
_PER_TOPIC = 9
"""Questions on each topic."""
_REFUSED = frozenset({"advbench", "strongreject", "forbidden_questions", "harmbench_val", "refusal_direction"})
"""Sources of requests that assistants refuse."""
_DISGUISED = 2500
_TAILED = 2000
_ROLES = 3000
_PLAIN = 2500


def everyday(random: Random) -> list[Example]:
    """Short questions with the domain's label."""
    words = phrases()
    made = []
    for label, topics in words.topics.items():
        target = CLASSES["domain"].index(label)
        for topic in topics:
            for wording in random.sample(words.asking["about"], _PER_TOPIC):
                text = wording.replace("{t}", topic).replace("{u}", random.choice(topics))
                made.append(Example("domain", text, target, SOURCE))
    return made


def reframed(read: Mapping[str, Sequence[Example]], random: Random) -> list[Example]:
    """Refused requests in disguise (1), and role play that hides nothing (0)."""
    words = phrases().reframed
    refused = [example.text.strip() for example in read["jailbreak"] if example.source in _REFUSED]
    tasks = [example.text.strip() for example in read["fact_check"] if example.target == 0 and len(example.text) < SHORT]
    made = []
    for _ in range(_DISGUISED if refused else 0):
        wanted = random.choice(refused)
        text = random.choice(words["attacks"]).replace("{x}", wanted).replace("{y}", wanted[0].lower() + wanted[1:])
        made.append(Example("jailbreak", text, 1.0, SOURCE))
    for _ in range(_ROLES):
        text = random.choice(words["harmless"]).replace("{r}", random.choice(words["roles"])).replace("{k}", random.choice(tasks))
        made.append(Example("jailbreak", text, 0.0, SOURCE))
    return made


def tailed(read: Mapping[str, Sequence[Example]], random: Random, count: int = _TAILED) -> list[Example]:
    """Refused requests with a tail that a search may end with (1)."""
    refused = [example.text.strip() for example in read["jailbreak"] if example.source in _REFUSED]
    made_up = Tails(random)
    return [Example("jailbreak", made_up.attached(random.choice(refused)), 1.0, SOURCE) for _ in range(count if refused else 0)]


def short_results(copies: int) -> list[Example]:
    """What tools give back, or say of themselves, in a few words: it may read like orders and is none (0), as result and as document."""
    kinds = (Kind.TOOL_RESULT, Kind.TOOL_RESULT, Kind.DOCUMENT)
    return [
        Example("jailbreak", text, 0.0, SOURCE, kinds[number % len(kinds)])
        for name in RESULTS
        for text in lines(name)
        for number in range(copies)
    ]


def short_orders(copies: int) -> list[Example]:
    """Orders to the model that stand alone in a result or a document (1): what tells them from the former is whom they are for."""
    return [
        Example("jailbreak", text, 1.0, SOURCE, kind)
        for name in ORDERS
        for text in lines(name)
        for kind in (Kind.TOOL_RESULT, Kind.DOCUMENT)
        for _ in range(copies // 2)
    ]


ORDERS = (
    "jailbreak/attack_override",
    "jailbreak/attack_multilingual",
    "jailbreak/document_orders",
    "jailbreak/document_orders_plain",
)
RESULTS = ("jailbreak/benign_tool_results", "jailbreak/benign_tool_schemas")
"""Files of both."""


def short_turns(head: str, copies: int) -> list[Example]:
    """Greetings, thanks and other turns of a few words: they ask for no picture, most for no facts, and any model answers them."""
    target = TURNED[head]
    texts = [text for text in lines("modality/short_turns") if head != "fact_check" or "?" not in text]
    return [Example(head, text, target, SOURCE) for text in texts for _ in range(copies)]


def bare(copies: int) -> list[Example]:
    """Captions, which ask for a picture without a word that says so, and topics and turns as short as many of these, which ask for text."""
    return [
        Example("modality", text, CLASSES["modality"].index(label), SOURCE)
        for name, label in BARE.items()
        for text in lines(name)
        for _ in range(copies)
    ]


BARE = {"modality/bare_captions": "image", "modality/bare_topics": "text"}
"""Files of these, and their label."""
_EASY = 0.05
"""The share of small models that fail at a greeting."""
TURNED = {"modality": CLASSES["modality"].index("text"), "difficulty": _EASY, "fact_check": 0.0}
"""Heads that learn short turns, and what they are to say of them."""


def suspicious(read: Mapping[str, Sequence[Example]], random: Random) -> list[Example]:
    """Attacks in wordings of ours (1); and requests as elaborate, or with the same words, that are none (0)."""
    refused = [example.text.strip() for example in read["jailbreak"] if example.source in _REFUSED]
    tasks = [example.text.strip() for example in read["fact_check"] if example.target == 0 and len(example.text) < SHORT]
    made, made_up = [], Tails(random)
    for name, copies in _WRAPPED.items():
        for wrapper in lines(f"jailbreak/{name}"):
            holes = copies if "{x}" in wrapper or "{y}" in wrapper else 1
            for _ in range(holes if refused else 0):
                wanted = random.choice(refused)
                text = wrapper.replace("{x}", wanted).replace("{y}", _lowered(wanted).rstrip(".?!"))
                text = made_up.attached(text) if random.random() < 0.05 else text
                made.append(Example("jailbreak", text, 1.0, SOURCE))
    for wrapper in lines("jailbreak/attack_story"):
        holes = _HARMLESS_COPIES if "{x}" in wrapper and "{y}" not in wrapper else 0
        made += [Example("jailbreak", wrapper.replace("{x}", random.choice(tasks)), 0.0, SOURCE) for _ in range(holes)]
    for name in ("attack_override", "attack_multilingual"):
        made += [Example("jailbreak", text, 1.0, SOURCE) for text in lines(f"jailbreak/{name}") for _ in range(3)]
    for wrapper in lines("jailbreak/benign_frames"):
        made += [Example("jailbreak", wrapper.replace("{k}", random.choice(tasks)), 0.0, SOURCE) for _ in range(16)]
    for name in _HARMLESS:
        made += [Example("jailbreak", text, 0.0, SOURCE) for text in lines(f"jailbreak/{name}") for _ in range(6)]
    return made


def staged(random: Random) -> list[Example]:
    """Stories in which what is asked for is harmful (1) or its harmless neighbour (0): the stage alone tells nothing."""
    goals = [line.split(" | ") for line in lines("jailbreak/goal_pairs")]
    made = []
    for story in lines("jailbreak/story_goals"):
        for bad, good in random.sample(goals, _STAGED):
            made.append(Example("jailbreak", story.replace("{g}", bad), 1.0, SOURCE))
            made.append(Example("jailbreak", story.replace("{g}", good), 0.0, SOURCE))
    return made


_STAGED = 12
"""Pairs of goals that each story is told with."""


def is_staged(text: str) -> bool:
    """Whether it is one of these stories, whatever is asked for in it."""
    return text.startswith(tuple(story.partition("{g}")[0] for story in lines("jailbreak/story_goals")))


def harnessed(read: Mapping[str, Sequence[Example]], random: Random) -> list[Example]:
    """What agents' harnesses and chat templates put around requests: an attack stays one (1), a request stays none (0)."""
    tasks = [example.text.strip() for example in read["fact_check"] if len(example.text) < SHORT]
    tasks += [example.text.strip() for example in read["jailbreak"] if _is_plain(example)]
    attacks = [text for name in ("attack_override", "attack_multilingual") for text in lines(f"jailbreak/{name}")]
    made = []
    for frame in lines("jailbreak/harness_frames"):
        for target, texts, copies in ((0.0, tasks, _HARNESSED if tasks else 0), (1.0, attacks, _HARNESSED // 3)):
            made += [Example("jailbreak", frame.replace("{k}", random.choice(texts)), target, SOURCE) for _ in range(copies)]
    return made


_HARNESSED = 9
"""Requests that each frame is put around."""


def _is_plain(example: Example) -> bool:
    return example.target == 0 and example.kind is Kind.USER and len(example.text) < SHORT and example.source != SOURCE


_WRAPPED = {"attack_story": 14, "attack_rules": 24}
"""Wrappers of refused requests, and how many requests each is put around."""

_HARMLESS = (
    "benign_elaborate", "benign_staged", "benign_agents", "benign_scary_words", "benign_about_prompts", "benign_tails",
    "benign_multilingual",
)  # fmt: skip
TURNS = (
    "jailbreak/benign_turns_a", "jailbreak/benign_turns_b",
    *(f"feedback/{label}{part}" for label in CLASSES["feedback"] for part in ("", "_turns")),
)  # fmt: skip
"""Files of what users say in the middle of a chat."""
_HARMLESS_COPIES = 6
"""Harmless requests that each story is put around, too: what is asked for makes the attack."""


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]


def nameless(questions: Sequence[Example], random: Random) -> list[Example]:
    """Texts in which nothing is private, whatever is asked for."""
    every = frozenset(SPANS)
    plain = phrases().lookalikes["plain"]
    texts = [_filled(random.choice(plain), random) for _ in range(_PLAIN)]
    texts += [example.text for example in random.sample(list(questions), _PLAIN // 2)]
    turns = [Example("pii", text, (), SOURCE, types=every - {"ORGANIZATION"}) for text in lines("modality/short_turns")]
    return [Example("pii", text, (), SOURCE, types=every) for text in texts] + turns * _TURN_COPIES


_TURN_COPIES = 6
"""Of each short turn, some of which name an organisation: greetings of a foreign language look like names to whoever has not seen them."""


def _filled(text: str, random: Random) -> str:
    while "{n}" in text:
        text = text.replace("{n}", "".join(random.choices(digits[1:], k=random.randint(1, 6))), 1)
    while "{c}" in text:
        code = "".join(random.choices(ascii_uppercase, k=random.randint(1, 3)))
        text = text.replace("{c}", f"{code}-{random.randint(10, 99999)}", 1)
    return text
