"""Find the texts of barenet's source that a person reads: they are the entries of the catalogues of translations.

A text is a string of the source that holds prose. The values of an f-string become `{0}`, `{1}`, ... in their order.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from other_texts import HEADINGS as LABELS
from other_texts import NUMBERED, TEXTS, VALUES
from page_texts import texts_of_page, texts_of_script, texts_of_tags

__all__ = ["EDGE", "Entry", "entries_of", "find_entries", "is_prose"]

# Their texts are source code, pictures in files, or what only Python shows; these stay English.
NOT_TRANSLATED = (
    *("barenet/__init__.py", "barenet/course.py", "barenet/sklearn/", "barenet/engine/compiled/kernels/"),
    "barenet/gradcheck/functions/names.py",
    *("barenet/deploy/numpy_template.py", "barenet/deploy/export_numpy.py", "barenet/deploy/tables/source.py"),
    *("barenet/deploy/tables/numbers.py", "barenet/deploy/tables/rows.py", "barenet/deploy/tables/text.py"),
    "barenet/plots/appearance.py",
)
NO_TEXTS = {
    *("Ankle boot", "adobe blank", "axes fraction", "bold red", "column layer", "forward calculate", "last resort"),
    *("lower left", "model name", "offset points", "outside right upper", "outside upper right"),
    "system volume information",
}
PATTERNS = {"compile", "sub", "match", "fullmatch", "search", "split", "findall", "finditer"}  # of the module re
NOTED = {"print_line", "print_note", "print_problem", "info", "warning"}  # whose texts may have one word
HEADINGS = {"plain_table", "add_column", "heading", "Heading", "style"}  # calls, whose texts may have one word
LISTS = ("HEADINGS", "TITLES")  # names of such words
FIELD = re.compile(r"({\w*(?::[^{}]*)?})")
EDGE = " \t\n,;:|"  # what a text may have at its ends; the lookup removes the same
WORD = re.compile(r"[A-Za-z][a-z]{2,}[.,;:!?)]?|\([a-z]{3,}\)?")
TWO_WORDS = re.compile(r"(?<![\w./-])[A-Za-z]['a-z]+[,;:.]? \(?['A-Za-z][a-z']*(?![\w/-])")


COMMAND = re.compile(
    r"barenet [a-z-]+( {\d}| --[a-z-]+|:)*$|pip install |python {|[#<\\]|--[a-z.-]+( {\d}|[ =][a-z0-9.,]+)*$"
    r"|\.\w|[A-Z]\w+\(\w+="
)
NAMES = re.compile(r"(?=.*_)(?!.*\b(?:must|of|that|the|with)\b)[a-z0-9_]+( [a-z0-9_]+)+")  # names of Python
HEADING = re.compile(r"[A-Za-z][a-z-]+( [a-z]+)*")


@dataclass(frozen=True)
class Entry:
    """A text to translate: its plural, if it is a noun with a number, and its context, if it is a single word."""

    text: str
    file: str
    plural: str = ""
    context: str = ""


def find_entries(source: Path) -> list[Entry]:
    """Return the texts of all modules below a folder, by file, in the order of each file."""
    others = [Entry(text, origin) for origin, texts in TEXTS.items() for text in texts]
    others += [Entry(word, "labels of plots", context="heading") for word in LABELS]
    others += [Entry(text, "after a number", context="count") for text in NUMBERED]
    others += [Entry(word, "words in texts", context="value") for word in VALUES]
    found = others + [
        entry
        for path in sorted(source.rglob("*.py"))
        if not (file := path.relative_to(source.parent).as_posix()).startswith(NOT_TRANSLATED)
        for entry in entries_of(path.read_text("utf-8"), file)
    ]
    found += [entry for path in sorted(source.rglob("templates/*")) for entry in entries_of_page(path, source.parent)]
    nouns = {entry.text for entry in found if entry.plural}
    return [entry for entry in found if entry.plural or entry.context or entry.text not in nouns]


def entries_of_page(path: Path, root: Path) -> list[Entry]:
    """Return the texts of a template or a script of a page; single words are like headings."""
    file = path.relative_to(root).as_posix()
    texts: list[tuple[str, str]] = []
    if path.suffix == ".html":
        texts = list(texts_of_page(path.read_text("utf-8")))
    elif path.suffix == ".js":
        texts = [(text, "") for text in texts_of_script(path)]
    entries = [Entry(text, file, plural) for text, plural in texts if is_prose(text) and text not in NO_TEXTS]
    words = [Entry(text, file, context="heading") for text in texts_of_tags(path) if not is_prose(text)]
    return list(dict.fromkeys(entries + words))


def entries_of(source: str, file: str) -> list[Entry]:
    """Return the texts of a module, each once."""
    tree = ast.parse(source)
    found = [*Texts(file).of(tree)]
    if file == "barenet/cli/help_texts.py":
        texts = [
            node.value for value in assigned(tree, ("HELP", "COMMANDS")) for node in ast.walk(value) if is_text(node)
        ]
        found = [Entry(paragraph, file) for text in texts for paragraph in paragraphs(text)]
    elif file.startswith("barenet/cli/commands/"):
        found += [Entry(text, file) for text in option_texts(tree)]
    return list(dict.fromkeys(found))


def assigned(tree: ast.Module, names: tuple[str, ...]) -> list[ast.expr]:
    """Return the values of names of a module."""
    return [node.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id in names]


def is_text(node: ast.AST) -> bool:
    """Whether a node is a literal string."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


