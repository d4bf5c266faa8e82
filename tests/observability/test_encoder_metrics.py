"""Metrics of models: what they did, and what they have at hand."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from router_extproc.encoders.batching import BatchOptions
from router_extproc.encoders.encoder import EncoderOptions
from router_extproc.encoders.models import Models
from router_extproc.encoders.scores import Kind
from router_extproc.observability.metrics import Metrics
from router_extproc.observability.tally import gauge
from router_extproc.signals.credentials.flow import Entry, Origin
from router_extproc.signals.credentials.marks import mark
from router_extproc.signals.credentials.memory import SIZE
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from pathlib import Path


def samples(metrics: Metrics, model: str = "shared") -> dict[str, float]:
    """What a scrape reads of one model, by the metric's name."""
    return {
        sample.name.removeprefix("router_extproc_encoder_"): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
        if sample.labels.get("model") == model and "encoder" in sample.name
    }


@pytest.fixture
def models(tiny_bundle: Path) -> Models:
    """With a small cache."""
    return Models(EncoderOptions(BatchOptions(), cache=2), folder=tiny_bundle)


@pytest.fixture
def metrics(models: Models) -> Metrics:
    """That watch them."""
    metrics = Metrics()
    metrics.watch_models(models, {"encoder_queue": 128})
    return metrics


class TestModels:
    def test_nothing_is_told_before_a_model_is_loaded(self, metrics: Metrics) -> None:
        """And none is loaded in order to tell of it."""
        assert samples(metrics) == {}

    def test_what_was_read_is_counted(self, models: Models, metrics: Metrics) -> None:
        """Texts, windows, batches and time; a text that was read lately is a hit."""
        encoder = models.encoder()
        before = samples(metrics)
        for text in ("the tea", "a song " * 40, "the tea"):
            encoder.submit(text, Kind.USER, math.inf, outputs=("domain",)).result(600)
        until = time.monotonic() + 30
        while samples(metrics)["cache_entries"] < 2 and time.monotonic() < until:
            time.sleep(0.01)
        after = samples(metrics)
        risen = {name: after[name] - before.get(name, 0) for name in after}

        assert (risen["texts_total"], risen["batches_total"]) == (2, 2)
        assert risen["windows_total"] > 2
        assert risen["seconds_total"] > 0
        assert (risen["cache_hits_total"], risen["cache_misses_total"]) == (1, 2)
        assert (after["cache_entries"], after["queue"]) == (2, 0)

    def test_what_was_not_read_is_counted(self, models: Models, metrics: Metrics) -> None:
        """By its reason."""
        encoder = models.encoder()
        late = encoder.submit("the tea", Kind.USER, 0.0, outputs=("domain",)).exception(600)
        encoder.close()
        refused = encoder.submit("a song", Kind.USER, math.inf, outputs=("domain",)).exception(600)
        told = samples(metrics)

        assert (type(late).__name__, type(refused).__name__) == ("LateError", "OverloadedError")
        assert (told["late_total"], told["overloads_total"]) == (1, 1)

    def test_counts_outlive_a_model(self, models: Models, metrics: Metrics) -> None:
        """A counter that falls would look like a restart."""
        models.encoder().submit("the tea", Kind.USER, math.inf, outputs=("domain",)).result(600)

        assert samples(metrics)["texts_total"] == 1

    def test_bounds_are_limits(self, metrics: Metrics) -> None:
        """Beside the policy's."""
        assert 'router_extproc_limit{limit="encoder_queue"} 128.0' in metrics.text().decode()


class TestBreakers:
    def test_tell_their_state_and_transitions(self, models: Models) -> None:
        """By classifier; that of the patterns is there without any model."""
        metrics = Metrics()
        metrics.watch_signals(SignalServices(models=models))
        before = metrics.text().decode()
        encoder = models.encoder()
        encoder.batcher._breaker.trip("every pass hangs")
        after = metrics.text().decode()

        assert 'router_extproc_breaker_state{classifier="patterns"} 0.0' in before
        assert "shared" not in before
        assert 'router_extproc_breaker_state{classifier="shared"} 2.0' in after
        assert 'router_extproc_breaker_transitions_total{classifier="shared",to="open"} 1.0' in after


class TestCredentials:
    def test_tell_how_many_conversations_are_remembered(self, models: Models) -> None:
        """And how many may be."""
        services, metrics = SignalServices(models=models), Metrics()
        metrics.watch_signals(services)
        secret = mark("AKIAQ7RT2M9XV4LB8ZJD")
        assert secret is not None
        services.credentials.memory.keep(b"a", {secret: Entry(Origin.SYSTEM, 1.0)})

        assert "router_extproc_credential_conversations 1.0" in metrics.text().decode()
        assert f'router_extproc_limit{{limit="credential_conversations"}} {float(SIZE)}' in metrics.text().decode()


class TestGauge:
    def test_has_a_sample_for_each_label(self) -> None:
        """In order."""
        family = gauge("name", "Text.", ("model",), {("b",): 2, ("a",): 1})

        assert [(sample.labels, sample.value) for sample in family.samples] == [({"model": "a"}, 1), ({"model": "b"}, 2)]
