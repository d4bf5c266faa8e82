"""What each head is taught by."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch comes with the train extra")

from router_extproc.encoders.heads import CLASSES, SPANS, TAGS
from router_extproc.training.corpus import Example
from router_extproc.training.losses import pooled_loss, tag_loss
from router_extproc.training.windows import IGNORED


class Told:
    """A network whose heads say what they are told to."""

    def __init__(self, logits: Any) -> None:
        self.logits = logits.requires_grad_()

    def pooled(self, _head: str, _hidden: Any, _mask: Any) -> Any:
        """One row a window."""
        return self.logits

    def tags(self, _hidden: Any) -> Any:
        """One row a token."""
        return self.logits


def examples(head: str, *targets: object) -> list[Example]:
    """With these targets."""
    return [Example(head, "text", target, "s") for target in targets]


def learned(head: str, logits: Any, owners: list[int], *targets: object) -> tuple[float, Any]:
    """A pooled head's loss, and the gradient of its logits."""
    network = Told(logits)
    nothing = torch.zeros(1)
    loss = pooled_loss(network, head, nothing, nothing, torch.tensor(owners), examples(head, *targets))  # type: ignore[arg-type]
    loss.backward()
    return float(loss.detach()), network.logits.grad


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
        network = Told(torch.zeros(2, 3, TAGS))
        rows = [Example("pii", "t", (), "s", types=frozenset(types)) for types in (("PERSON",), ("AGE", "URL"))]
        tags = torch.tensor([[IGNORED, 1, 0], [0, 0, IGNORED]])
        tag_loss(network, torch.zeros(1), tags, rows).backward()  # type: ignore[arg-type]
        gradient = network.logits.grad.abs().sum(1)
        moved = [{SPANS[(tag - 1) // 2] for tag in range(1, TAGS) if gradient[row, tag] > 0} for row in range(2)]

        assert moved == [{"PERSON"}, {"AGE", "URL"}]
        assert (gradient[:, 0] > 0).all()

    def test_padding_and_special_tokens_learn_nothing(self) -> None:
        """They have no tag."""
        network = Told(torch.zeros(1, 3, TAGS))
        rows = [Example("pii", "t", (), "s", types=frozenset(SPANS))]
        tag_loss(network, torch.zeros(1), torch.tensor([[IGNORED, 1, IGNORED]]), rows).backward()  # type: ignore[arg-type]

        assert network.logits.grad.abs().sum(-1).bool().tolist() == [[False, True, False]]

    def test_private_tokens_count_double(self) -> None:
        """There are few of them."""
        network = Told(torch.zeros(1, 2, TAGS))
        rows = [Example("pii", "t", (), "s", types=frozenset(SPANS))]
        tag_loss(network, torch.zeros(1), torch.tensor([[0, 1]]), rows).backward()  # type: ignore[arg-type]
        plain, private = network.logits.grad.abs().sum(-1)[0].tolist()

        assert private == pytest.approx(2 * plain)
