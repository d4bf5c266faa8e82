"""Policies with files beside them: model bundle, heads, exemplars. They are loaded, watched and kept together."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import shutil
import threading
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from quality_file import write_quality
from tiny_bundle import write_bundle
from tiny_classifier import write_classifier

from router_extproc.config import embedded
from router_extproc.config.embedded import failures
from router_extproc.config.loader import load
from router_extproc.config.offline import decide
from router_extproc.config.store import PolicyStore
from router_extproc.config.watch import Watch
from router_extproc.encoders.batching import BatchOptions
from router_extproc.encoders.bundle import GRAPH
from router_extproc.encoders.encoder import EncoderOptions
from router_extproc.encoders.headfile import packed
from router_extproc.encoders.models import Models
from router_extproc.encoders.scores import Kind
from router_extproc.encoders.softmax import Softmax
from router_extproc.pools import PoolStats
from router_extproc.signals.services import SignalServices

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from router_extproc.encoders.encoder import Encoder
    from router_extproc.hooks import Hooks, ReloadDetails
    from router_extproc.router import Router

POLICY = """\
version: 1
pools: {small: {cluster: s}, large: {cluster: l}}
default: small
signals:
  about: {type: linear, file: %s}
  hard: {type: difficulty}
decisions:
  - {name: hard, when: hard, route: large}
  - {name: refunds, when: {signal: about, in: [refunds]}, route: large}
"""
PLAIN = """\
version: 1
pools: {small: {cluster: s}, large: {cluster: l}}
default: small
decisions:
  - {name: hard, when: difficulty, route: large}
"""
KINDS = """\
version: 1
pools: {small: {cluster: s, model: small-model}, large: {cluster: l, model: large-model}}
default: {candidates: [small, large], select: {type: cheapest-sufficient, quality: q.quality, target: 0.6}}
identity: {userHeader: x-user, proof: {header: x-proof, secretFile: secret}}
signals:
  about: {type: linear, file: head.json}
  near: {type: knowledge, file: exemplars.jsonl}
  own: {type: onnx, model: model.onnx, tokenizer: tokenizer.json, labels: [good, bad], window: 32}
  leak: {type: credential_flow, canaryFile: canaries}
decisions:
  - name: all
    when: {any: [{signal: about, is: music}, {signal: near, is: a}, {signal: own, is: bad}, {signal: leak, is: canary}]}
    route: large
"""


def head(bundle: Path, *labels: str) -> str:
    """What `train-head` writes."""
    weights = np.random.default_rng(5).normal(size=(len(labels), 384)).astype(np.float32)
    sha = json.loads((bundle / "manifest.json").read_text())["files"][GRAPH]["sha256"]
    return packed(Softmax(weights, np.zeros(len(labels), np.float32)), labels, sha, {}).model_dump_json()


def change(file: Path, text: str) -> None:
    """Write another text."""
    file.write_text(text)


async def until(holds: Callable[[], bool]) -> None:
    """Wait until it comes to hold; some minute later the test fails."""
    for _ in range(6000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to hold")


@pytest.fixture
def bundle(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A bundle that may be broken."""
    return shutil.copytree(tiny_bundle, tmp_path / "bundle")


@pytest.fixture
def services(bundle: Path) -> SignalServices:
    """As the service makes them."""
    return SignalServices(models=Models(folder=bundle))


@pytest.fixture
def policy(tmp_path: Path, bundle: Path) -> Path:
    """The policy's file, with a head beside it."""
    folder = tmp_path / "mounted"
    folder.mkdir()
    (folder / "head.json").write_text(head(bundle, "refunds", "music"))
    (folder / "policy.yaml").write_text(POLICY % "head.json")
    return folder / "policy.yaml"


@pytest.fixture
def store(policy: Path, services: SignalServices, hooks: Hooks) -> PolicyStore:
    """With the policy in force."""
    stats = PoolStats()
    return PolicyStore(policy, lambda path: load(path, services=services, stats=stats), hooks)


def encoder_of(router: Router) -> Encoder:
    """The encoder that a policy's signals have."""
    extractor: Any = next(iter(router.policy.extractors.values()))
    found: Encoder = extractor._share.encoder
    return found


def labels(router: Router) -> frozenset[str] | None:
    """The groups that the policy knows."""
    return router.policy.extractors["about"].shape.labels


