"""Release: the standalone pod of a release at work, with a model server for each pool and callers, for tests."""

from __future__ import annotations

import copy
import itertools
import json
import sys
import threading
from contextlib import suppress
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Self

from pod import Pod, get, until
from prometheus_client.parser import text_string_to_metric_families

from router_extproc.demo.client import Client

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from conftest import Helm, Rendered

ENVOY, STATS, METRICS, ADMIN = 8080, 9902, 9004, 9003
POOLS = ("small", "large", "new")
CHAT = "/v1/chat/completions"
DOMAIN = "llm.svc.cluster.local"


def wanted(*, transport: str = "unix", default: str = "small", pools: tuple[str, ...] = POOLS[:2], **more: Any) -> dict[str, Any]:
    """Values: pools on loopback, each on a port of its own; who writes "proof" goes to the large one."""
    services = {name: {"service": {"name": name, "port": 8100 + POOLS.index(name)}} for name in pools}
    policy = {
        "default": default,
        "signals": {"proof": {"type": "keyword", "any": ["proof"]}},
        "decisions": [{"name": "proofs", "when": "proof", "route": "large"}],
    }
    return {"pools": services, "policy": policy, "router": {"transport": transport, "encoderThreads": 1}, **more}


class Running:
    """The pod, its model servers, and whatever else a test asks of it."""

    def __init__(self, helm: Helm, folder: Path, values: Mapping[str, Any], **addresses: Sequence[str]) -> None:
        """A pool's name leads to its `addresses`; to 127.0.0.1 where none are given."""
        self._helm = helm
        self.values = copy.deepcopy(dict(values))
        objects = self.objects()
        found = {name: addresses.get(name, ("127.0.0.1",)) for name in {*POOLS, *self.values["pools"]}}
        hosts = [f"{address} {name}.{DOMAIN}" for name, each in found.items() for address in each]
        self.pod = Pod(objects.one("Deployment"), objects.objects, folder, hosts)

    def objects(self) -> Rendered:
        """The release's, by the values as they are now."""
        return self._helm.rendered(self.values)

    def notes(self) -> str:
        """What an install prints at its end."""
        return self._helm.notes(self.values)

    def start(self) -> None:
        """Start model servers and the pod, and wait until a request is routed."""
        for number, name in enumerate(POOLS):
            port = 8100 + number
            self.serve(port, "-m", "router_extproc.demo.model_server", "--name", name, "--port", str(port))
        self.pod.start()
        until(lambda: self.ask("hello") == (200, "small"), "a routed request", lambda: self.pod.log("envoy"))

    def serve(self, port: int, *words: str, address: str = "127.0.0.1") -> None:
        """Start a Python program in the pod's network, and wait until it listens there."""
        self.pod.command(sys.executable, *words)
        until(lambda: self._listens(port, address), " ".join(words))

    def _listens(self, port: int, address: str) -> bool:
        with suppress(OSError), self.pod.network():
            return bool(get(port, "/healthz", address)[1])
        return False

    def upgrade(self, **changes: Any) -> None:
        """`helm upgrade`, as far as ConfigMaps go."""
        self.values |= changes
        self.pod.sync(self.objects().objects)

    def edit(self, policy: str) -> None:
        """`kubectl edit` of the policy's ConfigMap: this text, whatever the values say."""
        objects = self.objects()
        objects.one("ConfigMap", "-policy")["data"]["policy.yaml"] = policy
        self.pod.sync(objects.objects)

    def ask(
        self, text: str, headers: Mapping[str, str] | None = None, *, client: Client | None = None, stream: bool = False
    ) -> tuple[int, str]:
        """Status, and the pool that answered to the end; over a connection of its own unless one is given."""
        body = json.dumps({"model": "auto", "messages": [{"role": "user", "content": text}], "stream": stream}).encode()
        with self.pod.network():
            chosen = client or Client(f"http://127.0.0.1:{ENVOY}", timeout_s=10)
            try:
                told = chosen.post(CHAT, body, headers)
            except (OSError, HTTPException):
                return 0, ""
            finally:
                if client is None:
                    chosen.close()
        return told.status, told.headers.get("x-served-by", "")

    def page(self, port: int, path: str) -> str:
        """A page of the pod's."""
        with self.pod.network():
            return get(port, path)[1].decode()

    def status(self) -> dict[str, Any]:
        """What the admin port, which only the pod's own network reaches, tells of the policy."""
        told: dict[str, Any] = json.loads(self.page(ADMIN, "/config/status"))
        return told

    def metric(self, name: str, **labels: str) -> float:
        """What the router counts: the sum of a metric's samples with these labels. Raises KeyError where there is none."""
        families = text_string_to_metric_families(self.page(METRICS, "/metrics"))
        samples = [each for family in families for each in family.samples if each.name == name]
        found = [each.value for each in samples if labels.items() <= each.labels.items()]
        if not found:
            raise KeyError(name)
        return sum(found)


class Load:
    """Requests without a break, in a thread, to each pod in turn; whatever is no 200 is kept.

    Over connections that stay open until Envoy closes them, as callers' do, and one of its own for every third request.
    """

    def __init__(self, *pods: Running) -> None:
        self.pods = list(pods)
        """The endpoints: those that callers are sent to."""
        self._kept: dict[int, Client] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.answers: list[tuple[int, str]] = []

    def _work(self) -> None:
        for count in itertools.count():
            if self._over.is_set():
                break
            pod = self.pods[count % len(self.pods)]
            self.answers.append(pod.ask("hello") if count % 3 == 0 else pod.ask("hello", client=self._client(pod)))
        for client in self._kept.values():
            client.close()

    def _client(self, pod: Running) -> Client:
        return self._kept.setdefault(id(pod), Client(f"http://127.0.0.1:{ENVOY}", timeout_s=10))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def failed(self) -> list[tuple[int, str]]:
        """Answers that were none."""
        return [answer for answer in self.answers if answer[0] != 200]
