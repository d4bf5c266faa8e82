"""Floors: what each head has to reach on the eval split, and what it should."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Floor:
    """A bound on one figure of one group of rows."""

    head: str
    group: str
    measure: str
    floor: float
    aim: float | None = None
    baseline: float | None = None
    """Of a frozen all-MiniLM-L6-v2 with logistic regression; for intents, with the labels' centroids."""
    at_most: bool = False
    """The figure must not be above it, instead of below."""
    reference: str = ""
    """What others published; seldom on the same rows."""

    def met(self, value: float) -> bool:
        """Whether a figure is good enough; NaN never is."""
        return value <= self.floor if self.at_most else value >= self.floor


_GUARD = "Llama Prompt Guard 2 86M, Meta's private set: {}"
_OVER_DEFENCE = "accuracy on NotInject: InjecGuard 0.873, Lakera Guard 0.876, GPT-4o 0.867, ProtectAI v2 0.566, PromptGuard 0.009"
_TEN_SHOT = "fine-tuned on 10 examples per intent: ICDA {}, USE + ConveRT {}, RoBERTa {}"

FLOORS = (
    Floor(
        "domain", "eval_mmlu_pro", "accuracy", 0.78, 0.83, 0.64,
        reference="TF-IDF + logistic regression trained on 80 % of MMLU-Pro itself: 0.81",
    ),
    Floor("domain", "eval_mmlu_pro", "macro-F1", 0.77, None, 0.62),
    Floor("domain", "eval_natural70", "accuracy", 0.85, 0.92, 0.71),
    Floor("jailbreak", "user", "AUC", 0.97, 0.985, 0.935, reference=_GUARD.format("0.998")),
    Floor("jailbreak", "user", "recall@1%FPR", 0.80, 0.90, 0.62, reference=_GUARD.format("0.975")),
    Floor("jailbreak", "documents", "AUC", 0.85, 0.93, 0.53),
    Floor("jailbreak", "documents", "recall@5%FPR", 0.45, 0.70, 0.08),
    Floor("jailbreak", "eval_xstest_safe", "FPR", 0.02, 0.01, 0.032, at_most=True, reference=_OVER_DEFENCE),
    Floor("jailbreak", "eval_wildguard_benign", "FPR", 0.04, 0.02, 0.095, at_most=True),
    Floor("jailbreak", "all", "AUC", 0.95, 0.97, 0.897),
    Floor(
        "fact_check", "eval_mixed", "macro-F1", 0.89, 0.92, 0.81,
        reference="vLLM Semantic Router, its own validation split: 0.964",
    ),
    Floor("fact_check", "eval_mixed", "AUC", 0.95, None, 0.911),
    Floor("fact_check", "eval_truthfulqa", "recall", 0.92, 0.95, 0.86),
    Floor("modality", "eval_frames", "macro-F1", 0.82, 0.90, 0.64),
    Floor("modality", "eval_parti_dpg", "recall of image", 0.97, 0.99, 0.94),
    Floor("modality", "eval_text", "recall of text", 0.97, 0.99, 0.93),
    Floor("feedback", "eval_composed", "macro-F1", 0.89, 0.93, 0.79),
    Floor("feedback", "eval_sgd", "macro-F1", 0.96, 0.97, 0.94),
    Floor(
        "pii", "eval_conll_testa", "F1 PERSON + ORGANIZATION", 0.75, 0.85,
        reference="small encoders fine-tuned on CoNLL-2003, all its types: 0.90 to 0.92",
    ),
    Floor(
        "pii", "eval_presidio_templates", "F1", 0.85, 0.90,
        reference="Presidio on its own data: 0.618 as it comes, 0.845 customised",
    ),
    Floor("pii", "eval_chat", "F1 checkable", 0.97, 0.99),
    Floor("pii", "eval_chat", "false positive rows checkable", 3, 0, at_most=True),
    Floor("pii", "eval_chat", "false positive rows", 3, 0, at_most=True),
    Floor("intent", "eval_clinc150", "accuracy", 0.91, 0.93, 0.892, reference=_TEN_SHOT.format("0.948", "0.933", "0.916")),
    Floor("intent", "eval_banking77", "accuracy", 0.84, 0.87, 0.818, reference=_TEN_SHOT.format("0.898", "0.852", "0.843")),
    Floor("intent", "eval_hwu64", "accuracy", 0.82, 0.85, 0.797, reference=_TEN_SHOT.format("0.874", "0.858", "0.829")),
)  # fmt: skip
"""In the order of the report. False positives are bounded for the checkable types; the next floor holds all types to the same."""

NOTES = {
    "jailbreak": "`eval_harmful` holds direct harmful questions, which are no attacks: only their FPR tells something, and no pooled "
    "figure counts them. `user` and `documents` pool the other files by where the text comes from; one score and one threshold "
    "serve both.",
    "pii": "Spans count if bounds and type are exact. Types that a source does not annotate are not counted on its rows. "
    "For the figures with `overlap-` it is enough that a span and one of its type overlap (SemEval-2013 task 9, scheme `type`). "
    "`false positive rows` counts the rows without private data in which some was found.",
    "difficulty": "The target is the share of small models that fail at the prompt; small are those whose mean score is at or below "
    "that of the source's median model. AUC is for more than half failing, ECE is of the share. Sources differ in their models, so "
    "figures of several sources are means over them. Others: TF-IDF + ridge reaches a Spearman of 0.446 on MMLU-Pro's mean "
    "difficulty; whether an 8B model answers correctly was told with AUC 0.646.",
    "feedback": "No public set has these labels for chat assistants; both files are composed or mapped from dialogue acts.",
    "intent": "The encoder is not trained for it: 10 examples of each intent are drawn from the train files with a fixed seed, and the "
    "signal `embedding` is fitted on them as when a policy is loaded. Texts outside of all intents are left out. The frozen baseline is "
    "all-MiniLM-L6-v2 with the labels' centroids.",
}
"""What to know of a head's figures."""
FIELD_NOTES = {
    "jailbreak": "`user` and `documents` pool the rows by where the text comes from; one score and one threshold serve both.",
    "pii": NOTES["pii"],
}
"""The same of the field split, whose rows are others."""
