"""What each head is taught by."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch comes with the train extra")

from router_extproc.encoders.heads import CLASSES, SPANS, TAGS
from router_extproc.training.corpus import Example
from router_extproc.training.losses import annotated, nearness_loss, pooled_loss, tag_loss, taught_loss, taught_tags_loss
from router_extproc.training.windows import IGNORED


def learned(head: str, logits: Any, owners: list[int], *targets: float) -> tuple[float, Any]:
    """A pooled head's loss, and the gradient of its logits."""
    logits = logits.requires_grad_()
    loss = pooled_loss(head, logits, torch.tensor(owners), torch.tensor(targets))
    loss.backward()
    return float(loss.detach()), logits.grad


class TestPooledLoss:
    def test_of_classes(self) -> None:
        """The right label is pushed up, the others down; less than all is wanted, since labels may be wrong."""
        logits = torch.zeros(1, len(CLASSES["modality"]))
        loss, gradient = learned("modality", logits, [0], 1)

        assert loss == pytest.approx(1.0986, abs=1e-4)
        assert gradient.sign().tolist() == [[1, -1, 1]]
        assert learned("modality", torch.tensor([[0.0, 50.0, 0.0]]), [0], 1)[0] > 1

    def test_of_chances(self) -> None:
        """Which may be shares: nothing is left to learn where the chance is the target."""
        _, gradient = learned("difficulty", torch.tensor([[0.0], [0.0]]), [0, 1], 0.5, 1.0)

        assert gradient.squeeze(-1).tolist() == pytest.approx([0, -0.25])

    def test_of_several_windows_the_highest_counts(self) -> None:
        """Each example by its own; the others learn nothing from it."""
        logits = torch.tensor([[-1.0], [2.0], [0.0], [1.0], [-3.0]])
        _, gradient = learned("jailbreak", logits, [0, 0, 0, 1, 1], 1.0, 0.0)

        assert (gradient.squeeze(-1) != 0).tolist() == [False, True, False, True, False]
        assert gradient.squeeze(-1).sign().tolist() == [0, -1, 0, 1, 0]

    def test_jailbreak_labels_may_be_wrong(self) -> None:
        """Certainty costs; for a head whose labels are shares it does not."""
        sure = torch.tensor([[50.0]])

        assert learned("jailbreak", sure.clone(), [0], 1.0)[0] > 1
        assert learned("fact_check", sure.clone(), [0], 1.0)[0] == pytest.approx(0)


class TestTagLoss:
    def test_types_that_are_not_annotated_learn_nothing(self) -> None:
        """A person in a row that marks none is not taught to be nobody."""
        logits = torch.zeros(2, 3, TAGS).requires_grad_()
        rows = [Example("pii", "t", (), "s", types=frozenset(types)) for types in (("PERSON",), ("AGE", "URL"))]
        tags = torch.tensor([[IGNORED, 1, 0], [0, 0, IGNORED]])
        tag_loss(logits, tags, annotated(rows)).backward()
        gradient = logits.grad.abs().sum(1)
        moved = [{SPANS[(tag - 1) // 2] for tag in range(1, TAGS) if gradient[row, tag] > 0} for row in range(2)]

        assert moved == [{"PERSON"}, {"AGE", "URL"}]
        assert (gradient[:, 0] > 0).all()

    def test_padding_and_special_tokens_learn_nothing(self) -> None:
        """They have no tag."""
        logits = torch.zeros(1, 3, TAGS).requires_grad_()
        rows = [Example("pii", "t", (), "s", types=frozenset(SPANS))]
        tag_loss(logits, torch.tensor([[IGNORED, 1, IGNORED]]), annotated(rows)).backward()

        assert logits.grad.abs().sum(-1).bool().tolist() == [[False, True, False]]

    def test_private_tokens_count_double(self) -> None:
        """There are few of them."""
        logits = torch.zeros(1, 2, TAGS).requires_grad_()
        rows = [Example("pii", "t", (), "s", types=frozenset(SPANS))]
        tag_loss(logits, torch.tensor([[0, 1]]), annotated(rows)).backward()
        plain, private = logits.grad.abs().sum(-1)[0].tolist()

        assert private == pytest.approx(2 * plain)


class TestTaughtLoss:
    @pytest.mark.parametrize("head", ["domain", "jailbreak"])
    def test_nothing_is_left_to_learn_from_the_same(self, head: str) -> None:
        """And something from others, towards them."""
        size = len(CLASSES[head]) if head in CLASSES else 1
        taught = torch.linspace(-2, 3, size * 2).view(2, size)
        logits = torch.zeros(2, size, requires_grad=True)
        taught_loss(head, logits, taught).backward()

        assert float(taught_loss(head, taught, taught)) == pytest.approx(0, abs=1e-6)
        assert float((logits.grad * (taught - taught.mean(-1, keepdim=True) if size > 1 else taught)).sum()) < 0

    def test_of_tokens(self) -> None:
        """Padding does not count, and what the teacher takes for private counts double."""
        taught = torch.full((1, 3, TAGS), -20.0)
        taught[0, 0, 0] = taught[0, 1, 1] = taught[0, 2, 5] = 20
        mask = torch.tensor([[True, True, False]])
        logits = torch.zeros(1, 3, TAGS, requires_grad=True)
        taught_tags_loss(logits, taught, mask).backward()
        plain, private, padding = logits.grad.abs().sum(-1)[0].tolist()

        assert private == pytest.approx(2 * plain, rel=1e-3)
        assert padding == 0
        assert float(taught_tags_loss(taught, taught, mask)) == pytest.approx(0, abs=1e-6)


class TestNearnessLoss:
    def test_only_what_is_near_to_what_counts(self) -> None:
        """Not in which directions, nor of which size the teacher's embeddings are."""
        rows = torch.nn.functional.normalize(torch.randn(6, 8), dim=-1)
        turned = torch.cat((rows.flip(-1), torch.zeros(6, 4)), -1)

        assert float(nearness_loss(rows, turned)) == pytest.approx(0, abs=1e-5)
        assert float(nearness_loss(rows, rows.roll(1, 0))) > 0.1

    @pytest.mark.parametrize("count", [1, 2])
    def test_of_few(self, count: int) -> None:
        """Among two there is no nearest; what is left is a number."""
        rows = torch.nn.functional.normalize(torch.randn(count, 8), dim=-1)

        assert torch.isfinite(nearness_loss(rows, -rows + 0.1))
