"""The ladder of the house: a module imports only from rooms above its own and from modules above it in its room.

Imports are read from the source, wherever in a module they stand; nothing is executed.
"""

from __future__ import annotations

import ast
import functools
import graphlib
import sys
from pathlib import Path

import pytest

import barenet

SOURCE = Path(barenet.__file__).parent

# The rooms from top to bottom. Where a room lists its modules they stand in order; else any order without circles
# will do. `barenet` itself gathers errors and nn, and can be imported below them.
ROOMS: list[tuple[str, list[str] | None]] = [
    ("barenet.errors", None),
    ("barenet.messages", None),
    (
        "barenet.data",
        [
            *("idx", "checks", "folders", "npz"),
            *("pictures", "picture_folders", "picture_decoding", "picture_cache", "csv_files", "tables"),
            *("datasets", "randomness", "splits", "standardising", "augmentation", "batches"),
        ],
    ),
    (
        "barenet.nn",
        [
            "parameters",
            "initializers",
            "activations",
            "products",
            "losses",
            "layers",
            "workspace",
            "mlp",
            "optimizers",
            "schedules",
            "gradcheck",
            "own.structure",
            "own.function",
            "own.differences",
            "own.reference",
            "own.mistakes",
            "own.wording",
            "own.report",
            "own.measure",
            "own.overflow",
            "own.check",
            "own.arguments",
            "own.code",
            "own",
        ],
    ),
    ("barenet", None),
    ("barenet.config.tables", None),
    ("barenet.config.sources", None),
    ("barenet.config.recipes", None),
    ("barenet.training", None),
    ("barenet.tuning", None),
    ("barenet.visualize", None),
    ("barenet.deploy", None),
    ("barenet.api.training", None),
    ("barenet.api.searching", None),
    ("barenet.course", None),
    ("barenet.sklearn", None),
    ("barenet.cli", None),
]
SAME_RANK = {"barenet.config.recipes": "barenet.config.sources"}  # settings reads the recipes, which are settings files
EXEMPT = {"barenet", "barenet.__main__"}


def read_sources() -> dict[str, str]:
    """Return the source of every module of the package by its dotted name."""
    sources = {}
    for path in SOURCE.rglob("*.py"):
        parts = ("barenet", *path.relative_to(SOURCE).with_suffix("").parts)
        sources[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text("utf-8")
    return sources


@functools.cache
def imported_names(source: str, module: str, is_package: bool) -> frozenset[str]:
    """Return the absolute dotted names that a module's import statements mention, `from a import b` as a.b."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
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
    """Return which modules of the package each module imports."""
    packages = {name.rpartition(".")[0] for name in sources} | {"barenet"}
    imports = {}
    for module, source in sources.items():
        own = set()
        for name in imported_names(source, module, module in packages):
            if name.split(".")[0] == "barenet":
                # `from barenet.nn.mlp import MLP` means the module barenet.nn.mlp: the longest name that is one.
                while name not in sources and "." in name:
                    name = name.rpartition(".")[0]  # noqa: PLW2901
                own.add(name)
        imports[module] = own - {module}
    return imports


def room_of(module: str) -> str | None:
    """Return the room that a module is in, or None if it is in none."""
    names = [room for room, _ in ROOMS if module == room or (room != "barenet" and module.startswith(f"{room}."))]
    return names[0] if names else None


def rank(room: str) -> int:
    """Return how far down the ladder a room is."""
    return [name for name, _ in ROOMS].index(SAME_RANK.get(room, room))


def violations(imports: dict[str, set[str]]) -> list[str]:
    """Return every way in which these imports break the ladder."""
    found = []
    orders = {room: order for room, order in ROOMS if order is not None}
    for module, targets in sorted(imports.items()):
        room = room_of(module)
        if module in EXEMPT:
            continue
        if room is None:
            found.append(f"{module} is in no room")
            continue
        name = module.removeprefix(f"{room}.")
        if room in orders and module != room and name not in orders[room]:
            found.append(f"{module} has no place in the order of {room}")
            continue
        for target in sorted(targets):
            target_room = room_of(target)
            if target_room is None:
                found.append(f"{module} imports {target}, which is in no room")
            elif rank(target_room) > rank(room):
                found.append(f"{module} imports {target} from a room below")
            elif target_room == room and room in orders and module != room:
                order = [room + "." + own for own in orders[room]]
                if target not in order or order.index(target) >= order.index(module):
                    found.append(f"{module} imports {target}, which is not above it in {room}")
    try:
        graphlib.TopologicalSorter({m: t for m, t in imports.items() if m not in EXEMPT}).prepare()
    except graphlib.CycleError as error:
        found.append("a circle: " + " -> ".join(error.args[1]))
    return found


def outsiders(source: str, module: str, is_package: bool) -> set[str]:
    """Return what a module imports besides NumPy, the standard library, barenet.errors and barenet.nn."""
    return {
        name
        for name in imported_names(source, module, is_package)
        if name.split(".")[0] not in {"numpy", *sys.stdlib_module_names}
        and not name.startswith(("barenet.errors.", "barenet.nn."))
    }


def eager_imports(source: str) -> frozenset[str]:
    """Return the names that a package's top level imports when it is loaded: not in functions, not for types only."""
    statements = [node for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom)]
    return imported_names("\n".join(ast.unparse(node) for node in statements), "barenet", is_package=True)


