"""Measure the size of the code: statements, statements per line, modules and packages. Nothing is imported or run.

    python benchmarks/structure.py                     the source of this checkout
    python benchmarks/structure.py OTHER/src src       two folders, one after another

Statements are those of Python's grammar, including nested ones and docstrings.
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections import Counter
from pathlib import Path


def count_statements(source: str) -> int:
    """Return the number of statements in a module, including nested ones and docstrings."""
    return sum(isinstance(node, ast.stmt) for node in ast.walk(ast.parse(source)))


def code_lines(source: str) -> int:
    """Return the number of lines that are not blank."""
    return sum(bool(line.strip()) for line in source.splitlines())


def describe(folder: Path) -> None:
    """Print the figures of all modules below a folder."""
    sources = {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in sorted(folder.rglob("*.py"))}
    modules = {name: source for name, source in sources.items() if not name.endswith("__init__.py")}
    lines = {name: source.count("\n") for name, source in sources.items()}
    density = {n: count_statements(s) / code_lines(s) for n, s in modules.items() if code_lines(s) >= 30}
    sizes = Counter(Path(name).parent.as_posix() for name in modules)
    print(f"{folder}: {len(modules)} modules in {len(sizes)} packages")
    print(f"  statements            {sum(map(count_statements, sources.values())):,}")
    print(f"  lines                 {sum(lines.values()):,}")
    print(f"  largest package       {sizes.most_common(1)[0][1]} modules, {sizes.most_common(1)[0][0]}")
    longest = max(lines, key=lambda name: lines[name])
    n_long = sum(n > 250 for n in lines.values())
    print(f"  longest module        {lines[longest]} lines, {longest}; over 250 lines: {n_long}")
    ranked = sorted(density, key=lambda name: -density[name])
    print(f"  statements a line     median {statistics.median(density.values()):.3f}, of modules of 30 lines or more")
    print("  densest               " + ", ".join(f"{name} {density[name]:.3f}" for name in ranked[:4]))


if __name__ == "__main__":
    for argument in sys.argv[1:] or [str(Path(__file__).parents[1] / "src")]:
        describe(Path(argument))
