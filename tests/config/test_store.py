"""PolicyStore: the last good policy stays in force whatever happens to the file."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from router_extproc.config.store import PolicyStore
from router_extproc.policy.load import version_of
from router_extproc.policy.problems import PolicyError

if TYPE_CHECKING:
    from pathlib import Path

    from router_extproc.config.loader import Loaded
    from router_extproc.config.store import Load
    from router_extproc.hooks import Hooks, ReloadDetails

BROKEN = "version: 1\npools: {}\ndefault: x\n"


@pytest.fixture
def store(file: Path, loader: Load, hooks: Hooks) -> PolicyStore:
    """A store with the policy in force."""
    return PolicyStore(file, loader, hooks)


class TestStart:
    def test_the_first_load_is_told(self, store: PolicyStore, told: list[ReloadDetails], policy: str, file: Path) -> None:
        """Hooks learn of the start, and the status tells the version in force."""
        assert [(one.trigger, one.ok, one.version) for one in told] == [("start", True, version_of(policy))]
        assert store.status.version == store.router.policy.version == version_of(policy)
        assert store.status.source == str(file)
        assert store.status.last_ok
        assert store.status.loaded_at == store.status.last_attempt_at > 0

    def test_a_broken_policy_is_not_started_with(self, file: Path, loader: Load, hooks: Hooks) -> None:
        """There is no last good one yet, so the error is the caller's."""
        file.write_text(BROKEN)

        with pytest.raises(PolicyError):
            PolicyStore(file, loader, hooks)

    def test_a_directory_means_its_policy(self, file: Path, loader: Load, hooks: Hooks) -> None:
        """A mounted ConfigMap can be named by its directory."""
        assert PolicyStore(file.parent, loader, hooks).status.source == str(file)


class TestReload:
    def test_a_changed_file_takes_over(self, store: PolicyStore, told: list[ReloadDetails], file: Path, policy: str) -> None:
        """The new router is in force, and the load is counted and told."""
        old = store.router
        file.write_text(policy + "# changed\n")

        assert store.reload("watch")
        assert store.router is not old
        assert store.router.policy.version == store.status.version == version_of(policy + "# changed\n")
        assert (store.status.reloads, store.status.failures, store.status.last_trigger) == (1, 0, "watch")
        assert (told[-1].trigger, told[-1].ok, told[-1].version) == ("watch", True, store.status.version)
        assert told[-1].changed == (str(file),)
        assert told[-1].duration_s > 0

    def test_the_same_content_is_left_alone(self, store: PolicyStore, told: list[ReloadDetails]) -> None:
        """A poll that finds nothing new loads nothing and tells nobody."""
        old, status = store.router, store.status

        assert store.reload("poll")
        assert store.router is old
        assert store.status == status
        assert len(told) == 1

    def test_force_loads_the_same_content(self, store: PolicyStore, told: list[ReloadDetails]) -> None:
        """SIGHUP builds everything anew, as for changed word lists beside the policy."""
        old = store.router

        assert store.reload("sighup", force=True)
        assert store.router is not old
        assert (told[-1].trigger, told[-1].changed) == ("sighup", ())

    def test_warnings_are_those_in_force(self, store: PolicyStore, file: Path, policy: str) -> None:
        """A policy with a likely mistake is served, and the status says what is odd about it."""
        file.write_text(policy.replace("  code_words:", "  unused: {type: keyword, any: [x]}\n  code_words:"))

        assert store.reload("watch")
        assert "unused" in "".join(store.status.warnings)


