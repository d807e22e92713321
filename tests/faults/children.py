"""Small runs in processes that tests may kill, and what must be the same in a run's folder in the end.

A child is forked from a process that has imported everything, so it begins to work within milliseconds.
"""

from __future__ import annotations

import csv
import json
import multiprocessing
import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import numpy as np
from told import listen

from barenet.config.names import setting_path
from barenet.config.sources import build_config
from barenet.config.tables import Config
from barenet.data.datasets import Dataset, from_arrays
from barenet.engine.making import settle_engine
from barenet.errors import BarenetError
from barenet.run_folders.checkpoint import read_state
from barenet.run_folders.folder import network_folders, new_run
from barenet.run_folders.going_on.resuming import resume_run
from barenet.run_folders.observer import Observer
from barenet.run_folders.results import RunResult
from barenet.run_folders.run import Run, network_configs, start_run
from barenet.run_folders.scores import write_scores
from barenet.storage.arrays import write_arrays
from barenet.storage.files import append_line
from barenet.storage.history import history_line, read_history
from barenet.training import epochs
from barenet.training.preparation import prepare
from barenet.training.records import EpochRecord
from barenet.training.trainer import Trainer

PAUSE = 0.1  # seconds between two checkpoints inside an epoch, in place of 30
STRETCH = 0.01  # seconds of training before the clock is read again, in place of 0.2
TESTED_BY = {"hidden": "16,8", "lr": 0.002, "n_valid": 100, "label_smoothing": 0, "dropout": 0.1}
KINDS: dict[str, dict[str, Any]] = {
    "one": {"batch_size": 8, "epochs": 5},
    "three": {"batch_size": 16, "epochs": 4, "n_seeds": 3},
    "long epochs": {"batch_size": 1, "epochs": 2, "n_train": 1500},
}

CONTEXT = multiprocessing.get_context("forkserver") if os.name == "posix" else None
if CONTEXT is not None:
    CONTEXT.set_forkserver_preload(
        ["barenet.run_folders.going_on.resuming", "barenet.run_folders.run", "barenet.training.epochs"]
    )


@cache
def dataset_of(n: int) -> Dataset:
    """Return n + 100 images of 6 x 6 pixels in three classes that overlap, and 60 to test on."""
    rng = np.random.default_rng(5)
    prototypes = rng.integers(0, 256, (3, 6, 6))

    def draw(n_images: int) -> tuple[np.ndarray, np.ndarray]:
        labels = rng.integers(0, 3, n_images)
        noise = rng.normal(60, 60, (n_images, 6, 6))
        return np.clip(prototypes[labels] / 2 + noise, 0, 255).astype(np.uint8), labels

    (x, y), (x_test, y_test) = draw(n + 100), draw(60)
    return from_arrays(x=x, y=y, x_test=x_test, y_test=y_test)


def config_of(kind: str) -> Config:
    values = {name: value for name, value in {**TESTED_BY, **KINDS[kind]}.items() if name != "n_train"}
    return build_config(flags={setting_path(name): value for name, value in values.items()})


def data_of(kind: str) -> Dataset:
    return dataset_of(KINDS[kind].get("n_train", 400))


def use_short_pauses() -> None:
    """Let training write checkpoints inside an epoch every tenth of a second."""
    Trainer.__init__.__kwdefaults__["pause_seconds"] = PAUSE
    epochs.PROGRESS_SECONDS = STRETCH


def train(folder: str, kind: str, observer: Observer | None = None) -> RunResult:
    """Train a run from its start in a new folder."""
    path = Path(folder)
    return start_run(config_of(kind), data_of(kind), output=path.parent, name=path.name, observer=observer)


def go_on(folder: str, kind: str, observer: Observer | None = None) -> RunResult:
    """Start a run, or go on with it if it is there."""
    return resume(folder, kind, observer) if Path(folder).exists() else train(folder, kind, observer)


def resume(folder: str, kind: str, observer: Observer | None = None) -> RunResult:
    """Go on with a run."""
    return resume_run(Path(folder), data_of(kind), observer=observer)


def train_two_epochs(folder: str, observer: object) -> None:
    """Train a run for two epochs, as if it was stopped then."""
    path = Path(folder)
    resolved, data = prepare(config_of("one"), data_of("one"))
    resolved = settle_engine(resolved)
    trainer = Trainer(network_configs(resolved), data, until=2)
    with new_run(path.parent, path.name, "quick") as new:
        run = Run(resolved, data_of("one"), trainer, new.publish(), Observer())
        run.files.write_start()
        for each in trainer:
            run.files.write(each)


