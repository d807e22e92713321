"""What the arguments of a report are, recognised by their content: runs, studies, and homework of other programs.

Files of homework that follow one another belong together, until a kind comes twice: `weights.npz history.csv` is one
homework, `a.npz a.csv b.npz b.csv` are two.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from barenet.documents.inputs.histories import read_history_table
from barenet.documents.inputs.homework import HomeworkFiles
from barenet.errors import BarenetError, ConfigError, RunError
from barenet.messages import few
from barenet.notes import logger
from barenet.reading.borders import open_regular, reading
from barenet.run_folders.finding import STUDY, Named, describe_names, find_folder, find_run, is_run_or_study, path_of

__all__ = ["Given", "recognise_all"]

MODELS = (".safetensors", ".pkl", ".pickle", ".npz")
TABLES = (".csv", ".tsv")
GRID_RESULTS = "gridsearch_results.json"  # the course project's name
Given = Path | HomeworkFiles  # a run or a study, or homework


def recognise_all(named: Sequence[Named]) -> list[Given]:
    """Return what each argument is; without any, the latest run.

    Raises RunError for one that does not exist, ConfigError for one of no known kind.
    """
    found: list[Given] = []
    for one in named or (None,):
        path = find_folder(path_of(one))
        if not path.exists():
            raise RunError(f"{path} does not exist: {describe_names(path)}")
        if path.is_dir():
            found.append(folder(path))
            continue
        kind = kind_of(path)
        if kind is None:
            raise ConfigError(
                f"{path} is of no known kind: expected a run, a study, weights (.pkl or .npz with W1, b1, ...), a "
                f"history (.csv with epoch, train_loss, ...), or gridsearch_results.json"
            )
        if kind == "architecture":
            continue  # it is read with the .pkl beside it
        last = found[-1] if found else None
        if not isinstance(last, HomeworkFiles) or last.place.is_dir() or not has_room(last, kind):
            last = HomeworkFiles(path.stem, path)
            found.append(last)
        add(last, path, kind)
    if not found:
        raise ConfigError("a .json with layers belongs to a .pkl: name the .pkl")
    return found


def folder(path: Path) -> Given:
    """Return what a folder is: a study, a run, or homework."""
    if (path / STUDY).exists():
        return path
    if is_run_or_study(path):
        return find_run(path)
    homework = HomeworkFiles(path.resolve().name, path)
    for file in sorted(path.iterdir()):
        kind = kind_of(file) if file.is_file() and not file.name.startswith(".") else None
        if kind is None and file.suffix.lower() == ".json":
            logger.info(f"left out: {file} holds neither layers nor search results")
        if kind in (None, "architecture"):
            continue
        if kind != "weights" and not has_room(homework, str(kind)):
            raise ConfigError(f"{path} holds more than one {kind}: name the files of one homework")
        if kind == "history" and not is_history(file):
            continue
        add(homework, file, str(kind))
    if not homework.weights and homework.history is None and homework.search is None:
        names = few(sorted(file.name for file in path.iterdir()))
        raise RunError(f"{path} is not a run folder, and holds no weights, history or search results: found {names}")
    return homework


def is_history(path: Path) -> bool:
    """Whether a CSV file in a folder is a history; another one is noted."""
    try:
        read_history_table(path)
    except BarenetError as error:
        logger.info(f"left out: {error}")
        return False
    return True


def has_room(homework: HomeworkFiles, kind: str) -> bool:
    """Whether a homework lacks this kind of file."""
    return not getattr(homework, kind)


def add(homework: HomeworkFiles, path: Path, kind: str) -> None:
    """Add a file to a homework."""
    if kind == "weights":
        homework.weights.append(path)
    else:
        setattr(homework, kind, path)


def kind_of(path: Path) -> str | None:
    """Return "weights", "history", "search" or "architecture" by a file's ending and content, None for any other."""
    ending = path.suffix.lower()
    if ending in MODELS:
        return "weights"
    if ending in TABLES:
        return "history"
    if ending != ".json":
        return None
    with reading(path), open_regular(path) as file:
        start = file.read(4096).decode("utf-8-sig", errors="replace")
    if path.name == GRID_RESULTS or re.match(r"\s*\[\s*\[", start):
        return "search"
    return "architecture" if is_architecture(path) else None


def is_architecture(path: Path) -> bool:
    """Whether a .json lists the layers of the .pkl beside it."""
    try:
        values = json.loads(path.read_bytes()[: 2**20])
    except (ValueError, OSError, RecursionError):
        return False
    return isinstance(values, list) and all(isinstance(row, dict) and "output_dim" in row for row in values)
