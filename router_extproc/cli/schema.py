"""`schema`: the JSON Schema of the policy file."""

from __future__ import annotations

import json

import typer

from router_extproc.cli.exits import Exit
from router_extproc.policy.schema import json_schema
from router_extproc.selectors.registry import SELECTORS
from router_extproc.signals.registry import EXTRACTORS


def run() -> Exit:
    """Print the schema with every registered signal and selector."""
    typer.echo(json.dumps(json_schema(EXTRACTORS, SELECTORS), indent=2))
    return Exit.OK
