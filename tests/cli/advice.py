"""Find the commands that help, documentation, messages and pages tell a person to type."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import barenet
from barenet.cli.help_texts import COMMANDS, HELP

SOURCE = Path(barenet.__file__).parent
ROOT = Path(__file__).parents[2]  # of the project, wherever the package is installed
COMMAND = rf"barenet (?:{'|'.join(COMMANDS)})\b"
FLAG = re.compile(r"(?<![\w(-])--[a-z][\w.-]*")
TEXTS = (ast.Constant, ast.JoinedStr)
REMARK = re.compile(r"\s{2,}|\s#\s")  # begins the remark after a command in a block


def in_help() -> list[str]:
    """Return the commands of all help texts, as a person copies them."""
    lines = [line for text in (HELP, *COMMANDS.values()) for line in text.splitlines()]
    return [REMARK.split(line.strip())[0] for line in lines if re.match(rf" {{4}}{COMMAND}", line)]


def in_docs() -> Iterator[str]:
    """Yield the commands of pages: lines of blocks, and code in sentences and tables."""
    for path in sorted([*ROOT.glob("README*.md"), *(ROOT / "docs").rglob("*.md")]):
        text = path.read_text("utf-8")
        for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL):
            for line in block.splitlines():
                if match := re.match(rf"\s*(?:\$ |.* && )?({COMMAND}.*)", line):
                    yield REMARK.split(match[1])[0]
        if path.name != "your-own-data.md":  # tests/real_inputs/test_data_page.py runs its rows on data of each kind
            sentences = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
            yield from (" ".join(code.split()) for code in re.findall(rf"`({COMMAND}[^`]*)`", sentences))


@functools.cache
def texts_of_source() -> list[tuple[str, str]]:
    """Return (module, text) for each text, except docstrings, of modules that name commands; {} stands for a value."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        source = path.read_text("utf-8")
        if not re.search(rf"{COMMAND}|{FLAG.pattern}", source):
            continue  # to parse all modules takes seconds
        nodes = list(ast.walk(ast.parse(source)))
        inside = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
        inside |= {id(node.value) for node in nodes if isinstance(node, ast.Expr)}  # docstrings
        texts = [text_of(node) for node in nodes if isinstance(node, TEXTS) and id(node) not in inside]
        found += [(path.relative_to(SOURCE).as_posix(), text) for text in texts if text]
    return found


def text_of(node: ast.AST) -> str:
    """Return the text of a constant or an f-string, "" for anything else."""
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) or "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def in_source() -> list[str]:
    """Return the commands that messages, notes and pages tell a person to type; {} stands for a value."""
    return [
        " ".join(command.split())
        for where, text in texts_of_source()
        if where != "cli/help_texts.py"
        for command in re.findall(rf"{COMMAND}[^;,`'\"<>)\n]*", text)
    ]


def flags_in_source() -> dict[str, str]:
    """Return the flags that texts of the source name, and for each a module that names it."""
    return {flag.rstrip("."): where for where, text in texts_of_source() for flag in FLAG.findall(text)}


def flags_in_docs() -> dict[str, str]:
    """Return the flags of barenet that pages name, and the last page that names each."""
    found = {}
    for path in sorted([*ROOT.glob("README*.md"), *(ROOT / "docs").rglob("*.md")]):
        code = re.findall(rf"^.*{COMMAND}.*$|`--[^`]*`", path.read_text("utf-8"), re.MULTILINE)
        found |= dict.fromkeys(FLAG.findall("\n".join(code)), path.name)
    return found
