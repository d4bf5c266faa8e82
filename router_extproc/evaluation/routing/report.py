"""Report: the evaluation of routing as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router_extproc.evaluation.routing.agentic import TIER_PRICES
from router_extproc.evaluation.routing.measure import FOLDS
from router_extproc.evaluation.routing.table import ANSWER_TOKENS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from router_extproc.evaluation.routing.figures import MethodResult
    from router_extproc.evaluation.routing.measure import SetResult
    from router_extproc.evaluation.routing.run import RoutingEvaluation

_HEAD = f"""# Routing by learned quality, measured

Written by `router-extproc eval-routing`. Each set is one source of outcome tables: models' scores on the same requests. Each method is
fitted on the set's train rows, calibrated on its dev rows, and measured on its eval rows, which nothing was chosen by. All read what
serving reads: embedding and difficulty by the shipped int8 encoder.

- **best single**: the model that is best on the train rows, for all requests. Costs are shares of its cost.
- **frozen point**: what a dollar is worth in chances of a good answer is chosen on train rows ({FOLDS}-fold, by models that have not
  seen them) and dev rows: the most accurate that costs no more than the best single model. Then eval rows are routed, once.
- **thrifty point**: chosen likewise, but the cheapest that is as accurate as the best single model on those rows.
- **gain**: accuracy at the frozen point minus the best single model's on the same rows; the interval is a bootstrap over rows, 95 %.
- **swept**: accuracy at the best single model's cost, and the cost for 100 % and 95 % of its accuracy, on the curve over all worths on the
  eval rows and mixtures of its points. The curve is seen afterwards: it describes, it does not promise.
- Where all models cost the same (`routerdc_split2`) accuracy is all that counts.
- **AUC** tells right answers from wrong ones, model by model. `pair` says who is no worse than the strongest model and `contrastive` who is
  near, which is another question: theirs may be below a half.
- **area**: mean accuracy over costs from the cheapest single model's to the best's, on the non-decreasing hull (AIQ of RouterBench).
- **mixture**: chance mixtures of single models; the same hull over them. **random**: a model drawn evenly. **oracle**: whoever is right.
- Costs: RouterBench tells them. For other sets they are **estimates**: list prices or, for open weights, prices by size
  (`router_extproc/evaluation/routing/model_profiles.yaml`), a token for each four characters of the prompt and {ANSWER_TOKENS} tokens of
  answer.
