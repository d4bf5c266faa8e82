"""Check that functions and modules stay small: no function over 50 lines, no module over 400. Prints the distribution."""

from __future__ import annotations

import ast
import statistics
import sys
from pathlib import Path

FUNCTION_LIMIT = 50
MODULE_LIMIT = 400
ROOTS = ("router_extproc", "scripts")


def functions(tree: ast.Module) -> list[tuple[str, int, int]]:
    """Name, first line and length in lines of every function, decorators and docstring included."""
    return [
        (node.name, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def main() -> int:
    """Print every violation as file:line and a summary; 1 if there is one."""
    lengths: list[int] = []
    sizes: list[int] = []
    problems: list[str] = []
    for path in sorted(p for root in ROOTS for p in Path(root).rglob("*.py") if not p.name.endswith("_pb2.py")):
        text = path.read_text()
        sizes.append(text.count("\n"))
        if sizes[-1] > MODULE_LIMIT:
            problems.append(f"{path}:1: module of {sizes[-1]} lines, at most {MODULE_LIMIT}")
        for name, line, length in functions(ast.parse(text)):
            lengths.append(length)
            if length > FUNCTION_LIMIT:
                problems.append(f"{path}:{line}: {name} has {length} lines, at most {FUNCTION_LIMIT}")
    print("\n".join(problems), end="\n" if problems else "")
    ranked = sorted(lengths)
    print(
        f"{len(sizes)} modules, median {statistics.median(sizes):.0f} lines, longest {max(sizes)}; {len(ranked)} functions, "
        f"median {statistics.median(ranked):.0f}, p90 {ranked[int(0.9 * len(ranked))]}, longest {ranked[-1]}"
    )
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
