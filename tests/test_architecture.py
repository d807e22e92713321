"""The order of packages and modules: each imports only from those listed above it.

The docstring of every package lists its modules, and its packages with a slash, in reading order. This test reads these
lists and all import statements, those inside of functions too; no module is executed.
"""

from __future__ import annotations

import ast
import functools
import graphlib
import re
import sys
from collections import Counter
from itertools import zip_longest
from pathlib import Path

import pytest

import barenet

SOURCE = Path(barenet.__file__).parent
MOST_MODULES = 12
MOST_LINES = 250
ENTRY = re.compile(r"^    (\w+)(/?) {2,}\S", re.MULTILINE)  # "    losses         how wrong the logits are"
# Import statements, which are parsed alone: to parse whole modules takes seconds.
IMPORT = re.compile(r"^[ \t]*(from [.\w]+ import (?:\([^)]*\)|[^\n(]+)|import [^\n]+)", re.MULTILINE)
LONG_TEXT = re.compile(r'"""(?:\\.|[^\\])*?"""', re.DOTALL)
ROOT_MODULES = {"barenet.__main__"}  # of no package's list


def read_sources() -> dict[str, str]:
    """Return the source of every module of the package by its dotted name; a package is its `__init__`."""
    sources = {}
    for path in SOURCE.rglob("*.py"):
        parts = ("barenet", *path.relative_to(SOURCE).with_suffix("").parts)
        sources[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text("utf-8")
    return sources


@functools.cache
def listed(source: str) -> tuple[str, ...]:
    """Return the names that a package's docstring lists, in order."""
    return tuple(name for name, _ in ENTRY.findall(ast.get_docstring(ast.parse(source), clean=False) or ""))


def children(sources: dict[str, str], package: str) -> set[str]:
    """Return the names of a package's modules and packages."""
    return {name.removeprefix(f"{package}.") for name in sources if name.rpartition(".")[0] == package}


def packages(sources: dict[str, str]) -> set[str]:
    """Return the packages among the modules, also those that hold only other files than modules."""
    return {
        f"barenet.{path.parent.relative_to(SOURCE).as_posix()}".replace("/", ".").rstrip(".")
        for path in SOURCE.rglob("__init__.py")
    } | {name.rpartition(".")[0] for name in sources} - {""}


def import_statements(source: str) -> str:
    """Return the import statements of a module, one after another."""
    return "\n".join(IMPORT.findall(LONG_TEXT.sub('""', source)))


@functools.cache
def imported_names(source: str, module: str, is_package: bool) -> frozenset[str]:
    """Return the absolute dotted names that a module's import statements mention, `from a import b` as a.b."""
    names: set[str] = set()
    for node in ast.parse(import_statements(source)).body:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = module.split(".") if is_package else module.split(".")[:-1]
                package = package[: len(package) - (node.level - 1)]
                base = ".".join([*package, *([node.module] if node.module else [])])
            names |= {f"{base}.{alias.name}" for alias in node.names}
    return frozenset(names)


def read_imports(sources: dict[str, str]) -> dict[str, set[str]]:
    """Return which modules of barenet each module imports."""
    known_packages = packages(sources)
    imports = {}
    for module, source in sources.items():
        targets = set()
        for name in imported_names(source, module, module in known_packages):
            if name.split(".")[0] == "barenet":
                # `from barenet.nn.mlp import MLP` means the module barenet.nn.mlp: the longest name that is one.
                while name not in sources and "." in name:
                    name = name.rpartition(".")[0]  # noqa: PLW2901
                targets.add(name)
        imports[module] = targets - {module}
    return imports


def import_violation(sources: dict[str, str], module: str, target: str) -> str | None:
    """Return why `module` may not import `target`, or None.

    The two are compared in the first package that both are in: the part with `target` must be listed before the one
    with `module`. A module must not import a package that it is in.
    """
    parts, target_parts = module.split("."), target.split(".")
    shared = 0
    while shared < min(len(parts), len(target_parts)) and parts[shared] == target_parts[shared]:
        shared += 1
    if shared == len(target_parts):
        return f"{module} imports {target}, a package that it is in"
    if shared == len(parts):
        return None  # a package imports what it holds
    package = ".".join(parts[:shared])
    order = listed(sources[package])
    below, above = parts[shared], target_parts[shared]
    if below not in order or above not in order:
        return None  # reported as a module that no docstring names
    if order.index(above) >= order.index(below):
        return f"{module} imports {target}, but {package} lists {above} after {below}"
    return None


def violations(sources: dict[str, str]) -> list[str]:
    """Return every way in which packages, their docstrings and imports break the rules."""
    found = []
    known_packages = packages(sources)
    for package in sorted(known_packages):
        names = children(sources, package) - {"__main__"}
        order = listed(sources.get(package, ""))
        found += [f"{package} does not list {name} in its docstring" for name in sorted(names - set(order))]
        found += [f"{package} lists {name}, which is not there" for name in order if name not in names]
        found += [f"{package} lists {name} twice" for name in sorted(set(order)) if order.count(name) > 1]
        modules = [name for name in names if f"{package}.{name}" not in known_packages]
        if len(modules) > MOST_MODULES:
            found.append(f"{package} has {len(modules)} modules, more than {MOST_MODULES}")
    imports = {module: targets for module, targets in read_imports(sources).items() if module not in ROOT_MODULES}
    for module, targets in sorted(imports.items()):
        if module != "barenet":  # it loads most names when they are first used
            found += [v for target in sorted(targets) if (v := import_violation(sources, module, target))]
    found += [
        f"{module} has more than {MOST_LINES} lines"
        for module, source in sorted(sources.items())
        if source.count("\n") > MOST_LINES
    ]
    try:
        graphlib.TopologicalSorter({m: t for m, t in imports.items() if m != "barenet"}).prepare()
    except graphlib.CycleError as error:
        found.append("a cycle: " + " -> ".join(error.args[1]))
    return found


@functools.cache
def real_violations() -> tuple[str, ...]:
    """Return the violations of the package as it is."""
    return tuple(violations(read_sources()))


def outsiders(source: str, module: str, is_package: bool) -> set[str]:
    """Return what a module imports besides NumPy, the standard library, barenet.errors, .reproducible and .nn."""
    return {
        name
        for name in imported_names(source, module, is_package)
        if name.split(".")[0] not in {"numpy", *sys.stdlib_module_names}
        and not name.startswith(("barenet.errors.", "barenet.reproducible.", "barenet.nn."))
    }


def eager_imports(source: str) -> frozenset[str]:
    """Return the names that a package's top level imports when it is loaded: not in functions, not for types only."""
    statements = [node for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom)]
    return imported_names("\n".join(ast.unparse(node) for node in statements), "barenet", is_package=True)


