"""Verification: what makes two questions different, and what does not."""

from __future__ import annotations

import time

import pytest

from router_extproc.cache.agreement import disagreement
from router_extproc.cache.meaning import MAX_CHARACTERS, meaning

SAME = [
    ("What's the capital of France?", "What is France's capital?"),
    ("How do I delete a file in Linux?", "How can I erase a file in Linux?"),
    ("How many ounces are in 3 tonnes?", "Convert 3 tonnes to ounces."),
    ("Can I return a sofa after forty days?", "Is there a way to return a sofa once 40 days have passed?"),
    ("Why is my printer not charging?", "What can stop a printer from charging?"),
    ("Who won the 2014 World Cup?", "World Cup 2014: who was the winner?"),
    ("Which train goes from Lyon to Bern?", "How do I get from Lyon to Bern by train?"),
    ("Please tell me the costs of the company in 2022", "What were the company's costs in 2022?"),
    ("What is 50 percent of 1,200?", "Calculate 50% of 1200."),
    ("I want to turn off notifications, how does that work on macOS?", "What are the steps to turn off notifications on macOS?"),
    ("Wie komme ich von Lyon nach Bern?", "Wie komme ich von Lyon nach Bern"),
]
DIFFERENT = [
    ("number", "Convert 3 tonnes to ounces.", "Convert 30 tonnes to ounces."),
    ("decimal", "Is x new in Python 3.1?", "Is x new in Python 3.10?"),
    ("sign", "What is -5 degrees in Fahrenheit?", "What is 5 degrees in Fahrenheit?"),
    ("operator", "What is 7-2?", "What is 7+2?"),
    ("operands", "What is 10 divided by 5?", "What is 5 divided by 10?"),
    ("name", "What is the capital of Guinea?", "What is the capital of Guyana?"),
    ("unit", "How many pounds are in 3 kilograms?", "How many pounds are in 3 grams?"),
    ("unit direction", "How many pounds are in 3 kilograms?", "How many kilograms are in 3 pounds?"),
    ("currency", "Can I send $50 to Anna?", "Can I send €50 to Anna?"),
    ("date", "What happened on 4 May 1970?", "What happened on 5 May 1970?"),
    ("weekday", "I need a table on Monday.", "I need a table on Tuesday."),
    ("direction", "Which train goes from Lyon to Bern?", "Which train goes from Bern to Lyon?"),
    ("subject and object", "Did Germany invade Poland?", "Did Poland invade Germany?"),
    ("comparison", "Is a cat bigger than a dog?", "Is a dog bigger than a cat?"),
    ("agent", "Who bought Google?", "Who was bought by Google?"),
    ("possession", "Tell me of the author of the book", "Tell me of the author's book"),
    ("negation", "Why is my printer charging?", "Why is my printer not charging?"),
    ("contraction", "Why can I log in?", "Why can't I log in?"),
    ("without", "May I take aspirin with food?", "May I take aspirin without food?"),
    ("on and off", "How do I turn on the lights?", "How do I turn off the lights?"),
    ("verb", "Can I cancel a sofa?", "Can I return a sofa?"),
    ("antonym", "How do I lock my phone?", "How do I unlock my phone?"),
    ("quantifier", "Can all birds fly?", "Can some birds fly?"),
    ("place", "Are the keys in the box?", "Are the keys on the box?"),
    ("tense", "Who is the president of France?", "Who was the president of France?"),
    ("question", "When did Anna move to Rome?", "Why did Anna move to Rome?"),
    ("whether", "Is my top up not working?", "My top up is not working."),
    ("safe and legal", "Is it safe to own a tiger?", "Is it legal to own a tiger?"),
    ("who speaks", "Where are you from exactly, in Rome?", "Where am I from exactly, in Rome?"),
    ("his and her", "What is his blood type?", "What is her blood type?"),
    ("quotation", "What does 'bank' mean in English?", "What does 'Bank' mean in English?"),
    ("code", "Explain the code `a<b`", "Explain the code `a>b`"),
    ("address", "Read the page https://a.example/1", "Read the page https://a.example/2"),
    ("country and pronoun", "Is the US policy on steel good?", "Is us policy on steel good?"),
    ("month and modal", "How is Rome in May and June?", "How may Rome be in June?"),
    ("one word", "Confirm that.", "That is confirmed."),
    ("another language", "Wie komme ich von Lyon nach Bern?", "Wie komme ich von Bern nach Lyon?"),
    ("player and team", "Which player won the 2014 cup?", "Which team won the 2014 cup?"),
    ("more", "How do I fry an egg?", "How do I fry an egg in butter?"),
]


class TestAgreement:
    @pytest.mark.parametrize(("one", "other"), SAME)
    def test_takes_the_same_for_the_same(self, one: str, other: str) -> None:
        """Whichever came first, and under hashes as well."""
        first, second = meaning(one), meaning(other)
        assert first is not None
        assert second is not None
        assert disagreement(first, second) == disagreement(second, first) == ""
        assert disagreement(first.hashed(b"k"), second.hashed(b"k")) == ""

    @pytest.mark.parametrize(("one", "other"), [pair[1:] for pair in DIFFERENT], ids=[pair[0] for pair in DIFFERENT])
    def test_tells_apart(self, one: str, other: str) -> None:
        """One thing differs, and the answer would be wrong."""
        first, second = meaning(one), meaning(other)
        if first is not None and second is not None:
            assert disagreement(first, second)
            assert disagreement(second, first)
            assert disagreement(first.hashed(b"k"), second.hashed(b"k"))

    def test_hashes_hold_no_word(self) -> None:
        """What is kept tells nothing of a prompt."""
        told = meaning("How do I hide the Kowalski papers from Anna in 1987?")
        assert told is not None
        kept = repr(told.hashed(b"secret")).lower()
        assert not any(word in kept for word in ("kowalski", "paper", "anna", "1987", "hide"))

    @pytest.mark.parametrize("text", ["", "   ", "?", "x" * (MAX_CHARACTERS + 1), "why"])
    def test_does_not_judge_what_says_nothing_or_too_much(self, text: str) -> None:
        """Such a request takes no part in semantic lookups."""
        assert meaning(text) is None

    @pytest.mark.parametrize("piece", ["what does ", "once ", "convert ", "^", "'", '"a ', "x-", "n't", "```", "how many x in "])
    def test_is_quick_on_odd_texts(self, piece: str) -> None:
        """It runs on the event loop."""
        meaning("warm up the lexicon")
        began = time.thread_time()
        meaning((piece * MAX_CHARACTERS)[:MAX_CHARACTERS])
        assert time.thread_time() - began < 1  # what grows with the square of the text would take minutes
