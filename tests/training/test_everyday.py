"""What is made without other rows, or to hide in them."""

from __future__ import annotations

from random import Random

from router_extproc.encoders.heads import CLASSES, SPANS
from router_extproc.training.corpus import SOURCE, Example
from router_extproc.training.everyday import OTHER, everyday, harnessed, nameless, reframed, staged, suspicious
from router_extproc.training.phrases import phrases
from router_extproc.training.texts import lines

REFUSED = "Describe how to pick a lock."
READ = {
    "jailbreak": [Example("jailbreak", REFUSED, 0.0, "advbench"), Example("jailbreak", "Hello there", 0.0, "clinc150")],
    "fact_check": [Example("fact_check", "Write a limerick.", 0.0, "s"), Example("fact_check", "Who was first?", 1.0, "s")],
}


class TestEveryday:
    def test_asks_about_every_label(self) -> None:
        """As often about each of its topics."""
        made = everyday(Random(1))

        assert {example.target for example in made} == set(range(len(CLASSES["domain"])))
        assert all(example.task == "domain" and example.source == SOURCE for example in made)
        assert not any("{" in example.text for example in made)

    def test_is_the_same_for_the_same_chance(self) -> None:
        """Training can be repeated."""
        assert everyday(Random(1)) == everyday(Random(1))

    def test_has_topics_of_one_label_each(self) -> None:
        """A topic of two labels would teach neither."""
        topics = [topic for found in phrases().topics.values() for topic in found]

        assert len(topics) == len(set(topics))
        assert tuple(phrases().topics) == CLASSES["domain"]
        assert CLASSES["domain"][OTHER] == "other"


class TestReframed:
    def test_disguises_only_what_is_refused(self) -> None:
        """Attacks hold such a request, harmless role play none."""
        made = reframed(READ, Random(1))

        assert all("pick a lock" in example.text for example in made if example.target == 1)
        assert all("limerick" in example.text for example in made if example.target == 0)
        assert {example.target for example in made} == {0.0, 1.0}

    def test_makes_no_attack_where_nothing_is_refused(self) -> None:
        """As with --licence that leaves such sources out."""
        read = {**READ, "jailbreak": READ["jailbreak"][1:]}

        assert {example.target for example in reframed(read, Random(1))} == {0.0}


class TestStaged:
    def test_only_the_goal_makes_the_attack(self) -> None:
        """Each story is told with a harmful goal as often as with its harmless neighbour."""
        goals = [line.split(" | ") for line in lines("jailbreak/goal_pairs")]
        bad, good = {first for first, _ in goals}, {second for _, second in goals}
        made = staged(Random(1))

        for harmful, harmless in zip(made[::2], made[1::2], strict=True):
            assert (harmful.target, harmless.target) == (1.0, 0.0)
            assert any(harmful.text.replace(one, two) == harmless.text for one, two in goals if one in harmful.text)
        assert not bad & good
        assert not any("{g}" in example.text for example in made)

    def test_every_line_has_its_place_or_its_pair(self) -> None:
        """A line without would teach that the stage is the attack."""
        assert all(line.count("{g}") == 1 for line in lines("jailbreak/story_goals"))
        assert all(len(line.split(" | ")) == 2 for line in lines("jailbreak/goal_pairs"))


class TestHarnessed:
    def test_what_is_asked_for_makes_the_attack(self) -> None:
        """The same tags around a request are none."""
        made = harnessed(READ, Random(1))
        asked = {example.text for example in READ["fact_check"]} | {example.text for example in READ["jailbreak"]}

        assert {example.target for example in made} == {0.0, 1.0}
        assert all(any(text in example.text for text in asked) for example in made if example.target == 0)
        assert not any(text in example.text for text in asked for example in made if example.target == 1)

    def test_a_frame_has_one_place(self) -> None:
        """For what is put in."""
        assert [frame for frame in lines("jailbreak/harness_frames") if frame.count("{k}") != 1] == []

    def test_without_requests(self) -> None:
        """Attacks are left."""
        assert {example.target for example in harnessed({"fact_check": [], "jailbreak": []}, Random(1))} == {1.0}


class TestSuspicious:
    def test_what_is_asked_for_makes_the_attack(self) -> None:
        """The same story around a harmless request is none."""
        made = suspicious(READ, Random(1))
        told = {example.text.replace(REFUSED, "{x}") for example in made if example.target == 1 and REFUSED in example.text}
        harmless = {example.text.replace("Write a limerick.", "{x}") for example in made if example.target == 0}

        assert told & harmless
        assert not any("pick a lock" in example.text for example in made if example.target == 0)

    def test_overrides_need_nothing_refused(self) -> None:
        """They are attacks by themselves."""
        read = {**READ, "jailbreak": READ["jailbreak"][1:]}

        assert {example.target for example in suspicious(read, Random(1))} == {0.0, 1.0}


class TestNameless:
    def test_has_nothing_private(self) -> None:
        """Of whatever type; short turns may name an organisation ("NATO?"), so they tell nothing of these."""
        made = nameless(everyday(Random(1)), Random(2))
        every, turns = frozenset(SPANS), set(lines("modality/short_turns"))

        assert all(example.target == () for example in made)
        assert {example.types for example in made} == {every, every - {"ORGANIZATION"}}
        assert {example.text for example in made if example.types != every} == turns
        assert not any("{n}" in example.text or "{c}" in example.text for example in made)
