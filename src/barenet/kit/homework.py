"""A student's code in the process that checks it: import it, find its functions, call them, explain their errors.

Code of a student may print, read input, end the process, change the working folder or raise anything. Each of these
becomes a sentence. The process around it has limits (`isolation`).
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import io
import os
import random
import re
import sys
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import numpy as np

from barenet.kit.findings import Findings, NotPossible, NotWritten, Wrong
from barenet.kit.form import Form, form_of
from barenet.messages import one_line

__all__ = ["Homework"]

MOST_SHOWN = 80  # characters of what the code prints
NOT_WRITTEN = re.compile(r"step (\d+)\b")
SUM_OF_ROWS = re.compile(r"shapes \((\d+),\d+\) \(\1,\)")  # (6,3) and (6,)
STEP_FILES = ("data", "model", "train", "test", "gridsearch", "param_vis")


class InputRead(Exception):
    """The code asks for input."""


class Homework:
    """The student's files, or an adapter that gives their parts the names of the kit.

    `stage` is a file that says what the process is doing, for the case that it never ends.
    """

    def __init__(self, folder: Path, adapter: Path | None, findings: Findings, stage: Path) -> None:
        self.folder, self.adapter, self.findings, self.stage = folder, adapter, findings, stage
        self.printed = Printed()
        for path in dict.fromkeys((adapter.parent if adapter else folder, folder)):
            sys.path.insert(0, str(path))  # the folder comes first: the adapter's may have a model.py too
        for name in STEP_FILES:  # some are modules of Python too, such as `test`
            sys.modules.pop(name, None)
        builtins.input = refuse_input
        random.seed(0)
        np.random.seed(0)  # noqa: NPY002 (many people use NumPy's global generator)

    @cached_property
    def form(self) -> Form:
        """The number of hidden layers, the activations and the metrics of this homework."""
        return Form() if self.adapter is None else form_of(self.load(self.adapter), self.adapter.name)

    def find(self, file: str, name: str) -> Callable[..., Any]:
        """Return a function or a class of the kit by its file and name; raise Wrong or NotWritten."""
        module = self.load(self.adapter if self.adapter is not None else self.folder / file)
        source = self.adapter.name if self.adapter is not None else file
        found = getattr(module, name, None)
        if found is None and self.adapter is not None:
            raise NotWritten(f"{source} has no {name}")
        if found is None:
            raise Wrong(f"{source} has no {name}; the kit's file has one, and its name must stay")
        if not callable(found):
            raise Wrong(f"{name} in {source} must be a function or a class, got {type(found).__name__}")
        return found  # type: ignore[no-any-return]

    def method(self, thing: Any, name: str) -> Callable[..., Any]:
        """Return a method of an object of the student's class; raise Wrong or NotWritten if there is none."""
        found = getattr(thing, name, None)
        if callable(found):
            return found  # type: ignore[no-any-return]
        title = type(thing).__name__
        if self.adapter is not None:
            raise NotWritten(f"{title} in {self.adapter.name} has no method {name}")
        raise Wrong(f"{title} has no method {name}; the kit's class has one, and its name must stay")

    def each(self, *parts: Callable[[], None]) -> None:
        """Run the parts of a step. If an adapter leaves a part out, the others run, and then NotWritten is raised."""
        missing: NotWritten | None = None
        for part in parts:
            try:
                part()
            except NotWritten as error:
                if self.adapter is None:
                    raise
                missing = missing or error
        if missing is not None:
            raise missing

    def load(self, path: Path) -> ModuleType:
        """Import a file of the student, once."""
        if path.stem in sys.modules and getattr(sys.modules[path.stem], "__file__", None) == str(path):
            return sys.modules[path.stem]
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        self.guarded(f"importing {path.name}", lambda: spec.loader.exec_module(module))  # type: ignore[union-attr]
        return module

    def call(self, what: str, function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        """Call the student's function; `what` names it in messages. Raise Wrong or NotWritten if it fails."""
        return self.guarded(what, lambda: function(*arguments, **keywords))

    def guarded(self, what: str, run: Callable[[], Any]) -> Any:
        """Run a piece of the student's code, and turn what it must not do into sentences."""
        replace_text(self.stage, what)
        here, before = Path.cwd(), self.printed.content.n_bytes
        try:
            with redirect_stdout(self.printed), redirect_stderr(Printed()), np.errstate(all="ignore"):
                return run()
        except (Wrong, NotWritten, NotPossible):
            raise
        except NotImplementedError as error:
            if NOT_WRITTEN.match(str(error)):
                raise NotWritten(str(error)) from None
            self.fail(what, error)
        except (Exception, SystemExit) as error:
            self.fail(what, error)
        finally:
            if self.printed.content.n_bytes > before and what not in self.printed.told:
                self.printed.told.add(what)
                self.findings.note(f"{what} prints; it begins with {self.printed.beginning(before)!r}")
            if not here.exists() or Path.cwd() != here:
                self.findings.add(f"{what} changes the working folder; use paths instead of os.chdir")
                os.chdir(here)

    def fail(self, what: str, error: BaseException) -> NoReturn:
        """Raise Wrong with one sentence about an exception in the student's code.

        Homework from elsewhere may use a package that this environment lacks: that is NotPossible.
        """
        if self.adapter is not None and isinstance(error, ModuleNotFoundError) and error.name:
            package = error.name.partition(".")[0]
            if not any((self.folder / name).exists() for name in (package, f"{package}.py")):
                raise NotPossible(f"{what} needs the package {package}, which is not installed") from error
        raise Wrong(explain(what, error, (self.folder, *([self.adapter.parent] if self.adapter else [])))) from error


def replace_text(file: Path, text: str) -> None:
    """Write a text file in one moment: who reads it gets the old text or the new one."""
    new = file.with_suffix(".new")
    new.write_text(text, "utf-8")
    new.replace(file)


class Content(io.RawIOBase):
    """The bytes that are written to a stream: the first ones, and how many there are."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.n_bytes = b"", 0

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, content: Any) -> int:
        """Count the bytes, and keep a few of them."""
        if len(self.first) < 10_000:
            self.first += bytes(content[:10_000])
        self.n_bytes += len(content)
        return len(content)

    def close(self) -> None:
        """Stay open: the code may put another stream around this one, which closes it."""


class Printed(io.TextIOWrapper):
    """The stream to which code prints, with `reconfigure` and `buffer` as sys.stdout has them."""

    def __init__(self) -> None:
        self.content = Content()
        self.told: set[str] = set()  # what printed, and is noted already
        stream: Any = self.content  # typeshed wants a name too
        super().__init__(stream, "utf-8", write_through=True)

    def beginning(self, start: int) -> str:
        """Return the first line printed after `start` bytes, cut."""
        text = self.content.first[start:].decode("utf-8", "replace")
        return one_line(text.strip().partition("\n")[0], MOST_SHOWN)


def refuse_input(*_: Any) -> NoReturn:
    """Stand in for input(): nobody is there to answer."""
    raise InputRead


def explain(what: str, error: BaseException, folders: tuple[Path, ...]) -> str:
    """Return one sentence about an exception: the student's line that it came from, and what it says."""
    where, code = place_of(error, folders)
    if isinstance(error, InputRead):
        return f"{what}{where} reads input; no one answers there, so use arguments instead"
    if isinstance(error, SystemExit):
        return f"{what}{where} ends the program with exit(); return or raise an error instead"
    if isinstance(error, MemoryError):
        return f"{what}{where} needs too much memory{code}: {one_line(str(error) or 'MemoryError', 200)}"
    if isinstance(error, SyntaxError) and error.filename:
        return f"{what} fails: {Path(error.filename).name} line {error.lineno}: {type(error).__name__}: {error.msg}"
    if isinstance(error, RecursionError):
        return f"{what}{where} calls itself without an end{code}"
    said = one_line(f"{type(error).__name__}: {' '.join(str(error).split())}", 300)
    hint = "; a sum, mean or max over axis=1 needs keepdims=True here" if SUM_OF_ROWS.search(said) else ""
    return f"{what}{where} fails{code}: {said}{hint}"


def place_of(error: BaseException, folders: tuple[Path, ...]) -> tuple[str, str]:
    """Return the last place in the student's files as " (model.py line 12)", and its code as " at `...`"."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if any(f in Path(frame.filename).parents for f in folders)
    ]
    if not frames:
        return "", ""
    last = frames[-1]
    code = f" at `{one_line(last.line, MOST_SHOWN)}`" if last.line else ""
    return f" ({Path(last.filename).name} line {last.lineno})", code
