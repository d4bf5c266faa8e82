"""The command line: `router-extproc`."""

from router_extproc.cli.app import main

__all__ = ["main"]
