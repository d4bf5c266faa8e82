"""Registry: the signals that a policy can name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from router_extproc.plugin import Plugin, Registry
from router_extproc.routing import Extractor
from router_extproc.signals import context_tokens, conversation, keyword, language, origin, parameters, reask, step, structure
from router_extproc.signals.credentials import signal as credentials
from router_extproc.signals.neural import custom, guards, heads, knowledge, linear, similarity, trend
from router_extproc.signals.neural.options import GuardOptions, NeuralOptions
from router_extproc.signals.options import NoOptions
from router_extproc.signals.services import SignalServices

ExtractorFactory = Callable[[str, Any, SignalServices], Extractor]
"""Makes an extractor of the signal's name, its validated options and what signals share."""

EXTRACTORS: Registry[ExtractorFactory] = Registry("signal")

_PLUGINS: tuple[Plugin[ExtractorFactory], ...] = (
    Plugin("keyword", keyword.KeywordOptions, keyword.build, "Whether a text has certain words, phrases or patterns."),
    Plugin("context_tokens", NoOptions, context_tokens.build, "The prompt's estimated size in tokens."),
    Plugin("language", language.LanguageOptions, language.build, "The text's language, as an ISO 639-1 code."),
    Plugin("turns", NoOptions, conversation.build_turns, "User turns in which a person said something."),
    Plugin("tools", NoOptions, conversation.build_tools, "Tools that the caller defines."),
    Plugin("tool_loop", NoOptions, conversation.build_tool_loop, "Whether the model goes on from a tool's result."),
    Plugin("step_difficulty", NoOptions, step.build, "How likely an agent's next step needs more than the cheapest model."),
    Plugin("images", NoOptions, conversation.build_images, "Images in the conversation."),
    Plugin("audio", NoOptions, conversation.build_audio, "Whether the conversation holds audio."),
    Plugin("files", NoOptions, conversation.build_files, "Whether the conversation holds files."),
    Plugin("system_prompt", NoOptions, conversation.build_system, "Whether there are system or developer instructions."),
    Plugin("structure", structure.StructureOptions, structure.build, "Questions, lists, code, numbers: counts or densities."),
    Plugin("reask", reask.ReaskOptions, reask.build, "How much the last user turn repeats an earlier one."),
    Plugin("header", origin.HeaderOptions, origin.build_header, "A request header's value."),
    Plugin("metadata", origin.MetadataOptions, origin.build_metadata, "An entry of the body's metadata."),
    Plugin("user", NoOptions, origin.build_user, "The caller's user, from a trusted header."),
    Plugin("group", NoOptions, origin.build_group, "The caller's groups, from a trusted header."),
    Plugin("tenant", NoOptions, origin.build_tenant, "The caller's tenant, from a trusted header."),
    Plugin("end_user", NoOptions, origin.build_end_user, "The end user that the body names; a hint."),
    Plugin("api", NoOptions, origin.build_api, "The API that the request came by."),
    Plugin("model", NoOptions, parameters.build_model, "The model that the caller asked for."),
    Plugin("stream", NoOptions, parameters.build_stream, "Whether a stream is asked for."),
    Plugin("output_tokens", NoOptions, parameters.build_output_tokens, "The caller's limit on output tokens."),
    Plugin("completions", NoOptions, parameters.build_completions, "How many completions are asked for."),
    Plugin("reasoning_effort", NoOptions, parameters.build_effort, "The reasoning effort that the caller asked for."),
    Plugin("parameter", parameters.ParameterOptions, parameters.build_text, "A top-level body field, as text."),
    Plugin("parameter_number", parameters.ParameterOptions, parameters.build_number, "A top-level body field, as a number."),
    Plugin("domain", NeuralOptions, heads.build_domain, "The text's subject, one of 14."),
    Plugin("difficulty", NeuralOptions, heads.build_difficulty, "The probability that a small model is not enough."),
    Plugin(
        "fact_check",
        NeuralOptions,
        heads.build_fact_check,
        "The probability that the answer needs facts that should be grounded.",
    ),
    Plugin("modality", NeuralOptions, heads.build_modality, "Whether text, an image or both are asked for."),
    Plugin("feedback", NeuralOptions, heads.build_feedback, "What the user says of the answer before."),
    Plugin("jailbreak", GuardOptions, guards.build_jailbreak, "The probability of a prompt injection or jailbreak attempt."),
    Plugin(
        "jailbreak_trend", trend.TrendOptions, trend.build, "The probability that a chat builds up to a jailbreak, turn by turn."
    ),
    Plugin("pii", guards.PiiOptions, guards.build_pii, "Types of private data that the texts hold."),
    Plugin(
        "credential_flow",
        credentials.CredentialFlowOptions,
        credentials.build,
        "Whether a secret of the conversation went to a tool that should not have it.",
    ),
    Plugin("embedding", similarity.EmbeddingOptions, similarity.build, "Which of the operator's intents a text is, by examples."),
    Plugin("knowledge", knowledge.KnowledgeOptions, knowledge.build, "Which group of a file of exemplars a text is nearest to."),
    Plugin("linear", linear.LinearOptions, linear.build, "A head that `train-head` made of the operator's own labels."),
    Plugin("onnx", custom.OnnxOptions, custom.build, "The operator's own ONNX classifier."),
)

for _plugin in _PLUGINS:
    EXTRACTORS.add(_plugin)
