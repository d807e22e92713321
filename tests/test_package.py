"""The package as its users see it: quick to import, with all its names, errors and files."""

from __future__ import annotations

import builtins
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from importlib import metadata, resources
from pathlib import Path

import numpy as np
import pytest
from families import slow_except

import barenet
from barenet import errors

HEAVY = ("pydantic", "matplotlib", "rich", "cyclopts", "safetensors", "psutil", "optuna", "PIL", "filelock", "scipy")


def modules_after(statement):
    """Return the names of all modules that a fresh Python has loaded after `statement`."""
    code = f"{statement}\nimport sys\nprint(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("name", "packages"),
    slow_except(
        [
            ("barenet", {"errors", "version"}),
            ("barenet.errors", {"errors", "version"}),
            ("barenet.cli.main", {"errors", "version", "cli", "interrupts"}),
            ("barenet.nn", {"errors", "version", "reproducible", "nn"}),
        ],
        ("barenet.nn", {"errors", "version", "reproducible", "nn"}),
        ("barenet.cli.main", {"errors", "version", "cli", "interrupts"}),
    ),
)
def test_importing_the_package_loads_nothing_heavy_and_the_network_numpy(name, packages):
    loaded = modules_after(f"import {name}")
    assert name in loaded
    assert ("numpy" in loaded) == (name == "barenet.nn")
    assert [heavy for heavy in HEAVY if heavy in loaded] == []
    assert {module.split(".")[1] for module in loaded if module.startswith("barenet.")} == packages


def test_a_heavy_library_would_have_been_seen():
    assert "pydantic" in modules_after("import barenet.config.tables")


