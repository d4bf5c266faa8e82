"""`explain`: what would become of one request, and why, as a tree for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from router_extproc.cache.keys import refusal
from router_extproc.cli.console import fail, out, read_bytes
from router_extproc.cli.exits import Exit
from router_extproc.cli.policy_file import load_or_exit
from router_extproc.config.offline import decide, explain
from router_extproc.errors import RequestRefusedError
from router_extproc.policy.expression import observed, share
from router_extproc.routing import HeaderOp, Signal, Truth, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rich.console import RenderableType

    from router_extproc.policy.compiled import ConditionTrace
    from router_extproc.router import Explanation
    from router_extproc.router.admission import LimitState
    from router_extproc.routing import Outcome, SignalResult

_MARKS = {
    Truth.TRUE: ("yes", "green"),
    Truth.FALSE: ("no", "red"),
    Truth.UNKNOWN: ("unknown", "yellow"),
    None: ("not needed", "dim"),
}


def run(policy: Path, *, request: Path, path: str, headers: Sequence[str], as_json: bool, models: Path | None = None) -> Exit:
    """Explain one request; see `router-extproc explain --help`."""
    given = dict(_header(header) for header in headers)
    body = read_bytes(request, Exit.INPUT)
    router = load_or_exit(policy, models)
    try:
        explanation = explain(router, path=path, headers=given, body=body)
    except RequestRefusedError as error:
        return _unread(decide(router, path=path, headers=given, body=body), error, as_json=as_json)
    if as_json:
        typer.echo(json.dumps(explanation.to_dict(), indent=2))
        return Exit.OK
    for part in rendered(explanation):
        out.print(part)
    return Exit.OK


def _header(text: str) -> tuple[str, str]:
    name, separator, value = text.partition(":")
    if not separator or not name.strip():
        fail(Exit.USAGE, f"--header takes 'name: value', not {text!r}")
    return name.strip().lower(), value.strip()


def _unread(outcome: Outcome, error: RequestRefusedError, *, as_json: bool) -> Exit:
    """What becomes of a request that no rule ever sees."""
    reason = outcome.decision.reason.value
    pool = outcome.selection.pool.name if outcome.selection else None
    if as_json:
        told = {"verdict": outcome.verdict.value, "decision": outcome.decision.name, "reason": reason, "pool": pool}
        typer.echo(json.dumps({**told, "status": outcome.status, "message": error.message}, indent=2))
        return Exit.OK
    ends = {
        Verdict.PASS: "it passes untouched, by Envoy's own routes",
        Verdict.ROUTE: f"it goes to the pool {pool} without having been looked at, as the policy says",
    }
    out.print(f"No rule was asked ({reason}): {error.message}")
    out.print(f"-> {ends.get(outcome.verdict, f'it is refused with HTTP {outcome.status}')}", style="bold")
    return Exit.OK


def rendered(explanation: Explanation) -> Iterator[RenderableType]:
    """The parts of an explanation, top to bottom: outcome, rules, signals, candidates, changes."""
    yield _request_line(explanation)
    yield _outcome_line(explanation.outcome)
    if explanation.limits:
        yield _limits(explanation.limits)
    yield _rules(explanation)
    if explanation.outcome.signals or explanation.outcome.skipped:
        yield _signals(explanation.outcome)
    selection = explanation.outcome.selection
    if selection is not None and len(selection.scores) + len(selection.filtered) > 1:
        yield _candidates(explanation.outcome)
    yield from _session(explanation.outcome)
    yield _changes(explanation.outcome)
    if explanation.outcome.cache is not None:
        yield _cache(explanation)


def _request_line(explanation: Explanation) -> Text:
    request = explanation.request
    facts = [
        request.api,
        f"model {request.model!r}" if request.model else "no model named",
        f"{len(request.messages)} messages",
        f"about {explanation.token_estimate} tokens",
        *([f"{len(request.tools)} tools"] if request.tools else []),
        *(["streamed"] if request.stream else []),
    ]
    return Text(f"Request   {', '.join(facts)}")


def _outcome_line(outcome: Outcome) -> Text:
    decision, selection = outcome.decision, outcome.selection
    recipe = f" of the recipe {decision.recipe}" if decision.recipe else ""
    why = {
        "default": f"no decision{recipe} matched",
        "explicit-model": "the caller named this model" if selection else "no pool has the model that the caller named",
    }.get(decision.name, f"the decision {decision.name}{recipe} {_matched(outcome)}")
    ends = {
        Verdict.REJECT: f"refused with HTTP {outcome.status}: {outcome.message}",
        Verdict.ANSWER: f"answered by the router: {outcome.message}",
    }
    where = f"pool {selection.pool.name}, model {selection.model or 'as named'}" if selection else ends.get(outcome.verdict, "")
    text = Text("Outcome   ")
    text.append(f"-> {where}", style="bold green" if outcome.verdict is Verdict.ROUTE else "bold red")
    text.append(f"\nBecause   {why} (reason: {decision.reason})")
    text.append(f"\nTook      {outcome.route_us / 1000:.2f} ms, policy {outcome.policy}", style="dim")
    return text


def _matched(outcome: Outcome) -> str:
    if outcome.decision.reason.value == "unknown_denied":
        why = "; ".join(_lacking(name, outcome.signals[name]) for name in outcome.decision.unknown)
        return f"could not be decided ({why}), and what it cannot check it refuses"
    return (
        "matched, but none of its pools can serve the request" if outcome.decision.reason.value == "no_candidate" else "matched"
    )


def _lacking(name: str, result: SignalResult) -> str:
    """Why a signal was not enough to decide by."""
    if isinstance(result, Signal):
        return f"{name}: {share(result.coverage)} of the text looked at, less than minCoverage"
    return f"{name}: {observed(result)}"


def _limits(limits: Sequence[LimitState]) -> Table:
    columns = ("limit", "counts by", "requests", "tokens")
    table = Table(*columns, box=None, header_style="bold", pad_edge=False, title="Rate limits", title_justify="left")
    for each in limits:
        by = ", ".join(f"{label} {value or '(none)'}" for label, value in each.per.items()) or "all requests"
        requests, tokens, _ = each.takes
        if each.applies and not requests:
            table.add_row(each.limit, f"{by}: such requests are refused", "", "")
        elif each.applies:
            table.add_row(each.limit, by, str(requests), str(tokens))
        else:
            table.add_row(Text(each.limit, style="dim"), Text("not for this request", style="dim"), "", "")
    return table


def _rules(explanation: Explanation) -> Tree:
    tree = Tree("Decisions, in the order in which they were asked", guide_style="dim")
    for rule in explanation.rules:
        branch = tree.add(_marked(rule.trace.truth, rule.trace.rule, _effect(rule.trace.effect)))
        if rule.condition is not None:
            _add(branch, rule.condition)
    if explanation.unasked:
        tree.add(Text(f"not asked: {', '.join(explanation.unasked)}", style="dim"))
    if not explanation.rules and not explanation.unasked:
        tree.add(Text("there are none: the default applies", style="dim"))
    return tree


def _effect(effect: str) -> str:
    return {"matched": "this decides", "modified": "applies; the search goes on", "no match": ""}.get(effect, effect)


def _marked(truth: Truth | None, text: str, note: str = "") -> Text:
    word, style = _MARKS[truth]
    line = Text()
    line.append(f"{word:<12}", style=style)
    line.append(text)
    if note:
        line.append(f"  {note}", style="bold" if note == "this decides" else "dim")
    return line


def _add(branch: Tree, trace: ConditionTrace) -> None:
    seen = f"it is {trace.observed}" if trace.observed and trace.truth is not None else ""
    leaf = branch.add(_marked(trace.truth, trace.text, seen))
    for part in trace.parts:
        _add(leaf, part)


def _signals(outcome: Outcome) -> Table:
    table = Table(
        "signal",
        "value",
        "found",
        "microseconds",
        box=None,
        header_style="bold",
        pad_edge=False,
        title="Signals",
        title_justify="left",
    )
    for name, result in outcome.signals.items():
        table.add_row(name, _value(result), _evidence(result), f"{outcome.signal_us.get(name, 0.0):.0f}")
    for skipped in outcome.skipped:
        table.add_row(Text(skipped.name, style="dim"), Text("-", style="dim"), Text(skipped.why, style="dim"), "")
    return table


def _value(result: SignalResult) -> str:
    return observed(result)


def _evidence(result: SignalResult) -> str:
    return ", ".join(result.evidence) if isinstance(result, Signal) else result.detail


def _candidates(outcome: Outcome) -> Table:
    selection = outcome.selection
    title = f"Candidates, chosen by {selection.selector}" if selection else ""
    if selection is not None and selection.notes:
        title = f"{title} ({', '.join(selection.notes)})"
    judged = selection.quality if selection is not None else {}
    columns = ("pool", "quality", "score", "") if judged else ("pool", "score", "")
    table = Table(*columns, box=None, header_style="bold", pad_edge=False, title=title, title_justify="left")
    if selection is not None:
        for name, score in sorted(selection.scores.items(), key=lambda item: -item[1]):
            quality = (f"{judged[name]:.3f}",) if judged else ()
            table.add_row(name, *quality, f"{score:.3f}", "chosen" if name == selection.pool.name else "")
        for name, why in selection.filtered.items():
            table.add_row(name, *(("-",) if judged else ()), "-", f"cannot serve it: {why}")
    return table


def _cache(explanation: Explanation) -> Text:
    rule = explanation.outcome.cache
    if rule is None:
        return Text()
    why = refusal(rule, explanation.request)
    told = f"left out ({why})" if why else f"kept for {rule.ttl_s:g} s"
    return Text(f"Cache     {rule.mode.value}, for one {rule.scope.value}: {told}".replace("for one global", "for everybody"))


def _session(outcome: Outcome) -> Iterator[Text]:
    """What sessions and the pools' health made of it; a request that is only explained opens a session of its own."""
    note = outcome.session
    if note is not None:
        yield Text(
            f"Session   known by its {note.source.value}, turn {note.turn}: {note.move.value}{f' ({note.why})' if note.why else ''}"
        )
    for each in outcome.reroutes:
        yield Text(f"Reroute   {each.pool} -> {each.to or 'nowhere'}: {each.why}")


def _changes(outcome: Outcome) -> Text:
    edits = outcome.edits
    changes = [f"model -> {edits.model}"] if edits.model is not None else []
    changes += [f"{name} at most {value}" for name, value in edits.caps.items()]
    changes += [f"without {name}" for name in sorted(edits.blocked)]
    changes += [f"system prompt: {edit.mode.value}" for edit in edits.system]
    changes += [f"reasoning effort {edits.reasoning_effort}"] if edits.reasoning_effort else []
    changes += [f"{kind}: {action.value}" for kind, action in sorted(outcome.private.items())]
    changes += [f"{outcome.stripped} texts removed"] if outcome.stripped else []
    for edit in outcome.headers:
        changes.append(f"header {edit.name}: {edit.op.value}" + ("" if edit.op is HeaderOp.REMOVE else f" {edit.value!r}"))
    return Text(f"Changes   {'; '.join(changes) if changes else 'none'}")