def test_packages_are_small_listed_in_reading_order_and_import_from_above_only():
    sources = read_sources()
    assert sum(len(targets) for targets in read_imports(sources).values()) > 200  # there was something to read
    assert list(real_violations()) == []


def test_every_package_says_which_module_to_open_first():
    sources = read_sources()
    for package in packages(sources):
        doc = ast.get_docstring(ast.parse(sources[package])) or ""
        assert len(doc.splitlines()[0]) > 20, package
        if len(listed(sources[package])) > 2:
            assert re.search(r"open\s+`[\w/]+`(, then `\w+`)?\s+first|open\s+`[\w/]+` first", doc), package


def test_the_network_imports_numpy_the_standard_library_errors_and_reproducible_arithmetic_only():
    for module, source in read_sources().items():
        if module == "barenet.nn" or module.startswith("barenet.nn."):
            assert outsiders(source, module, module == "barenet.nn") == set(), module


def test_the_package_and_the_first_lines_of_the_command_line_load_next_to_nothing():
    sources = read_sources()
    for module, ours in {
        "barenet": {"barenet.errors", "barenet.version.__version__"},
        "barenet.cli": set(),
        "barenet.cli.main": {"barenet.interrupts"},
        "barenet.__main__": {"barenet.cli.main.main"},
        "barenet.interrupts": set(),
    }.items():
        names = eager_imports(sources[module])
        assert {name for name in names if name.split(".")[0] == "barenet"} - ours <= {"barenet"}, module
        others = {name.split(".")[0] for name in names} - {"barenet"}
        assert others <= set(sys.stdlib_module_names) - {"typing", "logging", "dataclasses"}, module


# The page about the packages

PAGE = Path(__file__).parents[1] / "docs" / "architecture.md"


def packages_below(sources: dict[str, str], package: str, known: set[str]) -> list[str]:
    """Return the packages in a package in reading order, each followed by those in it: commands, commands/tuning."""
    found = []
    for name in listed(sources.get(package, "")):
        if f"{package}.{name}" in known:
            below = packages_below(sources, f"{package}.{name}", known)
            found += [name, *(f"{name}/{inner}" for inner in below)]
    return found


def faults_of_page(text: str, sources: dict[str, str]) -> list[str]:
    """Return in what the table of packages differs from the docstrings: names, order, packages in packages."""
    found, order, known = [], [], packages(sources)
    for cell in re.findall(r"^\| (`[^|]*) \|", text.partition("| package |")[2].partition("\n\n")[0], re.MULTILINE):
        packages_of_row, _, within = cell.partition(" with ")
        order += re.findall(r"`(\w+/?)`", packages_of_row)
        expected = [
            name
            for own in re.findall(r"`(\w+)/`", packages_of_row)
            for name in packages_below(sources, f"barenet.{own}", known)
        ]
        if re.findall(r"`([\w/]+)/`", within) != expected:
            found.append(f"{packages_of_row} is with {expected}")
    expected = [f"{name}/" if f"barenet.{name}" in known else name for name in listed(sources["barenet"])]
    return found + [
        f"{here} stands where {there} belongs" for here, there in zip_longest(order, expected) if here != there
    ]