class TestReload:
    def test_a_changed_file_is_loaded_at_once(self, store: PolicyStore, policy: Path, bundle: Path) -> None:
        """Though the policy itself stays as it is: what decides is another, and so is the version that its decisions name."""
        before = store.status.version
        (policy.parent / "head.json").write_text(head(bundle, "refunds", "music", "tea"))

        assert store.reload("watch")
        assert store.status.reloads == 1
        assert store.status.version == store.router.policy.version != before
        assert labels(store.router) == {"refunds", "music", "tea"}

    def test_a_changed_file_is_named(self, store: PolicyStore, policy: Path, bundle: Path, told: list[ReloadDetails]) -> None:
        """By the hook's details and by the status, which has the sum of each."""
        file = policy.parent / "head.json"
        file.write_text(head(bundle, "refunds", "tea"))
        store.reload("watch")

        assert told[-1].changed == (str(file),)
        sums = {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in (file, bundle / "manifest.json")}
        assert store.status.files == sums

    def test_all_that_changed_is_named(self, store: PolicyStore, policy: Path, bundle: Path, told: list[ReloadDetails]) -> None:
        """The policy's own file, one that came and one that it does without now; compared with what was in force, not with what failed."""
        (policy.parent / "later.json").write_text("{")
        policy.write_text(POLICY % "later.json")
        store.reload("watch")
        (policy.parent / "later.json").write_text(head(bundle, "refunds", "tea"))
        store.reload("watch")

        assert [one.ok for one in told] == [True, False, True]
        assert told[-1].changed == (str(policy), str(policy.parent / "head.json"), str(policy.parent / "later.json"))
        assert told[1].changed == told[0].changed == ()

    def test_the_same_content_is_the_same_version(self, store: PolicyStore, policy: Path, told: list[ReloadDetails]) -> None:
        """Replicas whose files were written at other times, or that stand elsewhere, can be compared."""
        before = store.status.version
        (policy.parent / "head.json").touch()
        store.reload("watch")
        elsewhere = shutil.copytree(policy.parent, policy.parent.with_name("elsewhere"))

        assert (len(told), told[-1].changed, told[-1].version) == (2, (), before)
        services = SignalServices(models=Models(folder=policy.parent.with_name("bundle")))
        assert load(elsewhere / "policy.yaml", services=services, stats=PoolStats()).version == before

    def test_going_back_is_the_version_before(self, store: PolicyStore, policy: Path, bundle: Path) -> None:
        """It tells what decides, not when it came."""
        file = policy.parent / "head.json"
        first, versions = file.read_text(), [store.status.version]
        for text in (head(bundle, "refunds", "tea"), first):
            change(file, text)
            store.reload("watch")
            versions.append(store.status.version)

        assert versions[0] == versions[2] != versions[1]

    def test_decisions_name_the_version(self, store: PolicyStore) -> None:
        """As the status does."""
        body = json.dumps({"model": "auto", "messages": [{"role": "user", "content": "tea"}]}).encode()
        outcome = decide(store.router.unhurried(), path="/v1/chat/completions", headers={}, body=body)

        assert outcome.policy == store.status.version

    def test_what_was_refused_is_no_version_in_force(self, store: PolicyStore, policy: Path, told: list[ReloadDetails]) -> None:
        """The broken file is part of what was tried."""
        (policy.parent / "head.json").write_text("{")
        store.reload("watch")
        (policy.parent / "head.json").write_text("[")
        store.reload("watch")

        assert len({one.version for one in told}) == 3
        assert store.status.version == told[0].version

    def test_nothing_changed_is_left_alone(self, store: PolicyStore) -> None:
        """A poll looks at the files too, and loads nothing."""
        router = store.router

        assert store.reload("poll")
        assert store.router is router

    def test_a_broken_file_keeps_the_policy(self, store: PolicyStore, policy: Path, told: list[ReloadDetails]) -> None:
        """The error names its line and the signal's place; it is told once."""
        router = store.router
        (policy.parent / "head.json").write_text("{")

        assert [store.reload("poll") for _ in range(3)] == [False] * 3
        assert store.router is router
        assert f"{policy}:5:31: error:" in store.status.errors[0]
        assert "head.json: " in store.status.errors[0]
        assert [one.ok for one in told] == [True, False]

    def test_a_mended_file_is_good_again(self, store: PolicyStore, policy: Path, bundle: Path) -> None:
        """The policy that was refused because of it is loaded without having changed."""
        file = policy.parent / "head.json"
        file.unlink()
        store.reload("watch")
        failed = store.status.last_ok
        file.write_text(head(bundle, "tea", "refunds"))

        assert not failed
        assert store.reload("watch")
        assert labels(store.router) == {"tea", "refunds"}

    def test_a_policy_that_names_a_file_too_early(self, store: PolicyStore, policy: Path, bundle: Path) -> None:
        """It is loaded when the file has come."""
        policy.write_text(POLICY % "later.json")
        early = store.reload("watch")
        (policy.parent / "later.json").write_text(head(bundle, "tea", "refunds"))

        assert not early
        assert store.reload("watch")
        assert store.status.last_ok

    def test_a_loader_that_breaks_is_not_tried_again_and_again(
        self, policy: Path, bundle: Path, services: SignalServices, hooks: Hooks, told: list[ReloadDetails]
    ) -> None:
        """One change, one failure."""
        good = load(policy, services=services, stats=PoolStats())

        def loading(_path: Path) -> Any:
            if len(told):
                raise RuntimeError("a bug")
            return good

        store = PolicyStore(policy, loading, hooks)
        (policy.parent / "head.json").write_text(head(bundle, "tea", "refunds"))

        assert [store.reload("poll") for _ in range(3)] == [False] * 3
        assert store.status.failures == 1