class Texts:
    """Collects the texts of a module."""

    def __init__(self, file: str) -> None:
        self.file = file

    def of(self, node: ast.AST, *, noted: bool = False) -> Iterator[Entry]:
        """Yield the texts at and below a node; `noted`: a single word is a text too."""
        if isinstance(node, ast.Expr) and is_text(node.value):
            return  # a docstring
        if isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "__all__" for target in node.targets):
            return
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in LISTS:
            values = node.value.values if isinstance(node.value, ast.Dict) else [node.value]
            for value in values:
                yield from self.headings(value)
        if isinstance(node, ast.Call):
            yield from self.of_call(node)
        elif parts := parts_of(node):
            template, values = template_of(parts)
            if is_prose(template) or (noted and is_one_word(template)):
                yield Entry(template, self.file)
            for value in values:
                yield from self.of(value)
        else:
            for child in ast.iter_child_nodes(node):
                yield from self.of(child, noted=noted and isinstance(node, ast.IfExp | ast.BoolOp))

    def of_call(self, node: ast.Call) -> Iterator[Entry]:
        """Yield the texts of a call, whose name may say what its arguments are."""
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
        if name == "count" and isinstance(node.func, ast.Name) and len(arguments) > 1:
            yield from self.of_count(arguments)
            arguments = arguments[:1]
        if name in PATTERNS and getattr(getattr(node.func, "value", None), "id", "") == "re":
            arguments = arguments[1:]
        if name in HEADINGS:
            for argument in arguments if name == "style" else node.args:
                yield from self.headings(argument)
                if isinstance(argument, ast.JoinedStr):
                    yield Entry(template_of(parts_of(argument))[0], self.file)
        for keyword in node.keywords:
            if keyword.arg == "label":  # of a curve
                yield from self.headings(keyword.value)
        if isinstance(node.func, ast.Attribute) and not (name == "split" and not arguments):  # a list of names
            yield from self.of(node.func.value)  # of "...".join(...)
        for argument in arguments:
            yield from self.of(argument, noted=name in NOTED)

    def headings(self, node: ast.AST) -> Iterator[Entry]:
        """Yield the headings among the texts of a node that are no prose, such as single words."""
        words = [below.value for below in ast.walk(node) if is_text(below)]
        words = [word for word in words if HEADING.fullmatch(word) and not is_prose(word)]
        yield from (Entry(word, self.file, context="heading") for word in words)

    def of_count(self, arguments: list[ast.expr]) -> Iterator[Entry]:
        """Yield the noun of `count(n, "image")` with its plural."""
        (singular, values), more = template_of(parts_of(arguments[1]), first=1), arguments[2:]
        plural = template_of(parts_of(more[0]), first=1)[0] if more else f"{singular}s"
        if re.search("[a-z]", re.sub(r"{\d}", "", singular)):
            yield Entry(f"{{0}} {singular}", self.file, plural=f"{{0}} {plural}")
        for value in values:
            yield from self.of(value)