def kind_then_name(name):
    """Sort as an import statement is sorted: CONSTANTS, then Classes, then the rest."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


@pytest.mark.parametrize("module", ["barenet", "barenet.nn", "barenet.errors"])
def test_public_names_are_sorted_unique_and_there(module):
    module = importlib.import_module(module)
    assert list(module.__all__) == sorted(set(module.__all__), key=kind_then_name)
    for name in module.__all__:
        assert getattr(module, name) is not None, name


def test_lazy_names_are_listed_and_are_what_they_say():
    assert set(barenet._LAZY) <= set(barenet.__all__)
    for name, module in barenet._LAZY.items():
        assert getattr(barenet, name) is getattr(importlib.import_module(module), name)


@pytest.mark.parametrize("name", barenet.__all__)
def test_every_public_name_is_listed_and_says_what_it_is(name):
    assert name in dir(barenet)
    assert len(inspect.getdoc(getattr(barenet, name)) or "") > 20


def test_no_module_has_the_name_of_a_public_function():
    """Importing such a module would replace the function by the module."""
    modules = {module.name for module in pkgutil.iter_modules(barenet.__path__)}
    assert {"nn", "errors", "course", "sklearn"} <= modules
    assert modules & set(barenet._LAZY) == set()


@pytest.mark.slow
def test_public_functions_stay_what_they_are_when_all_modules_are_imported():
    code = (
        "import barenet, importlib, pkgutil, types\n"
        "for module in pkgutil.walk_packages(barenet.__path__, 'barenet.'):\n"
        "    if module.name not in ('barenet.__main__', 'barenet.sklearn') and '.sklearn.' not in module.name:\n"
        "        importlib.import_module(module.name)\n"
        "print([n for n in barenet._LAZY if isinstance(getattr(barenet, n), types.ModuleType)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout == "[]\n"


def test_the_course_is_imported_from_the_package():
    from barenet import course

    assert callable(course.train)


# What a person who reads the docs imports

DOCUMENTED = {"barenet", "barenet.course", "barenet.errors", "barenet.nn", "barenet.sklearn"}
ROOT = Path(__file__).parents[1]


def python_texts():
    """Return the Python that users are shown, by its place: examples, blocks of pages, imports in sentences.

    Not the example that opens the compiled engine to show how it works, nor the script that writes
    the page of settings.
    """
    texts = {path: path.read_text("utf-8") for folder in ("docs", "examples") for path in (ROOT / folder).rglob("*.py")}
    del texts[ROOT / "examples" / "fast_products.py"], texts[ROOT / "docs" / "settings.py"]
    for path in (*ROOT.glob("README*.md"), *(ROOT / "docs").rglob("*.md")):
        page = path.read_text("utf-8")
        blocks = [block.replace(">>> ", "") for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL)]
        texts[path] = "\n".join(blocks + re.findall(r"`((?:from|import) barenet[^`]*)`", page))
    return texts


def test_docs_and_examples_import_public_modules_only():
    found = {
        (path.relative_to(ROOT), module)
        for path, text in python_texts().items()
        for module in re.findall(r"^\s*(?:from|import) (barenet[\w.]*)", text, re.MULTILINE)
    }
    assert {module for _, module in found} >= {"barenet", "barenet.nn", "barenet.sklearn"}
    assert {(path, module) for path, module in found if module not in DOCUMENTED} == set()


def test_docs_and_examples_use_names_that_are_there():
    used = {
        (path.relative_to(ROOT), name)
        for path, text in python_texts().items()
        for name in re.findall(r"\bbarenet\.(\w+)", text)
    }
    assert len({name for _, name in used}) > 8
    assert {(path, name) for path, name in used if name not in {*dir(barenet), "course", "sklearn"}} == set()


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'barenet' has no attribute 'trian'"):
        barenet.trian  # noqa: B018


def test_the_example_of_the_design_works():
    mlp = barenet.MLP(784, (128, 32), 10)
    assert mlp.forward(np.zeros((16, 784), np.float32)).shape == (16, 10)


# Errors

# "├── ConfigError        a setting, ...      exit 2   also ValueError"
TREE = re.findall(r"[├└]── (\w+) .*exit (\d)\s+also (\w+)", errors.__doc__)


def test_the_tree_in_the_docstring_names_every_error_and_no_other():
    real = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    assert {name for name, _, _ in TREE} == real - {"BarenetError", "InputWarning"}
    assert real <= set(errors.__all__)


@pytest.mark.parametrize(("name", "exit_code", "builtin"), TREE)
def test_every_error_is_the_builtin_and_has_the_exit_code_that_the_docstring_claims(name, exit_code, builtin):
    error = getattr(errors, name)
    assert error.__bases__ == (errors.BarenetError, getattr(builtins, builtin))
    assert error.exit_code == int(exit_code)
    assert str(error("what is wrong")) == "what is wrong"
    with pytest.raises(getattr(builtins, builtin), match="what is wrong"):
        raise error("what is wrong")


def test_wrong_input_exits_with_2_the_machine_with_3_and_divergence_with_4():
    codes = {name: getattr(errors, name).exit_code for name, _, _ in TREE}
    assert codes.pop("MachineError") == 3
    assert codes.pop("DivergedError") == 4
    assert set(codes.values()) == {2}


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("rleu", "did you mean 'relu'?"),
        ("TANH", "did you mean 'Tanh'?"),
        ("zzz", "known: relu, Tanh, elu"),
        ("", "known: relu, Tanh, elu"),
    ],
)
def test_the_nearest_known_name_is_suggested_as_it_is_spelt(name, hint):
    assert errors.nearest(name, ["relu", "Tanh", "elu"]) == hint


# Files


def test_the_version_is_that_of_the_installed_distribution():
    assert barenet.__version__ == metadata.version("barenet")


def test_the_package_says_that_it_is_typed():
    assert (resources.files("barenet") / "py.typed").is_file()


def test_the_carried_images_come_with_their_licence():
    folder = resources.files("barenet") / "data" / "fashion_mnist"
    licence = (folder / "LICENSE").read_text("utf-8")
    assert "Zalando" in licence
    assert "Permission is hereby granted" in licence
    files = {f"{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")}
    assert {path.name for path in folder.iterdir()} >= files


def test_the_recipes_are_in_the_package():
    from barenet.config.reading import RECIPES
    from barenet.config.sources import build_config

    for name in RECIPES:
        assert (resources.files("barenet.config.recipes") / f"{name}.toml").is_file()
        assert build_config(name).trainer.epochs > 0
