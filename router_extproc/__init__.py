"""An Envoy external processor that sends each LLM request to the right model pool."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("router-extproc")
except PackageNotFoundError:  # a source tree on sys.path that was never installed
    __version__ = "0.0.0+source"

__all__ = ["__version__"]
