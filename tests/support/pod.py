"""Pod: the containers of a rendered Deployment, Job or Pod as real processes, for tests: own network and root, ConfigMaps as the kubelet's.

Needs root and Linux namespaces. Paths, arguments, ports, probes, mounts and the user are the chart's; the images are this machine.
"""

from __future__ import annotations

import ctypes
import http.client
import itertools
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

import router_extproc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_BIN = Path(sys.executable).parent
_PROGRAM = (_BIN.parent, Path(router_extproc.__file__).resolve().parents[1], Path(sys.base_prefix).resolve())
"""Folders that the program runs from: environment, package, interpreter."""
_NEW_NETWORK = 0x40000000
"""CLONE_NEWNET of setns(2)."""
_PATIENCE_S = 60.0
_LIBC = ctypes.CDLL(None, use_errno=True)
_NUMBERS = itertools.count()


def impossible() -> str:
    """Why no pod can be run here; empty if one can."""
    if os.geteuid() != 0:
        return "running the chart's pod needs root, for namespaces and mounts"
    missing = [tool for tool in ("ip", "unshare", "mount", "chroot") if shutil.which(tool) is None]
    if missing:
        return f"running the chart's pod needs {', '.join(missing)}"
    tried = subprocess.run(["unshare", "--mount", "--net", "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else f"no namespaces here: {tried.stderr.decode().strip()}"


def project(folder: Path, files: Mapping[str, str]) -> None:
    """Bring a ConfigMap volume up to date in the order of the kubelet's AtomicWriter: all files appear in one rename of `..data`."""
    folder.mkdir(parents=True, exist_ok=True)
    current = folder / "..data"
    old = folder / current.readlink() if current.is_symlink() else None
    if old is not None and {each.name: each.read_text() for each in old.iterdir()} == dict(files):
        return
    fresh = Path(tempfile.mkdtemp(prefix=time.strftime("..%Y_%m_%d_%H_%M_%S."), dir=folder))
    fresh.chmod(0o755)
    for name, text in files.items():
        (fresh / name).write_text(text)
        (fresh / name).chmod(0o644)
    (folder / "..data_tmp").symlink_to(fresh.name)
    (folder / "..data_tmp").rename(current)
    for name in files:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    for link in folder.iterdir():
        if not link.name.startswith("..") and link.name not in files:
            link.unlink()
    if old is not None:
        shutil.rmtree(old)


class Pod:
    """One pod of a Deployment, a Job, or a Pod object; `objects` hold its ConfigMaps."""

    def __init__(
        self,
        owner: Mapping[str, Any],
        objects: Sequence[Mapping[str, Any]],
        folder: Path,
        hosts: Sequence[str] = (),
        *,
        beside: Pod | None = None,
    ) -> None:
        """`hosts` are lines of /etc/hosts; the network is that of the pod `beside`, if there is one."""
        self.spec = owner["spec"].get("template", owner)["spec"]
        self._folder = folder
        self._hosts = hosts
        self._beside = beside
        self._network: str = beside._network if beside else f"pod-{os.getpid()}-{next(_NUMBERS)}"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._sidecars = [each["name"] for each in self.spec.get("initContainers", ()) if each.get("restartPolicy") == "Always"]
        self._containers = {each["name"]: each for each in (*self.spec.get("initContainers", ()), *self.spec["containers"])}
        for volume in self.spec["volumes"]:
            place = self._volume(volume["name"])
            place.mkdir(parents=True)
            if "emptyDir" in volume:
                group = self.spec["securityContext"].get("fsGroup")
                os.chown(place, 0, group or 0)
                place.chmod(0o2770 if group else 0o777)
        self.sync(objects)
        if beside is None:
            subprocess.run(["ip", "netns", "add", self._network], check=True)
            subprocess.run(["ip", "-n", self._network, "link", "set", "lo", "up"], check=True)

    def _volume(self, name: str) -> Path:
        return self._folder / "volumes" / name

    def sync(self, objects: Sequence[Mapping[str, Any]]) -> None:
        """What the kubelet does after a ConfigMap was changed; nothing is restarted."""
        maps = {each["metadata"]["name"]: each["data"] for each in objects if each["kind"] == "ConfigMap"}
        for volume in self.spec["volumes"]:
            sources = volume.get("projected", {}).get("sources") or ([volume] if "configMap" in volume else [])
            if sources:
                files = {name: text for each in sources for name, text in maps[each["configMap"]["name"]].items()}
                project(self._volume(volume["name"]), files)

    def start(self) -> None:
        """Start all containers in the kubelet's order, and wait until they are ready."""
        for name, container in self._containers.items():
            self.launch(name)
            if name in self._sidecars:
                self.await_probe(container, "startupProbe")
        for container in self._containers.values():
            self.await_probe(container, "readinessProbe")

    def complete(self) -> int:
        """Run all containers to their end, as a Job's pod does; the worst exit status."""
        for name in self._containers:
            self.launch(name)
        return max(self._processes[name].wait(_PATIENCE_S) for name in self._containers)

    def command(self, *words: str) -> None:
        """Run something of ours in the pod's network until the pod ends."""
        self._processes[f"own-{len(self._processes)}"] = subprocess.Popen(
            ["ip", "netns", "exec", self._network, *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run something of ours in the pod's network to its end."""
        command = ["ip", "netns", "exec", self._network, *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE_S)

    def status(self, name: str) -> dict[str, str]:
        """What /proc tells of a container's process."""
        lines = Path(f"/proc/{self.pid(name)}/status").read_text().splitlines()
        return dict(line.split(":\t", 1) for line in lines if ":\t" in line)

    def root(self, name: str) -> Path:
        """A container's root folder, as its process sees it."""
        return Path(f"/proc/{self.pid(name)}/root")

    def launch(self, name: str) -> None:
        """Start a container."""
        container = self._containers[name]
        context = container["securityContext"]
        base = self._folder / "roots" / f"{name}-{time.monotonic_ns()}"
        for part in ("upper", "work", "merged"):
            (base / part).mkdir(parents=True)
        root = base / "merged"
        (base / "hosts").write_text("\n".join(("127.0.0.1 localhost", *self._hosts, "")))
        steps = [
            "set -e",
            "mount --make-rprivate /",
            f"mount -t overlay overlay -o lowerdir=/,upperdir={base}/upper,workdir={base}/work {root}",
            *(f"mount --rbind /{part} {root}/{part}" for part in ("proc", "dev", "sys")),
            f"cp {base}/hosts {root}/etc/hosts",
            # The interpreter may lie below a home that only root may enter; only this overlay's copy is opened.
            *(
                f"chmod o+x {shlex.quote(str(root) + str(parent))}"
                for parent in Path(os.path.realpath(sys.executable)).parents[:-1]
            ),
            *(f"chmod o+x {shlex.quote(str(root) + str(parent))}" for parent in _BIN.parents[:-1]),
        ]
        for mount in container["volumeMounts"]:
            place = f"{root}{mount['mountPath']}"
            steps += [f"mkdir -p {place}", f"mount --bind {self._volume(mount['name'])} {place}"]
            if mount.get("readOnly"):
                steps.append(f"mount -o remount,bind,ro {place}")
            for folder in _PROGRAM:
                if folder.is_relative_to(mount["mountPath"]):  # a checkout in /tmp, say, which the volume now hides
                    steps += [f"mkdir -p {root}{folder}", f"mount --bind {folder} {root}{folder}"]
        if context["readOnlyRootFilesystem"]:
            steps.append(f"mount -o remount,ro {root}")
        user = f"{context['runAsUser']}:{context['runAsGroup']}"
        groups = f"--groups={self.spec['securityContext'].get('fsGroup', '')}"
        words = [*container["command"], *container.get("args", ())]
        steps.append(
            f"exec chroot --userspec={user} {groups} {root} /usr/bin/env -i PATH={_BIN}:/usr/bin:/bin HOME=/tmp {shlex.join(words)}"
        )
        with (self._folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                ["ip", "netns", "exec", self._network, "unshare", "--mount", "bash", "-c", "\n".join(steps)],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def pid(self, name: str) -> int:
        """A container's process."""
        return self._processes[name].pid

    def kill(self, name: str) -> None:
        """End a container at once, as a crash does."""
        os.killpg(self.pid(name), signal.SIGKILL)
        self._processes[name].wait(_PATIENCE_S)

    def pre_stop(self, name: str) -> None:
        """Run a container's preStop hook to its end."""
        (hook,) = [self._containers[name]["lifecycle"]["preStop"]["exec"]["command"]]
        subprocess.run(["ip", "netns", "exec", self._network, *hook], check=True, timeout=120)

    def end(self, name: str) -> int:
        """SIGTERM, and the exit status."""
        os.killpg(self.pid(name), signal.SIGTERM)
        return self._processes[name].wait(_PATIENCE_S)

    def log(self, name: str) -> str:
        """What a container printed."""
        return (self._folder / f"{name}.log").read_text(errors="replace")

    @contextmanager
    def network(self) -> Iterator[None]:
        """Whatever this thread opens within is in the pod's network."""
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        pods = os.open(f"/run/netns/{self._network}", os.O_RDONLY)
        try:
            if _LIBC.setns(pods, _NEW_NETWORK):
                raise OSError(ctypes.get_errno(), "setns")
            yield
        finally:
            _LIBC.setns(own, _NEW_NETWORK)
            os.close(own)
            os.close(pods)

    def await_probe(self, container: Mapping[str, Any], name: str) -> None:
        """Wait until a probe of the chart's succeeds."""
        ports = {each["name"]: each["containerPort"] for each in container["ports"]}
        until(lambda: self._succeeds(container[name], ports), f"{container['name']}: {name}", lambda: self.log(container["name"]))

    def _succeeds(self, probe: Mapping[str, Any], ports: Mapping[str, int]) -> bool:
        with self.network(), suppress(OSError, grpc.RpcError, http.client.HTTPException):
            if "httpGet" in probe:
                return get(ports[probe["httpGet"]["port"]], probe["httpGet"]["path"])[0] == http.client.OK
            asked = probe["grpc"]
            with grpc.insecure_channel(f"127.0.0.1:{asked['port']}") as channel:
                request = health_pb2.HealthCheckRequest(service=asked["service"])
                told = health_pb2_grpc.HealthStub(channel).Check(request, timeout=1)
            return bool(told.status == health_pb2.HealthCheckResponse.SERVING)
        return False

    def stop(self) -> None:
        """End everything."""
        for process in self._processes.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(_PATIENCE_S)
        if self._beside is None:
            subprocess.run(["ip", "netns", "del", self._network], check=False)


def get(port: int, path: str, address: str = "127.0.0.1") -> tuple[int, bytes]:
    """Status and body of a GET on loopback."""
    connection = http.client.HTTPConnection(address, port, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def until(holds: Callable[[], bool], what: str, more: Callable[[], str] = str) -> float:
    """Wait until something holds; the seconds that it took. Raises TimeoutError with `more`."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > _PATIENCE_S:
            raise TimeoutError(f"{what}\n{more()[-3000:]}")
        time.sleep(0.02)
    return time.monotonic() - began