def test_the_page_lists_every_package_in_the_order_of_the_imports():
    assert faults_of_page(PAGE.read_text("utf-8"), read_sources()) == []


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("| `reproducible` |", "| |", "reading/ stands where reproducible belongs"),
        ("| `course` |", "| `sklearn/` |", "sklearn/ stands where course belongs"),
        ("`commands/tuning/`", "", "`cli/` is with ['commands', 'commands/tuning']"),
        ("| `storage/` |", "| `storage` |", "storage stands where storage/ belongs"),
    ],
)
def test_a_made_up_fault_of_the_page_is_found(before, after, fault):
    text = PAGE.read_text("utf-8")
    assert text.count(before) == 1
    assert fault in faults_of_page(text.replace(before, after), read_sources())


# The checker itself


@pytest.mark.slow
def test_no_import_statement_that_python_finds_is_missed():
    for module, source in read_sources().items():
        nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]
        found = ast.parse(import_statements(source)).body
        assert not Counter(map(ast.unparse, nodes)) - Counter(map(ast.unparse, found)), module


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "line", "complaint"),
    [
        ("barenet.nn.initializers", "from barenet.nn.mlp import MLP", "barenet.nn lists mlp after initializers"),
        ("barenet.nn.initializers", "from barenet.nn import mlp", "barenet.nn lists mlp after initializers"),
        ("barenet.nn.initializers", "from . import mlp", "barenet.nn lists mlp after initializers"),
        ("barenet.nn.initializers", "from .mlp import MLP", "barenet.nn lists mlp after initializers"),
        ("barenet.nn.initializers", "import barenet.nn.mlp", "barenet.nn lists mlp after initializers"),
        ("barenet.nn.initializers", "from barenet.nn import MLP", "imports barenet.nn, a package that it is in"),
        ("barenet.nn.initializers", "from ..config.tables import Config", "barenet lists config after nn"),
        ("barenet.nn.initializers", "def f():\n    import barenet.config.tables", "barenet lists config after nn"),
        ("barenet.nn.initializers", "import barenet", "imports barenet, a package that it is in"),
        ("barenet.data.checks", "from barenet.data.splits import x", "barenet.data lists splits after checks"),
        ("barenet.data.formats.idx", "from barenet.data.splits import x", "barenet.data lists splits after formats"),
        ("barenet.data.formats.idx", "from barenet.data.pictures.cache import x", "lists pictures after formats"),
        ("barenet.data.formats.idx", "from barenet.nn.mlp import MLP", "barenet lists nn after data"),
        ("barenet.errors", "from barenet.data.files import x", "barenet lists data after errors"),
        ("barenet.config.tables", "from barenet.engine.state import x", "barenet lists engine after config"),
        ("barenet.training.trainer", "from barenet.cli.main import main", "barenet lists cli after training"),
        ("barenet.training.records", "from barenet.training.trainer import x", "a cycle: "),
        ("barenet.data.misc", "", "barenet.data does not list misc in its docstring"),
        ("barenet.utils", "", "barenet does not list utils in its docstring"),
        ("barenet.errors", "\n" * 300, "barenet.errors has more than 250 lines"),
    ],
)
def test_a_made_up_violation_is_found(module, line, complaint):
    sources, already_there = read_sources(), real_violations()
    sources[module] = f"{sources.get(module, '')}\n{line}\n"
    assert [message for message in set(violations(sources)) - set(already_there) if complaint in message]


def test_a_package_with_too_many_modules_is_found():
    sources = read_sources() | {f"barenet.nn.part_{i}": "" for i in range(12)}
    assert [message for message in violations(sources) if message.startswith("barenet.nn has ")]


def test_a_listed_module_that_is_not_there_is_found():
    sources = read_sources()
    del sources["barenet.nn.initializers"]
    assert "barenet.nn lists initializers, which is not there" in violations(sources)


@pytest.mark.parametrize(
    ("line", "outsider"),
    [
        ("import pydantic", "pydantic"),
        ("def f():\n    from scipy.special import expit", "scipy.special.expit"),
        ("from barenet.data.formats.idx import read_idx", "barenet.data.formats.idx.read_idx"),
        ("from barenet import config", "barenet.config"),
        ("from ..data import files", "barenet.data.files"),
    ],
)
def test_a_made_up_outsider_in_the_network_is_found(line, outsider):
    assert outsiders(f"import numpy as np\nimport math\n{line}", "barenet.nn.mlp", is_package=False) == {outsider}


def test_a_made_up_eager_import_of_the_package_is_found_and_a_lazy_one_is_not():
    source = "import barenet.config\nif TYPE_CHECKING:\n    import barenet.api\ndef f():\n    import barenet.data"
    assert eager_imports(source) == {"barenet.config"}


def test_no_two_test_modules_have_one_name():
    """Two of one name cannot be imported in one process, so some choices of tests would fail."""
    names = [path.name for path in Path(__file__).parent.rglob("*.py")]
    assert sorted(name for name in set(names) if names.count(name) > 1) == ["conftest.py"]
