"""What Helm runs beside the release, as real processes: the policy check before an upgrade, and the pods of `helm test`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from pod import Pod, impossible
from release import DOMAIN, Running, wanted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Helm, Rendered

PROOFS = {"name": "proofs", "when": "proof", "route": "large"}
REQUEST = {"body": {"model": "auto", "messages": [{"role": "user", "content": "A proof."}]}}
CHECKS = {"Job": "-policy-check", "Pod": "-test-policy"}
"""By kind: the suffix of what runs `router-extproc check`."""

pytestmark = [pytest.mark.envoy, pytest.mark.skipif(bool(impossible()), reason=impossible() or "possible")]


def policy(**fields: Any) -> dict[str, Any]:
    """Values with another policy; Helm has no fault to find in it."""
    values = wanted()
    values["policy"] |= fields
    return values


@pytest.fixture(params=CHECKS)
def checked(request: pytest.FixtureRequest, helm: Helm, tmp_path: Path) -> Callable[[dict[str, Any]], tuple[int, str, Rendered]]:
    """Runs what checks the policy of these values: the exit status, the log, and what Helm made of the values."""

    def check(values: dict[str, Any]) -> tuple[int, str, Rendered]:
        rendered = helm.rendered(values)
        pod = Pod(rendered.one(request.param, CHECKS[request.param]), rendered.objects, tmp_path)
        try:
            (container,) = pod.spec["containers"]
            return pod.complete(), pod.log(container["name"]), rendered
        finally:
            pod.stop()

    return check


class TestPolicyCheck:
    def test_passes_a_good_policy(self, checked: Callable[[dict[str, Any]], tuple[int, str, Rendered]]) -> None:
        """With a test of its own, and a signal for which the model is read, as nobody and on a read-only root."""
        neural = {"type": "domain"}
        signals = {"proof": {"type": "keyword", "any": ["proof"]}, "subject": neural}
        tests = [{"name": "proofs are large", "request": REQUEST, "expect": {"pool": "large"}}]
        subjects = {"name": "maths", "when": {"signal": "subject", "is": "math"}, "route": "large"}

        status, log, _ = checked(policy(signals=signals, tests=tests, decisions=[PROOFS, subjects]))

        assert status == 0, log
        assert "1 test" in log

    def test_ends_an_upgrade_to_a_bad_one(self, checked: Callable[[dict[str, Any]], tuple[int, str, Rendered]]) -> None:
        """And says where: the line and the column of the file that the ConfigMap holds."""
        status, log, rendered = checked(policy(decisions=[PROOFS | {"when": "prof"}]))

        assert status == 1
        place = re.search(r"policy\.yaml:(\d+):(\d+)", log)
        assert place is not None, log
        line = rendered.file("-policy", "policy.yaml").splitlines()[int(place[1]) - 1]
        assert line[int(place[2]) - 1 :] == "prof"

    def test_ends_an_upgrade_to_one_that_fails_its_own_tests(
        self, checked: Callable[[dict[str, Any]], tuple[int, str, Rendered]]
    ) -> None:
        """Which is told by its name."""
        tests = [{"name": "proofs are small", "request": REQUEST, "expect": {"pool": "small"}}]

        status, log, _ = checked(policy(tests=tests))

        assert status == 1
        assert "proofs are small" in log


class TestRequest:
    def test_is_routed_by_the_running_pod(self, helm: Helm, tmp_path: Path) -> None:
        """Through the Service's address; once the router is dead it fails, and says with what."""
        # The Service's port is the pod's: no kube-proxy is here to translate.
        it = Running(helm, tmp_path / "release", wanted(service={"port": 8080}))
        try:
            it.start()
            before = it.metric("router_extproc_requests_total")

            status, log = self._asked(it, tmp_path / "good")
            assert status == 0, log
            assert re.search(r"http://demo-router-extproc\.llm\.svc\.cluster\.local:8080/.*: 200, routed and answered", log)
            assert it.metric("router_extproc_requests_total") == before + 1

            it.pod.kill("router")
            status, log = self._asked(it, tmp_path / "bad")
            assert status == 1
            assert re.search(r": 50\d: ", log)
        finally:
            it.pod.stop()

    @staticmethod
    def _asked(it: Running, folder: Path) -> tuple[int, str]:
        rendered = it.objects()
        pod = Pod(
            rendered.one("Pod", "-test-request"),
            rendered.objects,
            folder,
            [f"127.0.0.1 demo-router-extproc.{DOMAIN}"],
            beside=it.pod,
        )
        try:
            return pod.complete(), pod.log("request")
        finally:
            pod.stop()