class Notes(Observer):
    """Keeps all notes."""

    def __init__(self) -> None:
        self.said = listen()


def tell(report: str, target: Callable[..., Any], *arguments: Any) -> None:
    """Do something as the command line does, and write its exit code, its message and when it ended into a file."""
    use_short_pauses()
    notes, began = Notes(), time.time()
    result: dict[str, Any] = {"exit": 0, "message": ""}
    try:
        outcome = target(*arguments, notes)
        if isinstance(outcome, RunResult) and outcome.unsaved is not None:
            result = {"exit": 3, "message": outcome.unsaved}
    except BarenetError as error:
        result = {"exit": error.exit_code, "message": str(error)}
    except BaseException as error:
        import traceback

        result = {"exit": 1, "message": traceback.format_exc(), "kind": type(error).__name__}
    Path(report).write_text(json.dumps({**result, "notes": notes.said, "seconds": time.time() - began}), "utf-8")


def start_child(target: Callable[..., Any], *arguments: Any) -> ForkServerProcess:
    """Start a function of this module, or of another that a child can import, in a child."""
    assert CONTEXT is not None
    folder = str(Path(__file__).parent)
    if folder not in sys.path:
        sys.path.append(folder)
    child = CONTEXT.Process(target=target, args=arguments, daemon=True)
    child.start()
    return child


def run_child(report: Path, target: Callable[..., Any], *arguments: Any, patience: float = 120) -> dict[str, Any]:
    """Do something in a child to its end, and return what `tell` has written."""
    child = start_child(tell, str(report), target, *arguments)
    child.join(patience)
    assert child.exitcode == 0, f"the child ended with {child.exitcode}"
    told: dict[str, Any] = json.loads(report.read_text("utf-8"))
    report.unlink()
    return told


def save(folder: str, number: int, notes: object = None) -> None:
    """Write `last` once, as training does."""
    path = Path(folder)
    values = np.full(5000, number, np.float32)
    write_arrays(
        path / "last.safetensors", {"number": number}, {"values": values}, previous=path / "previous.safetensors"
    )


def save_repeatedly(folder: str) -> None:
    """Write the files of a run again and again, each time with the next number in all of them."""
    path = Path(folder)
    example = EpochRecord(0, 1, 1, 0.1, 1.0, 0.5, None, None, False, 1.0, 1.0, 1.0, 0.1)
    start = 1 + len(read_history(path / "history.jsonl").records)
    for number in range(start, start + 100_000):
        values = np.full(20_000, number, np.float32)
        append_line(path / "history.jsonl", history_line(replace(example, epoch=number)), flush=True)
        write_arrays(path / "best.safetensors", {"number": number}, {"values": values})
        write_scores(path, {"number": number}, np.full((50, 3), number, np.float32))
        save(folder, number)
        (path / "begun").touch()


def contents(folder: Path) -> dict[str, Any]:
    """Return the parts of a run's files that must be the same after any number of stops: all but times.

    `previous` is the checkpoint before the last. After a stop it is another one, so it only has to be undamaged.
    """
    found: dict[str, Any] = {}
    for own in network_folders(folder):
        read_state(own / "previous.safetensors")
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() or path.name in (".lock", "previous.safetensors"):
            continue
        if path.name == "history.jsonl":
            history = read_history(path)
            assert not history.problems(), history.problems()
            found[name] = [{**record.as_values(), "seconds": 0} for record in history.records]
        elif path.name == "history.csv":
            rows = list(csv.reader(path.read_text("utf-8").splitlines()))
            found[name] = [
                [cell for cell, title in zip(row, rows[0], strict=True) if title != "seconds"] for row in rows
            ]
        elif path.name == "train.log":
            found[name] = re.sub(r"\d+(\.\d+)? m?s\b", "", path.read_text("utf-8"))
        elif path.name == "test.json":
            found[name] = without_times(json.loads(path.read_text("utf-8")))
        else:
            found[name] = path.read_bytes()
    return found


def without_times(value: Any) -> Any:
    """Return nested values without seconds, the checksum of the text that had them, and the folder's name."""
    if isinstance(value, dict):
        times = ("training_seconds", "checksum", "run")
        return {name: without_times(inner) for name, inner in value.items() if name not in times}
    return [without_times(inner) for inner in value] if isinstance(value, list) else value


def differing(found: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """Return the names of files that are not the same, or are in only one of the two."""
    return sorted(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))