class TestKinds:
    """Files of every kind that a policy names are part of its version, but for secrets."""

    @pytest.fixture
    def policy(self, tmp_path: Path, bundle: Path) -> Path:
        """A policy that names one of each, and a folder that is watched with it."""
        folder = tmp_path / "mounted"
        folder.mkdir()
        (folder / "policy.yaml").write_text(KINDS)
        (folder / "head.json").write_text(head(bundle, "refunds", "music"))
        (folder / "exemplars.jsonl").write_text('{"text": "tea", "group": "a"}\n{"text": "a song", "group": "b"}\n')
        (folder / "canaries").write_text(f"{'a' * 64}\n")
        (folder / "secret").write_text("0123456789abcdef0123456789abcdef\n")
        write_classifier(folder)
        write_quality(folder / "q.quality", bundle)
        return folder / "policy.yaml"

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            pytest.param("head.json", "\n", id="a head"),
            pytest.param("exemplars.jsonl", '{"text": "a card", "group": "b"}\n', id="exemplars"),
            pytest.param("canaries", f"{'b' * 64}\n", id="canaries"),
            pytest.param("tokenizer.json", "\n", id="a tokenizer"),
            pytest.param("model.onnx", None, id="a model"),
            pytest.param("q.quality", None, id="a quality model"),
        ],
    )
    def test_one_that_decides(
        self, store: PolicyStore, policy: Path, bundle: Path, told: list[ReloadDetails], name: str, text: str | None
    ) -> None:
        """Another one is another version, and is named."""
        before, path = store.status.version, policy.with_name(name)
        if text is not None:
            path.write_text(path.read_text() + text)
        elif name == "model.onnx":
            write_classifier(policy.parent, positions=600)
        else:
            write_quality(path, bundle, method="knn")

        assert store.reload("watch"), store.status.errors
        assert store.status.version == told[-1].version != before
        assert told[-1].changed == (str(path),)

    def test_a_secret(self, store: PolicyStore, policy: Path, told: list[ReloadDetails]) -> None:
        """It decides nothing; that it changed is told, and of its content nothing."""
        before, path = store.status.version, policy.with_name("secret")
        path.write_text("fedcba9876543210fedcba9876543210\n")

        assert store.reload("watch")
        assert store.status.version == before
        assert told[-1].changed == (str(path),)
        assert str(path) not in store.status.files
        assert hashlib.sha256(path.read_bytes()).hexdigest() not in repr((store.status, told))


