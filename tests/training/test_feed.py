"""The stream of batches."""

from __future__ import annotations

from itertools import islice
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

torch = pytest.importorskip("torch", reason="torch comes with the train extra")

from training_data import sentence

from router_extproc.encoders.heads import SPANS, TAGS
from router_extproc.encoders.scores import Kind
from router_extproc.training.corpus import Example
from router_extproc.training.feed import POLISH_SHARES, SHARES, Crew, Fed, Feed, feed
from router_extproc.training.windows import LENGTH

if TYPE_CHECKING:
    from router_extproc.encoders.tokens import WordPieces

TOKENS, ROWS, WINDOWS = 1280, 40, 3
"""Of a batch, and windows of one text, at most."""
LONG = "the weather of tea and song is what me tell about " * 80


def texts(task: str, target: object, count: int = 60) -> list[Example]:
    """Short and long ones."""
    random = Random(1)
    return [Example(task, " ".join(sentence(random) for _ in range(1 + at % 9)), target, "s") for at in range(count)]


def private(count: int = 60) -> list[Example]:
    """With a name in each."""
    random = Random(1)
    made = []
    for _ in range(count):
        before = sentence(random)
        span = (len(before) + 1, len(before) + 6, "PERSON")
        made.append(Example("pii", f"{before} Alice {sentence(random)}", (span,), "s", types=frozenset({"PERSON"})))
    return made


EXAMPLES = {
    "domain": texts("domain", 1),
    "jailbreak": texts("jailbreak", 1.0),
    "pii": private(),
    "embedding": texts("embedding", None),
}


def fed(pieces: WordPieces, seed: int = 1, count: int = 30, **examples: list[Example]) -> list[Fed]:
    """The first batches."""
    return list(islice(Feed(examples or EXAMPLES, pieces, seed), count))


def tensors(each: Fed) -> list[Any]:
    """All that one is learned from by."""
    batch = each.batch
    return [batch.ids, batch.mask, batch.marks, each.tags, each.owners, each.wanted, each.known]


class TestFeed:
    def test_is_the_same_for_a_seed(self, pieces: WordPieces) -> None:
        """Texts, wear and order."""
        for left, right in zip(fed(pieces), fed(pieces), strict=True):
            assert (left.task, left.examples) == (right.task, right.examples)
            assert torch.equal(left.batch.ids, right.batch.ids)
            assert torch.equal(left.tags, right.tags)

    def test_differs_between_seeds(self, pieces: WordPieces) -> None:
        """A run that goes on does not begin anew."""
        assert [each.examples for each in fed(pieces, 1)] != [each.examples for each in fed(pieces, 2)]

    def test_batches_are_bounded(self, pieces: WordPieces) -> None:
        """In tokens, padding included, and in rows; but for a single text that has more by itself."""
        for each in fed(pieces, count=80):
            assert each.batch.ids.numel() <= TOKENS or len(each.examples) == 1
            assert len(each.examples) <= ROWS
            assert each.batch.ids.shape[1] <= LENGTH

    def test_lengths_may_be_multiples(self, pieces: WordPieces) -> None:
        """The same texts, with more padding."""
        for aligned, plain in zip(islice(Feed(EXAMPLES, pieces, 1, SHARES, TOKENS, 8), 20), fed(pieces), strict=False):
            assert aligned.batch.ids.shape[1] % 8 == 0
            assert aligned.examples == plain.examples
            assert aligned.batch.mask.sum() == plain.batch.mask.sum()

    def test_mixes_heads(self, pieces: WordPieces) -> None:
        """Those that there are examples of, by their shares."""
        tasks = [each.task for each in fed(pieces, count=120)]

        assert set(tasks) == set(EXAMPLES)
        assert tasks.count("domain") > tasks.count("embedding")
        assert [sum(shares.values()) for shares in (SHARES, POLISH_SHARES)] == pytest.approx([1, 1])

    def test_uses_every_example_before_one_comes_again(self, pieces: WordPieces) -> None:
        """Of each head."""
        seen: list[str] = []
        for each in fed(pieces, domain=EXAMPLES["domain"]):
            seen += [example.text for example in each.examples]

        assert set(seen[:60]) == {example.text for example in EXAMPLES["domain"]}

    def test_windows_know_their_text(self, pieces: WordPieces) -> None:
        """In order, one text after the other."""
        for each in fed(pieces):
            assert each.owners.tolist() == sorted(each.owners.tolist())
            assert set(each.owners.tolist()) == set(range(len(each.examples)))
            assert len(each.owners) == len(each.batch.ids)

    def test_goes_to_a_device(self, pieces: WordPieces) -> None:
        """All tensors."""
        moved = fed(pieces, count=1)[0].to(torch.device("meta"))

        assert {each.device.type for each in tensors(moved)} == {"meta"}