class TestFailure:
    def test_the_last_good_policy_stays(self, store: PolicyStore, told: list[ReloadDetails], file: Path) -> None:
        """A broken file changes nothing but the status, which tells each problem with its place."""
        old, version = store.router, store.status.version
        file.write_text(BROKEN)

        assert not store.reload("watch")
        assert store.router is old
        assert store.status.version == version
        assert not store.status.last_ok
        assert store.status.failures == 1
        assert f"{file}:2:" in store.status.errors[0]
        assert (told[-1].ok, told[-1].version) == (False, version_of(BROKEN))
        assert told[-1].errors == store.status.errors

    def test_a_warning_is_no_error(self, store: PolicyStore, file: Path, policy: str) -> None:
        """Of a refused policy only what it was refused for is told as an error."""
        unused = policy.replace("  code_words:", "  unused: {type: keyword, any: [x]}\n  code_words:")
        failing = "tests:\n  - {name: t, request: {body: {model: auto, messages: []}}, expect: {pool: large}}\n"
        file.write_text(unused + failing)

        assert not store.reload("watch")
        assert "the test 't' fails" in "".join(store.status.errors)
        assert not any("warning:" in error for error in store.status.errors)

    def test_is_told_once(self, store: PolicyStore, told: list[ReloadDetails], file: Path) -> None:
        """Looking again at the same broken file tells nobody again, and is still not right."""
        file.write_text(BROKEN)

        assert [store.reload("poll") for _ in range(3)] == [False] * 3
        assert len(told) == 2
        assert store.status.failures == 1

    def test_a_file_that_is_not_text_is_told_once(self, store: PolicyStore, told: list[ReloadDetails], file: Path) -> None:
        """Bytes that are not UTF-8 are a problem like any other."""
        file.write_bytes(b"version: \xff\n")

        assert [store.reload("poll") for _ in range(3)] == [False] * 3
        assert len(told) == 2
        assert "UTF-8" in store.status.errors[0]

    def test_another_mistake_is_told(self, store: PolicyStore, told: list[ReloadDetails], file: Path) -> None:
        """A second broken version is a second failure."""
        for text in (BROKEN, BROKEN + "# more\n"):
            file.write_text(text)
            store.reload("watch")

        assert [one.ok for one in told] == [True, False, False]

    def test_going_back_is_told(self, store: PolicyStore, told: list[ReloadDetails], file: Path, policy: str) -> None:
        """After a broken version the old content makes everything good."""
        file.write_text(BROKEN)
        store.reload("watch")
        file.write_text(policy)

        assert store.reload("watch")
        assert store.status.last_ok
        assert store.status.errors == ()
        assert told[-1].ok

    def test_a_policy_that_fails_its_own_tests_is_refused(self, store: PolicyStore, file: Path, policy: str) -> None:
        """The tests in the file guard it."""
        old = store.router
        body = "{model: auto, messages: [{role: user, content: hi}]}"
        file.write_text(policy + f"tests:\n  - {{name: t, request: {{body: {body}}}, expect: {{pool: large}}}}\n")

        assert not store.reload("watch")
        assert store.router is old

    def test_a_loader_that_breaks_is_a_failure(self, file: Path, loader: Load, hooks: Hooks, policy: str) -> None:
        """A bug that a policy brings to light must not end the watch: later versions are still looked at."""
        broken = True

        def loading(path: Path) -> Loaded:
            if broken and "# changed" in path.read_text():
                raise RuntimeError("a bug")
            return loader(path)

        store = PolicyStore(file, loading, hooks)
        file.write_text(policy + "# changed\n")

        assert not store.reload("watch")
        assert store.status.errors == (f"{file}: RuntimeError: a bug",)
        broken = False
        assert store.reload("sighup", force=True)


class TestMissing:
    def test_a_file_that_is_gone_is_told_once(self, store: PolicyStore, told: list[ReloadDetails], file: Path) -> None:
        """A mount that stays away leaves the policy in force, and is told once."""
        old = store.router
        file.unlink()

        assert [store.reload("poll") for _ in range(3)] == [False] * 3
        assert store.router is old
        assert [one.ok for one in told] == [True, False]
        assert store.status.errors == (f"{file}: No such file or directory",)

    def test_a_file_that_comes_back_is_good_again(
        self, store: PolicyStore, told: list[ReloadDetails], file: Path, policy: str
    ) -> None:
        """Also with the very content that is in force: the status must not stay failed."""
        file.unlink()
        store.reload("poll")
        file.write_text(policy)

        assert store.reload("poll")
        assert store.status.last_ok
        assert store.status.errors == ()
        assert [one.ok for one in told] == [True, False, True]

    def test_gone_again_is_told_again(self, store: PolicyStore, told: list[ReloadDetails], file: Path, policy: str) -> None:
        """What was good in between is a new failure."""
        for _ in range(2):
            file.unlink()
            store.reload("poll")
            file.write_text(policy)
            store.reload("poll")

        assert [one.ok for one in told] == [True, False, True, False, True]

    def test_a_path_that_cannot_even_be_looked_at(self, file: Path, loader: Load, hooks: Hooks) -> None:
        """An error in finding the file is a failure like one in reading it."""
        link = file.parent / "link.yaml"
        link.symlink_to(file)
        store = PolicyStore(link, loader, hooks)
        link.unlink()
        link.symlink_to("x" * 300)

        assert not store.reload("poll")
        assert "File name too long" in store.status.errors[0]


class TestThreads:
    def test_reloads_are_one_at_a_time(self, file: Path, loader: Load, hooks: Hooks, policy: str) -> None:
        """Several triggers at once load a changed file once, and the router can be read meanwhile."""
        inside: list[int] = []
        together: list[int] = []

        def loading(path: Path) -> Loaded:
            inside.append(1)
            together.append(len(inside))
            time.sleep(0.01)
            loaded = loader(path)
            inside.pop()
            return replace(loaded)

        store = PolicyStore(file, loading, hooks)
        file.write_text(policy + "# changed\n")
        threads = [threading.Thread(target=store.reload, args=("watch",)) for _ in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            assert store.router.policy.pools
        for thread in threads:
            thread.join()

        assert together == [1, 1]
        assert store.status.reloads == 1
