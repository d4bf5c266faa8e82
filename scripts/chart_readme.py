"""Write the chart's README from the comments in its values.yaml that begin with `# --`; with --check, only say whether it is up to date."""

from __future__ import annotations

import re
import sys
from pathlib import Path

CHART = Path(__file__).resolve().parent.parent / "helm" / "router-extproc"
HEAD = """\
# router-extproc

An LLM request router for Envoy that sends each request to the right model pool. How to install it, change the policy, watch and size it:
[docs/operations.md](../../docs/operations.md).

```console
$ helm install llm helm/router-extproc -n llm --create-namespace -f values.yaml
```

## Values

Written by `scripts/chart_readme.py` from [values.yaml](values.yaml). A key that is not there is refused.

| key | default | what it is |
|---|---|---|
"""
_KEY = re.compile(r"^( *)([A-Za-z]+):(?: +(.*))?$")


def rows(text: str) -> list[tuple[str, str, str]]:
    """Key, default and description of all keys that hold a value or are described."""
    found: list[tuple[str, str, str]] = []
    path: list[str] = []
    told: list[str] = []
    for line in text.splitlines():
        comment = re.match(r"^ *# ?(-- )?(.*)$", line)
        if comment:
            told = [comment[2]] if comment[1] else [*told, comment[2]] if told else []
            continue
        key = _KEY.match(line)
        if key:
            depth = len(key[1]) // 2
            path = [*path[:depth], key[2]]
            if key[3] or told:
                found.append((".".join(path), key[3] or "", " ".join(told)))
        told = []
    return found


def readme(text: str) -> str:
    """The whole file."""
    lines = [
        f"| `{key}` | {f'`{default}`' if default else ''} | {told.replace('|', chr(92) + '|')} |"
        for key, default, told in rows(text)
    ]
    return HEAD + "\n".join(lines) + "\n"


def main() -> int:
    """Write, or check."""
    path, fresh = CHART / "README.md", readme((CHART / "values.yaml").read_text(encoding="utf-8"))
    if "--check" not in sys.argv[1:]:
        path.write_text(fresh, encoding="utf-8")
        return 0
    if path.exists() and path.read_text(encoding="utf-8") == fresh:
        return 0
    print(f"{path} is not what values.yaml makes it: run scripts/chart_readme.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