- Microseconds: median of one decision's prediction on the machine of this run, one thread, without the encoder (whose reading is shared).
"""


def markdown(found: RoutingEvaluation, drawn: Mapping[str, str]) -> str:
    """The whole report; `drawn`: file names of plots, by set."""
    parts = [_HEAD, _split(found), _summary(found)]
    parts += [_set(each, found.default, drawn.get(each.name)) for each in found.sets]
    parts += [_published(found), _newcomers(found), _transferred(found), _changed(found), _agentic(found), _latency(found)]
    return "\n".join(part for part in parts if part)


def _split(found: RoutingEvaluation) -> str:
    if found.split == "eval":
        return ""
    return "**These figures are on dev rows, for choosing methods: not what is claimed.**\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def _n(value: float, digits: int = 3) -> str:
    return "-" if value != value else f"{value:.{digits}f}"  # noqa: PLR0124 - only NaN is not itself


def _default(each: SetResult, name: str) -> MethodResult:
    return next(one for one in each.methods if one.method == name)


def _summary(found: RoutingEvaluation) -> str:
    rows = []
    for each in found.sets:
        one, base = _default(each, found.default), each.baselines
        rows.append(
            (
                each.name,
                f"{each.rows:,}",
                str(each.models),
                f"{base.best} {_n(base.best_accuracy)}",
                f"**{_n(one.accuracy)}** at {_n(one.cost, 2)}",
                f"{one.gain:+.3f} ({one.gain_low:+.3f} to {one.gain_high:+.3f})",
                f"**{_n(one.thrifty_accuracy)}** at {_n(one.thrifty_cost, 2)}",
                f"({one.thrifty_gain_low:+.3f} to {one.thrifty_gain_high:+.3f})",
                _n(one.at_equal_cost),
                _n(one.cost_at_best, 2),
                _n(one.cost_at_95, 2),
                f"{_n(one.area)} / {_n(base.mixture_area)}",
                _n(base.oracle_accuracy),
            )
        )
    head = (
        "set",
        "rows",
        "models",
        "best single",
        "frozen: accuracy at cost",
        "gain (95 %)",
        "thrifty: accuracy at cost",
        "its gain, 95 %",
        "swept: at equal cost",
        "cost at 100 %",
        "at 95 %",
        "area / mixture",
        "oracle",
    )
    return f"## The default, `{found.default}`\n\n" + _table(head, rows)


def _set(each: SetResult, default: str, picture: str | None) -> str:
    base = each.baselines
    rows = [_plain_row(*row) for row in _baselines(each)]
    for one in each.methods:
        name = f"**{one.method}**" if one.method == default else one.method
        rows.append(
            (
                name,
                _n(one.accuracy),
                _n(one.cost, 2),
                f"{one.gain:+.3f} ({one.gain_low:+.3f} to {one.gain_high:+.3f})",
                f"{_n(one.thrifty_accuracy)} at {_n(one.thrifty_cost, 2)}",
                _n(one.at_equal_cost),
                _n(one.cost_at_best, 2),
                _n(one.cost_at_95, 2),
                _n(one.area),
                _n(one.regret),
                _n(one.auc),
                _n(one.brier),
                _n(one.ece),
            )
        )
    head = (
        "",
        "accuracy",
        "cost",
        "gain",
        "thrifty",
        "swept at equal cost",
        "cost at 100 %",
        "at 95 %",
        "area",
        "regret",
        "AUC",
        "Brier",
        "ECE",
    )
    told = (
        f"{each.rows:,} eval rows ({each.dropped} left out: not all candidates were tried), {each.train_rows:,} train rows, {each.models} "
        f"models; costs {'estimated' if each.estimated else 'from the data'}; the best single model's: {base.best_cost:.3f} US dollars a "
        f"thousand requests; area of the mixture: {_n(base.mixture_area)}."
    )
    shown = f"\n![{each.name}: accuracy against cost](routing_eval/{picture})\n" if picture else ""
    return f"## {each.name}\n\n{told}\n\n{_table(head, rows)}{shown}"


def _baselines(each: SetResult) -> list[tuple[str, float, float]]:
    """Name, accuracy and cost of choices that read no request."""
    base, (cheapest, _) = each.baselines, each.singles[each.baselines.cheapest]
    return [
        ("oracle", base.oracle_accuracy, base.oracle_cost),
        (f"best single: {base.best}", base.best_accuracy, 1.0),
        (f"cheapest: {base.cheapest}", base.cheapest_accuracy, 1000 * cheapest / base.best_cost),
        ("random", base.random_accuracy, base.random_cost),
        ("mixture at equal cost", base.mixture_at_equal_cost, 1.0),
    ]


def _plain_row(name: str, accuracy: float, cost: float) -> tuple[str, ...]:
    return (name, _n(accuracy), _n(cost, 2), *[""] * 10)


def _published(found: RoutingEvaluation) -> str:
    """Of the sets that hold the models which published figures are about."""
    rows = []
    for each in found.sets:
        for method, told in each.extras.items():
            if len(told) > 1:
                rows.append(
                    (
                        each.name,
                        method,
                        _n(told["spearman_of_mean_score"]),
                        _n(told.get("auc_of_8b", float("nan"))),
                        _n(told.get("apgr", float("nan"))),
                    )
                )
    head = ("set", "method", "Spearman of the mean score", "AUC, Llama-3.1-8B is right", "APGR, GPT-4 / Mixtral-8x7B")
    return "## Beside published figures\n\n" + _table(head, rows) + _PUBLISHED


_PUBLISHED = """
- MMLU-Pro: TF-IDF with ridge regression predicts the mean score with a Spearman of 0.446 and whether an 8B model is right with an AUC of
  0.646 (the category alone: 0.613). They are from another split of the same data.
- RouteLLM's APGR on MMLU is 0.60 for its best routers, trained on preference data beside a part of MMLU; 0.50 is chance. The rows of
  `mmlu_x26models` are part of MMLU, without erroneous questions, and the methods here have seen other rows of MMLU: an easier setting.
- RouterDC, Avengers, GraphRouter, LLMRouterBench: their splits or models differ from all sets here; the methods of that name are our own
  implementations on the shared, frozen encoder. Their papers' figures cannot be put beside these.