def parts_of(node: ast.AST) -> list[str | ast.expr]:
    """Return the literal pieces and the values of a string, an f-string or a sum of these; [] for any other node."""
    if is_text(node):  # with places for str.format, perhaps
        return [ast.Constant(None) if i % 2 else part for i, part in enumerate(FIELD.split(node.value))]
    if isinstance(node, ast.JoinedStr):
        return [v.value if is_text(v) else getattr(v, "value", v) for v in node.values]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        sides = [parts_of(node.left), parts_of(node.right)]
        if any(sides):
            return [*(sides[0] or [node.left]), *(sides[1] or [node.right])]
    return []


def template_of(parts: list[str | ast.expr], first: int = 0) -> tuple[str, list[ast.expr]]:
    """Return a template, without what may be at the ends of a text, and its values; values in a row become one."""
    template, n, after_value = "", first, False
    for part in parts:
        if isinstance(part, str):
            template += part.replace("{", "{{").replace("}", "}}")
            after_value = after_value and not part
        elif not after_value:
            template, n, after_value = f"{template}{{{n}}}", n + 1, True
    return template.strip(EDGE), [part for part in parts if not isinstance(part, str)]


def is_prose(template: str) -> bool:
    """Whether a template is for people: it has two words in a row, or a value and a word.

    >>> [is_prose(text) for text in ("is missing", "epoch {0}", "{0}.json", "barenet train --resume", "relu")]
    [True, True, False, False, False]
    """
    if template in NO_TEXTS or COMMAND.match(template) or NAMES.fullmatch(template):
        return False
    bare = re.sub(r"{\d+}", "\N{REPLACEMENT CHARACTER}", template)
    if "\N{REPLACEMENT CHARACTER}" in bare and any(WORD.fullmatch(word) for word in bare.split()):
        return len(bare.split()) > 1
    return TWO_WORDS.search(bare) is not None


def is_one_word(text: str) -> bool:
    """Whether a text is one word, such as a heading of a column."""
    return re.fullmatch(r"[A-Za-z][a-z]{2,}", text) is not None


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a text of the help, each in one line, and what is said beside examples."""
    found = []
    for paragraph in re.split(r"\n\s*\n", text.strip("\n")):
        if paragraph.startswith("    "):
            found += [line.split("  ")[-1].strip() for line in paragraph.strip().splitlines() if "  " in line.strip()]
        else:
            found.append(" ".join(paragraph.split()))
    return [text.strip(EDGE) for text in found if is_prose(text)]


def option_texts(tree: ast.Module) -> list[str]:
    """Return what the docstrings of commands say about their options, each in one line.

    The help of the commands in a command, such as `barenet course check`, is in their docstrings too.
    """
    found = []
    for node in tree.body:
        document = ast.get_docstring(node) if isinstance(node, ast.FunctionDef) else None
        if document and any(getattr(decorator, "attr", "") == "command" for decorator in node.decorator_list):
            found += paragraphs(document.partition("\n\n")[0])
        _, _, section = (document or "").partition("Parameters\n----------\n")
        for option in re.split(r"^\w+$", section, flags=re.MULTILINE)[1:]:
            found.append(" ".join(option.split()))
    return found
