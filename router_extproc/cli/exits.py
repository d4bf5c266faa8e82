"""Exit codes: what a script can rely on."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What each exit code of `router-extproc` means."""

    OK = 0
    FINDINGS = 1
    """The command ran and the answer is no: the policy has errors, a test failed, a demo request went elsewhere."""
    USAGE = 2
    """The command line is wrong (typer's own code for it)."""
    INPUT = 3
    """A file cannot be read, or a line of it is not what it should be."""
    ENVIRONMENT = 4
    """Something that the command needs is not installed or not free: Envoy, an extra, a port."""


HELP = """
Exit codes: 0 all is well, 1 the answer is no (errors in the policy, a failed test, a request that went elsewhere),
2 wrong usage, 3 a file cannot be read, 4 something needed is missing (Envoy, an extra, a free port).
"""