def test_the_ladder_is_not_broken():
    imports = read_imports(read_sources())
    assert sum(len(targets) for targets in imports.values()) > 50  # the reader found something to read
    assert violations(imports) == []


def test_the_network_imports_numpy_the_standard_library_and_errors_only():
    for module, source in read_sources().items():
        if room_of(module) == "barenet.nn":
            assert outsiders(source, module, module == "barenet.nn") == set(), module


def test_the_package_itself_loads_errors_and_nn_and_leaves_the_rest_for_later():
    names = eager_imports((SOURCE / "__init__.py").read_text("utf-8"))
    ours = {name for name in names if name.split(".")[0] == "barenet"}
    assert {"barenet.errors", "barenet.nn"} <= ours
    assert {name for name in ours if not name.startswith(("barenet.errors", "barenet.nn"))} == set()
    assert {name.split(".")[0] for name in names - ours} <= set(sys.stdlib_module_names)


def test_every_listed_module_exists():
    sources = read_sources()
    for room, order in ROOMS:
        for name in order or []:
            assert f"{room}.{name}" in sources


# The checker itself


@pytest.mark.parametrize(
    ("module", "line", "complaint"),
    [
        ("barenet.nn.losses", "from barenet.nn.mlp import MLP", "barenet.nn.mlp, which is not above it in barenet.nn"),
        ("barenet.nn.losses", "from barenet.nn import mlp", "barenet.nn.mlp, which is not above it in barenet.nn"),
        ("barenet.nn.losses", "from . import mlp", "barenet.nn.mlp, which is not above it in barenet.nn"),
        ("barenet.nn.losses", "from .mlp import MLP", "barenet.nn.mlp, which is not above it in barenet.nn"),
        ("barenet.nn.losses", "import barenet.nn.mlp", "barenet.nn.mlp, which is not above it in barenet.nn"),
        ("barenet.nn.losses", "from barenet.nn import MLP", "barenet.nn, which is not above it in barenet.nn"),
        ("barenet.nn.losses", "from ..config import Config", "barenet.config.tables from a room below"),
        ("barenet.nn.losses", "def f():\n    import barenet.config.tables", "barenet.config.tables from a room below"),
        ("barenet.nn.losses", "import barenet", "barenet from a room below"),
        ("barenet.data.formats.idx", "from barenet.data.splits import x", "barenet.data.splits, which is not above it"),
        ("barenet.data.formats.idx", "from barenet.nn.mlp import MLP", "barenet.nn.mlp from a room below"),
        ("barenet.errors", "from barenet.data.formats.idx import x", "barenet.data.formats.idx from a room below"),
        ("barenet.config.tables", "from barenet.engine.state import x", "barenet.engine.state from a room below"),
        ("barenet.engine.state", "from barenet.training.trainer import x", "a circle: "),
        ("barenet.engine.state", "from barenet.cli.main import main", "barenet.cli.main from a room below"),
        ("barenet.engine.state", "from barenet.api.training import train", "barenet.api.training from a room below"),
        ("barenet.data.misc", "", "barenet.data.misc has no place in the order of barenet.data"),
        ("barenet.utils", "", "barenet.utils is in no room"),
    ],
)
def test_a_made_up_violation_is_found(module, line, complaint):
    sources = read_sources()
    already_there = violations(read_imports(sources))
    sources[module] = f"{sources.get(module, '')}\n{line}\n"
    found = set(violations(read_imports(sources))) - set(already_there)
    assert [message for message in found if complaint in message]
    assert all(module in message for message in found)


@pytest.mark.parametrize(
    ("line", "outsider"),
    [
        ("import pydantic", "pydantic"),
        ("def f():\n    from scipy.special import expit", "scipy.special.expit"),
        ("from barenet.data.formats.idx import read_idx", "barenet.data.formats.idx.read_idx"),
        ("from barenet import config", "barenet.config.tables"),
        ("from ..data import idx", "barenet.data.formats.idx"),
    ],
)
def test_a_made_up_outsider_in_the_network_is_found(line, outsider):
    assert outsiders(f"import numpy as np\nimport math\n{line}", "barenet.nn.mlp", is_package=False) == {outsider}


def test_a_made_up_eager_import_of_the_package_is_found_and_a_lazy_one_is_not():
    source = "import barenet.config.tables\nif TYPE_CHECKING:\n    import barenet.api.training\ndef f():\n    import barenet.data"
    assert eager_imports(source) == {"barenet.config.tables"}