class TestBundle:
    @pytest.fixture
    def policy(self, tmp_path: Path) -> Path:
        """A policy that names no file: it fits every bundle."""
        (tmp_path / "policy.yaml").write_text(PLAIN)
        return tmp_path / "policy.yaml"

    def test_an_unchanged_one_is_shared(self, store: PolicyStore, policy: Path) -> None:
        """A reload does not load the model once more."""
        before = encoder_of(store.router)
        policy.write_text(policy.read_text() + "# changed\n")

        assert store.reload("watch")
        assert encoder_of(store.router) is before

    def test_another_one_is_another_version(self, store: PolicyStore, bundle: Path, tmp_path: Path) -> None:
        """It decides otherwise, by the same policy."""
        before = store.status.version
        shutil.copytree(write_bundle(tmp_path / "other", seed=1), bundle, dirs_exist_ok=True)

        assert store.reload("watch")
        assert store.status.version != before

    def test_another_one_takes_over_and_the_old_one_is_freed(self, store: PolicyStore, bundle: Path, tmp_path: Path) -> None:
        """At once, without the garbage collector: a server spares it what was loaded at the start."""
        old = encoder_of(store.router)
        old.submit("tea", Kind.USER, float("inf"), outputs=("difficulty",)).result(600)
        gone = weakref.ref(old)
        del old
        gc.disable()
        shutil.copytree(write_bundle(tmp_path / "other", seed=1), bundle, dirs_exist_ok=True)

        try:
            assert store.reload("watch")
            assert gone() is None
        finally:
            gc.enable()

    @pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "background.npy"])
    def test_a_corrupt_one_keeps_the_old(self, store: PolicyStore, bundle: Path, tmp_path: Path, name: str) -> None:
        """The running policy goes on with the model that it has; the error names the file."""
        router = store.router
        shutil.copytree(write_bundle(tmp_path / "other", seed=1), bundle, dirs_exist_ok=True)
        (bundle / name).write_bytes(b"x" * (bundle / name).stat().st_size)

        assert not store.reload("watch")
        assert name in "".join(store.status.errors)
        assert store.router is router
        body = json.dumps({"model": "auto", "messages": [{"role": "user", "content": "prove it"}]}).encode()
        assert decide(router.unhurried(), path="/v1/chat/completions", headers={}, body=body).decision.name == "hard"

    def test_a_missing_one_keeps_the_old(self, store: PolicyStore, bundle: Path) -> None:
        """Until it is back."""
        router = store.router
        bundle.rename(bundle.with_name("away"))
        gone = store.reload("watch")
        bundle.with_name("away").rename(bundle)

        assert not gone
        assert store.router is router
        assert store.reload("watch")


@pytest.fixture
async def watching(store: PolicyStore, policy: Path) -> AsyncIterator[PolicyStore]:
    """The store, with a watch and no poll."""
    task = asyncio.create_task(Watch(store, policy, poll_s=0.0).run())
    await asyncio.sleep(0.2)  # until the directories are watched
    yield store
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class TestWatch:
    async def test_hears_of_a_file_beside_the_policy(self, watching: PolicyStore, policy: Path, bundle: Path) -> None:
        """As `train-head` writes it."""
        (policy.parent / "head.json").write_text(head(bundle, "refunds", "tea"))

        await until(lambda: watching.status.reloads == 1)
        assert watching.status.last_trigger == "watch"

    async def test_hears_of_a_bundle_that_changed(self, watching: PolicyStore, bundle: Path) -> None:
        """In a directory of its own. Here it is gone, so that the policy in force is not the one on disk."""
        (bundle / "manifest.json").unlink()

        await until(lambda: watching.status.failures == 1)

    async def test_hears_of_files_that_a_later_policy_names(
        self, watching: PolicyStore, policy: Path, bundle: Path, tmp_path: Path
    ) -> None:
        """In a directory that was not watched before."""
        far = tmp_path / "far"
        far.mkdir()
        (far / "far.json").write_text(head(bundle, "refunds", "tea"))
        change(policy, POLICY % (far / "far.json"))
        await until(lambda: watching.status.reloads == 1)
        await asyncio.sleep(0.5)  # until it is watched
        (far / "far.json").write_text(head(bundle, "refunds", "music"))

        await until(lambda: labels(watching.router) == {"refunds", "music"})


class TestEmbeddedTests:
    def test_wait_for_a_model_that_requests_keep_busy(
        self, tiny_bundle: Path, policy: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A reload must not fail because the queue is full just then."""
        monkeypatch.setattr(embedded, "_TURN_S", 0.01)
        body = "{model: auto, messages: [{role: user, content: prove it}]}"
        text = f"{PLAIN}tests:\n  - {{name: t, request: {{body: {body}}}, expect: {{decision: hard}}}}\n"
        policy.write_text(text)
        models = Models(EncoderOptions(BatchOptions(threads=1, max_queue=1), cache=0), folder=tiny_bundle)
        router = load(policy, services=SignalServices(models=models), stats=PoolStats()).router
        encoder = encoder_of(router)
        goes_on, run = threading.Event(), encoder.bundle.run
        monkeypatch.setattr(encoder.bundle, "run", lambda *given: goes_on.wait(600) and run(*given))
        work = [encoder.submit(each, Kind.USER, float("inf"), outputs=("difficulty",)) for each in ("a", "b", "c")]
        threading.Timer(0.1, goes_on.set).start()

        assert work[-1].exception(0) is not None
        assert failures(router, text) == ()