"""


def _newcomers(found: RoutingEvaluation) -> str:
    if not found.newcomers:
        return ""
    rows = []
    for method, told in found.newcomers.items():
        for each in told:
            counts = sorted(each.auc)
            rows.append(
                (
                    each.name,
                    method,
                    str(each.models),
                    *(f"{_n(each.auc[count])} / {_n(each.brier[count])} / {_n(each.bias[count])}" for count in counts),
                    f"{_n(each.known_auc)} / {_n(each.known_brier)}",
                )
            )
    counts = sorted(next(iter(found.newcomers.values()))[0].auc)
    head = ("set", "method", "models left out", *(f"{count} outcomes shown" for count in counts), "in training")
    return (
        "## New models\n\nModels left out of training one at a time, then predicted by their profile, and after some of their outcomes. "
        "AUC of good answers / Brier score / distance of the mean chance from the mean score.\n\n" + _table(head, rows)
    )


def _transferred(found: RoutingEvaluation) -> str:
    if not found.transferred:
        return ""
    rows = [
        (
            each.name,
            _n(each.auc),
            _n(each.order, 2),
            _n(each.ece),
            f"{_n(each.accuracy)} at {_n(each.cost, 2)}",
            f"{each.dearest} {_n(each.dearest_accuracy)}",
            _n(each.random_accuracy),
        )
        for each in found.transferred
    ]
    head = (
        "set",
        "AUC",
        "order of models",
        "ECE",
        "accuracy of the likeliest, share of the dearest's cost",
        "the dearest",
        "random",
    )
    return (
        "## Without outcomes of one's own\n\nThe method of the shipped model (`inductive`), made of all other licensed sources, "
        "on a source of which it has seen neither requests nor models: profiles alone tell. Order: Spearman of models' mean chances and "
        "mean scores.\n\n"
    ) + _table(head, rows)


def _changed(found: RoutingEvaluation) -> str:
    if not found.changed:
        return ""
    rows = [
        (
            each.name,
            each.perturbation,
            str(each.rows),
            _n(each.same, 2),
            f"{_n(each.accuracy_before)} to {_n(each.accuracy_after)}",
            _n(each.moved),
        )
        for each in found.changed
    ]
    head = ("set", "change", "rows", "same model chosen", "accuracy", "mean move of a chance")
    return f"## Changed texts\n\nThe frozen point of `{found.default}`, on texts changed in ways that ask the same.\n\n" + _table(
        head, rows
    )


def _agentic(found: RoutingEvaluation) -> str:
    if not found.twin:
        return ""
    rows = [
        (each.name, *(f"{value:.1f}" for value in (each.rowpass, each.rowexact, each.trajpass, each.costsave, each.combined)))
        for each in found.twin
    ]
    head = ("", "ROWPASS", "ROWEXACT", "TRAJPASS", "COSTSAVE", "COMBINED")
    grades = [(name, f"{100 * value:.1f}") for name, value in found.graded.items()]
    prices = ", ".join(f"{price:g}" for price in TIER_PRICES)
    return (
        "## Steps of agents\n\nThe published steps of TwinRouterBench, ten-fold cross-validation by instance (121 steps: a difference of 4 "
        "points is noise). A step is read as in service: its last user turn, and the facts of its shape. "
        f"COSTSAVE takes tiers' prices to be as {prices} and knows no prompt caching, so it cannot be put beside "
        "published figures; rules and methods are measured alike. The SWE-bench rule is told the benchmark, which no request says.\n\n"
        + _table(head, rows)
        + "\n## Graded requests\n\nUncommonRoute's dev rows, four grades, accuracy in per cent. The rows are made from templates: a "
        "sanity test. Its authors report 98.4 on their own test rows and 43 on real traffic.\n\n"
        + _table(("method", "accuracy"), grades)
    )


def _latency(found: RoutingEvaluation) -> str:
    rows = []
    for one in found.sets[0].methods if found.sets else ():
        micros = [each.micros[one.method] for each in found.sets]
        seconds = [each.seconds[one.method] for each in found.sets]
        sizes = sorted(micros[0])
        rows.append(
            (
                one.method,
                *(f"{max(each[size] for each in micros):.0f}" for size in sizes),
                f"{min(seconds):.1f} to {max(seconds):.1f}",
            )
        )
    return "## Time\n\nMicroseconds of a decision: the slowest set's median.\n\n" + _table(
        ("method", "2 candidates", "8", "32", "seconds of a fit"), rows
    )
