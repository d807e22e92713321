"""Load a person's Python file or notebook, and keep what it prints away from stdout, which is for results."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import random
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from barenet.errors import ConfigError, nearest
from barenet.gradcheck.functions.failures import explain_failure
from barenet.gradcheck.functions.notebook import run_cells
from barenet.interrupts import waiting

__all__ = ["PythonFile", "split_reference"]

KINDS = (".py", ".ipynb")
DEFAULT_FUNCTION = "loss_and_gradients"
MOST_SHOWN = 200  # characters of what a file prints


def split_reference(text: str) -> tuple[Path, str] | None:
    """Return file and name of "mine.py:name", "lesson.ipynb:name" or "mine.py"; None if it names no such file."""
    before, colon, after = text.rpartition(":")
    if colon and before.endswith(KINDS):
        return Path(before), after or DEFAULT_FUNCTION
    return (Path(text), DEFAULT_FUNCTION) if text.endswith(KINDS) else None


class PythonFile:
    """A Python file or a notebook that can be loaded several times, each time as if it were the first.

    The code cells of a notebook are run up to the one that defines `name`.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path.absolute(), name
        if not self.path.is_file():
            others = (
                [other.name for other in self.path.parent.glob(f"*{path.suffix}")] if self.path.parent.is_dir() else []
            )
            raise ConfigError(f"there is no file {path}" + (f"; {nearest(path.name, others)}" if others else ""))
        self.printed = Beginning()
        self.known = set(sys.modules)

    def load(self) -> Mapping[str, Any]:
        """Run the file as a module and return its names; the modules beside it that it imports are loaded again too."""
        self.printed.text = ""
        for name in set(sys.modules) - self.known:
            file = getattr(sys.modules[name], "__file__", None)
            if file and Path(file).parent == self.path.parent:
                del sys.modules[name]
        random.seed(0)  # so that random parameters in the file are the same every time
        np.random.seed(0)  # noqa: NPY002 (many files use NumPy's global generator)
        if self.path.suffix == ".ipynb":
            return self.load_notebook()
        spec = importlib.util.spec_from_file_location(f"own_{self.path.stem}", self.path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[module.__name__] = module  # dataclasses need to find their module
        try:
            with waiting():  # it may never end
                spec.loader.exec_module(module)
        except MemoryError:
            raise
        except (Exception, SystemExit) as error:
            raise ConfigError(explain_failure(error, str(self.path), self.path.name)) from error
        return vars(module)

    def load_notebook(self) -> Mapping[str, Any]:
        """Run the notebook's cells as a module up to the one that defines the name."""
        module = ModuleType(f"own_{self.path.stem}")
        sys.modules[module.__name__] = module
        with waiting():
            run_cells(self.path, self.name, vars(module))
        return vars(module)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Let the file import modules beside it, keep the beginning of what it prints, and give it an empty stdin."""
        keyboard, sys.stdin = sys.stdin, io.StringIO()
        sys.path.insert(0, str(self.path.parent))
        writes_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        try:
            with contextlib.redirect_stdout(self.printed):
                yield
        finally:
            sys.dont_write_bytecode = writes_bytecode
            sys.path.remove(str(self.path.parent))
            sys.stdin = keyboard


class Beginning(io.TextIOBase):
    """A text stream that keeps the beginning of what is written to it."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        """Keep the text, up to `MOST_SHOWN` characters in all."""
        self.text += text[: MOST_SHOWN - len(self.text)]
        return len(text)