class TestTargets:
    def test_of_pooled_heads(self, pieces: WordPieces) -> None:
        """Each example's, as a number."""
        for each in fed(pieces, count=20):
            if each.task not in {"pii", "embedding"}:
                assert each.wanted.tolist() == pytest.approx([example.target for example in each.examples])

    def test_of_the_token_head(self, pieces: WordPieces) -> None:
        """Which tags each example's source annotates; other heads have none."""
        for each in fed(pieces, count=40):
            assert each.known.shape == (len(each.examples) if each.task == "pii" else 0, TAGS)


class TestCrew:
    def test_is_in_turn_what_each_makes(self, pieces: WordPieces) -> None:
        """In processes of their own, whose order is always the same."""
        feeds = [Feed(EXAMPLES, pieces, seed) for seed in (1, 2)]
        stream = iter(Crew(feeds))
        found = [next(stream) for _ in range(6)]
        stream.close()  # type: ignore[attr-defined]
        wanted = [each for pair in zip(fed(pieces, 1, 3), fed(pieces, 2, 3), strict=True) for each in pair]

        assert [each.task for each in found] == [each.task for each in wanted]
        for ours, theirs in zip(found, wanted, strict=True):
            assert all(torch.equal(left, right) for left, right in zip(tensors(ours), tensors(theirs), strict=True))

    def test_sends_no_texts(self, pieces: WordPieces) -> None:
        """Nobody learns from them."""
        stream = iter(Crew([Feed(EXAMPLES, pieces, 1)]))
        found = next(stream)
        stream.close()  # type: ignore[attr-defined]

        assert found.examples == ()
        assert len(found.owners) == len(found.batch.ids)

    def test_there_is_none_on_a_cpu(self, pieces: WordPieces) -> None:
        """Whose cores have better to do."""
        stream = feed(EXAMPLES, pieces, 1, SHARES, tokens=TOKENS, device=torch.device("cpu"))

        assert [each.examples for each in islice(stream, 5)] == [each.examples for each in fed(pieces, 1, 5)]


class TestWindows:
    def test_of_a_long_attack(self, pieces: WordPieces) -> None:
        """Several are read: which one holds the attack is not known."""
        rows = [Example("jailbreak", LONG, 1.0, "s", Kind.DOCUMENT) for _ in range(8)]

        counts = [len(each.owners) / len(each.examples) for each in fed(pieces, count=8, jailbreak=rows)]
        assert set(counts) == {WINDOWS}

    @pytest.mark.parametrize("head", ["domain", "jailbreak", "embedding"])
    def test_of_other_long_texts(self, pieces: WordPieces, head: str) -> None:
        """One is enough, from anywhere in the text."""
        rows = [Example(head, LONG, 0, "s") for _ in range(8)]

        assert all(len(each.owners) == len(each.examples) for each in fed(pieces, count=8, **{head: rows}))

    def test_embedding_is_of_texts_as_they_are(self, pieces: WordPieces) -> None:
        """The base model is asked about the same."""
        clean = {tuple(pieces.encode(example.text).ids) for example in EXAMPLES["embedding"]}
        short = [each for each in clean if len(each) <= LENGTH - 2]
        found = [
            tuple(ids[mask].tolist()[1:-1])
            for each in fed(
                pieces, embedding=[row for row in EXAMPLES["embedding"] if len(pieces.encode(row.text)) <= LENGTH - 2]
            )
            for ids, mask in zip(each.batch.ids, each.batch.mask, strict=True)
        ]

        assert set(found) <= set(short)

    def test_other_texts_are_worn(self, pieces: WordPieces) -> None:
        """Some of them."""
        clean = {tuple(pieces.encode(example.text).ids) for example in EXAMPLES["domain"]}
        found = [
            tuple(ids[mask].tolist()[1:-1])
            for each in fed(pieces, domain=EXAMPLES["domain"][:9])
            for ids, mask in zip(each.batch.ids, each.batch.mask, strict=True)
        ]

        assert set(found) - clean

    def test_only_private_data_have_tags(self, pieces: WordPieces) -> None:
        """Of the types that stand there, whatever was done to the text's case."""
        first = 1 + 2 * SPANS.index("PERSON")
        for each in fed(pieces, count=50):
            tagged = set(each.tags[each.tags > 0].tolist())
            assert tagged <= ({first, first + 1} if each.task == "pii" else set())
            if each.task == "pii":
                assert ((each.tags == first).sum(1) == 1).all()
