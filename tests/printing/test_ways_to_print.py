"""Only the package `printing` writes to a standard stream or makes a console."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import barenet

SOURCE = Path(barenet.__file__).parent
WORDS = ("print", "stdout", "stderr", "rich", "markup", "TextColumn")
STREAMS = ("stdout", "stderr", "__stdout__", "__stderr__")


def ways_to_print(source: str) -> list[str]:
    """Return the names in a module's code that print: print, the streams of sys, consoles of rich, markup."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name("print")):
                found.append("print")
            case ast.Attribute(value=ast.Name("sys"), attr=attr) if attr in STREAMS:
                found.append(f"sys.{attr}")
            case ast.ImportFrom(module="sys", names=names) if {name.name for name in names} & {*STREAMS}:
                found.append("sys")
            case ast.ImportFrom(module="rich" | "rich.console", names=names):
                found += [name.name for name in names if name.name in ("Console", "print", "get_console")]
            case ast.ImportFrom(module="rich.markup") | ast.Attribute(attr="from_markup"):
                found.append("markup")
            case ast.Call(func=ast.Name("TextColumn"), keywords=keywords):
                # A progress bar's columns read markup unless they are told not to.
                if not any(k.arg == "markup" and getattr(k.value, "value", None) is False for k in keywords):
                    found.append("TextColumn")
    return found


def test_only_the_printing_package_prints():
    found = {}
    for path in SOURCE.rglob("*.py"):
        name = path.relative_to(SOURCE)
        if name.parts[0] == "printing" or not any(word in (source := path.read_text("utf-8")) for word in WORDS):
            continue  # to parse them all takes seconds
        if ways := ways_to_print(source):
            found[str(name)] = ways
    # CSV is written to whatever stream it is given.
    assert found == {str(Path("cli", "commands", "predict.py")): ["sys.stdout", "sys.stdout"]}


@pytest.mark.parametrize(
    "line",
    [
        "print(1)",
        "import sys\nsys.stderr.write('x')",
        "from sys import stdout",
        "from rich.console import Console",
        "from rich import print",
        "from rich.markup import escape",
        "Text.from_markup('x')",
        "TextColumn('x')",
    ],
)
def test_another_way_to_print_would_be_found(line):
    assert ways_to_print(line)
