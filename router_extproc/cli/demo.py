"""`demo`: real prompts through the real Envoy."""

from __future__ import annotations

from router_extproc.cli.console import err, fail, out
from router_extproc.cli.exits import Exit


def run(*, as_json: bool, keep: bool, agent: bool) -> Exit:
    """Run the demo; its table goes to stderr where stdout is for the JSON line."""
    if agent and keep:
        fail(Exit.USAGE, "--agent ends by itself: leave --keep out")
    if agent:
        from router_extproc.demo.agent import run_agent  # noqa: PLC0415 - as below

        return Exit(run_agent(as_json=as_json, console=err if as_json else out))
    from router_extproc.demo.run import run_demo  # noqa: PLC0415 - needs the demo extra, which only this command asks for

    return Exit(run_demo(as_json=as_json, keep=keep, console=err if as_json else out))
