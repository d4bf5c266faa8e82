"""Write the variants of envoy/envoy.yaml: one file for each other body mode, and one that fails open. --check only compares."""

from __future__ import annotations

import sys
from pathlib import Path

ENVOY = Path(__file__).parents[1] / "envoy"

HEAD = "# Envoy in front of three model pools, with router-extproc choosing among them. BUFFERED bodies, fail-closed."
NOTE = "# Written by scripts/envoy_variants.py from envoy.yaml; envoy/README.md says when to choose it."
BODY = "request_body_mode: BUFFERED"
TRAILERS = "request_trailer_mode: SKIP"
RESPONSE = """\
response_header_mode: SKIP   # the router asks for responses where a policy learns from them
                response_body_mode: NONE"""
SENT = """\
response_header_mode: SEND   # Envoy takes no mode_override here, so that responses are sent from the start
                response_body_mode: STREAMED"""
CLOSED = "failure_mode_allow: false"


def changed(text: str, title: str, *pairs: tuple[str, str]) -> str:
    """The file with another title and these replacements, each of which must apply exactly once."""
    for old, new in ((HEAD, f"# {title}\n{NOTE}"), *pairs):
        if text.count(old) != 1:
            raise SystemExit(f"envoy.yaml has {text.count(old)} times: {old!r}")
        text = text.replace(old, new)
    return text


def without_guard_route(text: str) -> str:
    """Without the routes that answer for requests that were not routed: what the router did not route then goes to the default."""
    kept: list[str] = []
    skipping = False
    for line in text.splitlines(keepends=True):
        if line.lstrip().startswith("- match:"):
            skipping = False
        following = text.split(line, 1)[1] if line.lstrip().startswith("- match:") else ""
        if line.lstrip().startswith("- match:") and following.lstrip().startswith("direct_response"):
            skipping = True
        if not skipping:
            kept.append(line)
    return "".join(kept)


def variants(text: str) -> dict[str, str]:
    """Every variant by file name."""
    streamed = "request_body_mode: STREAMED"
    waiting = "              allow_mode_override: true\n"
    return {
        "envoy-streamed.yaml": changed(
            text,
            "As envoy.yaml, with STREAMED bodies.",
            (BODY, streamed),
            (TRAILERS, "request_trailer_mode: SEND"),
            (RESPONSE, SENT),
            (waiting, f"{waiting}              send_body_without_waiting_for_header_response: true\n"),
        ),
        "envoy-full-duplex.yaml": changed(
            text,
            "As envoy.yaml, with FULL_DUPLEX_STREAMED bodies: of any size, but without a timeout of Envoy's.",
            (BODY, "request_body_mode: FULL_DUPLEX_STREAMED"),
            (TRAILERS, "request_trailer_mode: SEND"),
            (RESPONSE, SENT),
        ),
        "envoy-none.yaml": changed(
            text, "As envoy.yaml, but bodies are sent only where the router asks for them.", (BODY, "request_body_mode: NONE")
        ),
        "envoy-fail-open.yaml": without_guard_route(
            changed(
                text,
                "As envoy.yaml, but FAIL-OPEN: while the router is away, requests go to pool-small, and no guard of the policy applies.",
                (CLOSED, "failure_mode_allow: true"),
            )
        ),
    }


def main() -> int:
    """Write the files, or with --check say which of them are not what they should be."""
    stale = []
    for name, text in variants((ENVOY / "envoy.yaml").read_text()).items():
        path = ENVOY / name
        if not path.exists() or path.read_text() != text:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(text)
    if stale and "--check" in sys.argv:
        print(f"stale: {', '.join(stale)}; run python scripts/envoy_variants.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
