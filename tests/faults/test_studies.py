"""Damaged studies: bits flipped in each kind of file, bad or locked databases, processes killed at random moments.

Training is exact, so the right results are known: those of the undamaged study.
"""

from __future__ import annotations

import csv
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import optuna
import psutil
import pytest
from families import full, full_except, slow
from report import record
from told import listen
from waiting import PATIENCE

import barenet
from barenet.data.datasets import from_arrays
from barenet.errors import BarenetError, MachineError
from barenet.tuning.space.prepared import prepare_search
from barenet.tuning.space.request import read_request
from barenet.tuning.study.folder import StudyFolder
from barenet.tuning.study.ledger import open_ledger
from barenet.tuning.study.observer import SearchObserver
from barenet.tuning.study.rounds import Rounds
from barenet.tuning.study.search import Search
from barenet.tuning.study.winner import write_best
from barenet.tuning.workers.pool import SameProcess

SETTINGS = {"n_valid": 100, "hidden_sizes": (6,), "batch_size": 100, "epochs": 3, "label_smoothing": 0}
SPACE = {"lr": {"low": 1e-3, "high": 1e-1, "log": True}, "l2": [0.0, 0.01]}
DRAWN = {"strategy": "random", "trials": 6, "halving": True, "search_seed": 3, "repeats": 1, "repeat_best": 2}
KINDS = ["rounds/0.json", "trials/00002/rung-0.json", "trials/{best}/rung-1.safetensors", "study.json", "study.db"]


class Study(NamedTuple):
    """A finished study, the data that it is about, and its winner's key."""

    folder: Path
    arrays: dict
    best: str


@pytest.fixture(scope="module")
def study(arrays, tmp_path_factory):
    """A random search of six trials with halving: two rungs, the winner's state kept."""
    output = tmp_path_factory.mktemp("studies")
    result = barenet.search(SPACE, **arrays, **SETTINGS, **DRAWN, output=output, workers=0, verbose=False)
    with sqlite3.connect(result.folder / "study.db") as database:  # merge SQLite's log into it
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    for beside in result.folder.glob("study.db-*"):
        beside.unlink()
    return Study(result.folder, arrays, f"{result.best.number:05d}")


class Listener(SearchObserver):
    """Keeps the notes of a search."""

    def __init__(self) -> None:
        self.notes = listen()


def go_on(folder: Path, dataset) -> tuple[list, list[str]]:
    """Go on with a study as `barenet search --resume` does, without tables and pictures; return results and notes."""
    told = Listener()
    own = StudyFolder(folder)
    request = read_request(folder)
    prepared = prepare_search(request, dataset)
    ledger = open_ledger(None, folder, request.name, prepared.space, request.plan.direction)
    search = Search(prepared, own, ledger, SameProcess(), told)
    known = search.record
    known.written = time.monotonic()
    search.train_trials()
    best = write_best(own, known.top.trials[0], prepared.data)
    weights = [(best / f"{name}.safetensors").read_bytes() for name in ("initial", "best", "last")]
    trials = [(trial.key, trial.point, trial.ended, figures_of(trial)) for trial in [*known.trials, *search.repeats]]
    return [*trials, weights, read_optuna(folder)], told.notes


def figures_of(trial) -> list:
    return [(r.outcome, r.epochs, r.valid_loss, r.valid_accuracy, r.best_epoch, r.best_valid_loss) for r in trial.rungs]


def read_optuna(folder: Path) -> list:
    """Return what Optuna's record says of each trial."""
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{folder / 'study.db'}")
    found = [(t.user_attrs.get("trial"), t.state.name, t.value, t.params) for t in study.get_trials(deepcopy=False)]
    return sorted(found, key=str)


def flip(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def copy_of(study: Study, tmp_path: Path) -> Path:
    shutil.rmtree(tmp_path / "copy", ignore_errors=True)
    return Path(shutil.copytree(study.folder, tmp_path / "copy"))


@pytest.fixture(scope="module")
def right(study, tmp_path_factory):
    """The results of the study."""
    found, notes = go_on(copy_of(study, tmp_path_factory.mktemp("right")), from_arrays(**study.arrays))
    assert notes == []
    return found


# Bits


def readers(folder: Path, best: str, space) -> dict:
    """Return for each kind of file a function that gives the values that a search reads from it."""
    own = StudyFolder(folder)

    def state():
        found = own.take_state(best, 1)
        return None if found is None else {name: array.tobytes() for name, array in found.arrays().items()}

    return {
        "rounds/0.json": lambda: own.take_points(0, space),
        "trials/00002/rung-0.json": lambda: own.take_rungs("00002"),
        "trials/{best}/rung-1.safetensors": state,
        "study.json": lambda: read_request(folder),
    }


def count_flips(kind: str, n: int, study: Study, tmp_path: Path) -> dict[str, int]:
    """Flip one bit of a file n times; count what was noticed, and what silently gave other values."""
    folder, rng = copy_of(study, tmp_path), random.Random(kind)
    notes = listen()
    space = read_request(folder).space
    read = readers(folder, study.best, space)[kind]
    path = folder / kind.format(best=study.best)
    whole, right = path.read_bytes(), read()
    counts = {"noticed": 0, "the same": 0, "silent": 0, "trace": 0}
    for _ in range(n):
        path.write_bytes(whole)
        flip(path, rng)
        notes.clear()
        try:
            found = read()
        except BarenetError as error:
            counts["noticed" if "\n" not in str(error) else "trace"] += 1
        except Exception:
            counts["trace"] += 1
        else:
            counts["noticed" if notes else "the same" if found == right else "silent"] += 1
        for aside in path.parent.glob("*.damaged-*"):
            aside.unlink()
    return counts


@pytest.mark.parametrize("n", [40, pytest.param(10_000, marks=pytest.mark.full)])
@pytest.mark.parametrize("kind", KINDS[:-1])
def test_a_flipped_bit_in_a_file_of_a_study_is_noticed(kind, n, study, tmp_path):
    began = time.perf_counter()
    counts = count_flips(kind, n, study, tmp_path)
    name = f"flips in {kind.format(best='N')} of a study: silent, traces"
    record(name, "0, 0", f"{counts['silent']}, {counts['trace']}", n=n, seconds=time.perf_counter() - began)
    assert counts["silent"] == counts["trace"] == 0
    assert counts["noticed"] == n


@pytest.mark.parametrize(
    "n",
    [
        pytest.param(2, marks=pytest.mark.slow),
        pytest.param(40, marks=pytest.mark.full),
        pytest.param(1_000, marks=pytest.mark.full),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_study_with_a_flipped_bit_goes_on_to_the_same_results_or_is_refused(kind, n, study, right, tmp_path):
    if n == 1_000 and kind != "study.db":
        pytest.skip("the files with checksums are read 2,000 times in the test above")
    dataset, rng, began = from_arrays(**study.arrays), random.Random(f"whole {kind}"), time.perf_counter()
    refused = wrong = 0
    for _ in range(n):
        folder = copy_of(study, tmp_path)
        flip(folder / kind.format(best=study.best), rng)
        try:
            found, _ = go_on(folder, dataset)
        except BarenetError as error:
            refused += 1
            wrong += "\n" in str(error)
        else:
            wrong += found != right
    seconds = time.perf_counter() - began
    record(f"studies with a flip in {kind.format(best='N')}: other results", "0", wrong, n=n, seconds=seconds)
    assert wrong == 0
    assert refused == (n if kind == "study.json" else 0)  # the only file that cannot be made again


def test_the_points_of_a_lost_round_are_chosen_again_bit_identical(study, tmp_path):
    folder, dataset = copy_of(study, tmp_path), from_arrays(**study.arrays)
    before = (folder / "rounds/0.json").read_bytes()
    (folder / "rounds/0.json").unlink()
    go_on(folder, dataset)
    assert (folder / "rounds/0.json").read_bytes() == before


def test_a_lost_round_that_would_be_chosen_otherwise_is_refused(study, tmp_path, monkeypatch):
    folder, dataset = copy_of(study, tmp_path), from_arrays(**study.arrays)
    (folder / "rounds/0.json").unlink()
    choose = Rounds.choose
    monkeypatch.setattr(Rounds, "choose", lambda *about: choose(*about)[::-1])  # as another Optuna may do
    with pytest.raises(BarenetError, match=r"rounds/0.json is lost, and trial 0 was of lr=.*, and would be of lr="):
        go_on(folder, dataset)


@pytest.mark.parametrize("which", [slow("some"), full("each")])
def test_records_of_a_study_alone_and_all_together_may_be_damaged(which, study, right, tmp_path):
    dataset = from_arrays(**study.arrays)
    names = [str(path.relative_to(study.folder)) for path in sorted(study.folder.glob("trials/*/rung-?.json"))]
    assert len(names) == 6 + 2 + 2  # first rungs, second rungs of the best two, and a seed more of each of these
    alone = names if which == "each" else [next(n for n in names if "rung-1" in n), names[-1]]
    for damaged in [*([name] for name in alone), names]:
        folder = copy_of(study, tmp_path)
        for name in damaged:
            (folder / name).write_bytes((folder / name).read_bytes()[:-40])
        found, notes = go_on(folder, dataset)
        assert found == right
        assert len(notes) == len({Path(name).parent for name in damaged})  # later rungs of a trial follow the first


@pytest.mark.slow
def test_trials_with_exchanged_records_are_trained_again(study, right, tmp_path):
    folder, dataset = copy_of(study, tmp_path), from_arrays(**study.arrays)
    one, other = (folder / f"trials/0000{number}/rung-0.json" for number in (0, 1))
    texts = one.read_bytes(), other.read_bytes()
    one.write_bytes(texts[1])
    other.write_bytes(texts[0])
    found, notes = go_on(folder, dataset)
    assert found == right
    assert "it is of rung 0 of trial 00001" in notes[0]


# SQLite


@pytest.mark.parametrize("trouble", full_except(["cut short", "a folder", "empty"], "cut short"))
@pytest.mark.slow
def test_a_damaged_database_is_made_again(trouble, study, right, tmp_path):
    dataset = from_arrays(**study.arrays)
    folder = copy_of(study, tmp_path)
    path = folder / "study.db"
    data = path.read_bytes()
    path.unlink()
    if trouble == "a folder":
        path.mkdir()
    else:
        path.write_bytes(data[: len(data) // 2] if trouble == "cut short" else b"")
    found, notes = go_on(folder, dataset)
    assert found == right
    assert len(notes) == (trouble != "empty")


def test_a_database_that_another_program_has_locked_is_not_deleted(study, tmp_path, monkeypatch):
    folder, connect = copy_of(study, tmp_path), sqlite3.connect
    other = connect(folder / "study.db", isolation_level=None)
    try:
        other.execute("BEGIN EXCLUSIVE")
        monkeypatch.setattr(sqlite3.dbapi2, "connect", lambda *about, **more: connect(*about, **{**more, "timeout": 0}))
        with pytest.raises(MachineError, match=r"study\.db: .*database is locked"):
            go_on(folder, from_arrays(**study.arrays))
    finally:
        other.close()
    assert not list(folder.glob("*damaged*"))


# Kills

COMMANDS = {
    "grid": ["--grid", "lr=0.05,0.02,0.01,0.005", "--grid", "l2=0,0.01"],
    "random with halving": [
        *("--strategy", "random", "--trials", "12", "--halving", "--range", "lr=0.001:0.1:log", "--range", "l2=0:0.1"),
    ],
    "tpe": ["--strategy", "tpe", "--trials", "12", "--round-size", "4", "--range", "lr=0.001:0.1:log"],
}
TARGETS = ("the process", "its group", "a worker")


def results_of(folder: Path) -> list:
    """Return what a study gave: its table without times, and the bytes of its best weights."""
    with (folder / "results.csv").open(encoding="utf-8") as file:
        rows = [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]
    return [rows, *((folder / "best" / f"{name}.safetensors").read_bytes() for name in ("initial", "best"))]


def start(arguments: list, cwd: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "barenet", "search", "--quiet", "--json", *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True, encoding="utf-8"
    )


def finish(process: subprocess.Popen) -> None:
    """Wait for the end of a search, which must succeed."""
    _, errors = process.communicate(timeout=4 * PATIENCE)
    assert process.returncode == 0, errors


def kill(process: subprocess.Popen, target: str, rng: random.Random) -> None:
    """Kill a search, all of its processes at once, or one of its workers; then end the processes that still run."""
    children = psutil.Process(process.pid).children(recursive=True)
    if target == "a worker":
        if children:
            with suppress(psutil.Error):
                rng.choice(children).kill()
        return
    if target == "its group":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
    process.stderr.close()
    _, alive = psutil.wait_procs(children, timeout=PATIENCE)
    assert not alive, f"left behind: {alive}"


def count_kills(strategy: str, workers: int, n_kills: int, place: Path, data: Path) -> tuple[int, int]:
    """Kill searches at random moments and resume them; return the kills and the searches with other results."""
    rng, n_killed, wrong, number = random.Random(f"{strategy} {workers}"), 0, 0, 0
    settings = ["--data", data, "--data.n-valid", 100, "--batch-size", 16, "--epochs", 12, "--hidden", "12,6"]
    asked = [*COMMANDS[strategy], *settings, "--workers", workers, "--stack", 1]
    began = time.monotonic()
    finish(start([*asked, "--name", "whole"], place))
    usual = time.monotonic() - began
    right = results_of(place / "studies" / "whole")
    while n_killed < n_kills:
        number += 1
        name = f"killed-{number}"
        folder = place / "studies" / name
        for _ in range(rng.randint(1, 3)):
            arguments = ["--resume", folder, "--workers", workers] if folder.exists() else [*asked, "--name", name]
            process = start(arguments, place)
            time.sleep(rng.uniform(0.2, 1.1) * usual)
            if process.poll() is None:
                target = rng.choice(TARGETS)
                kill(process, target, rng)
                n_killed += 1
                if target == "a worker":
                    finish(process)
            else:
                finish(process)
            assert not folder.exists() or (folder / "study.json").exists()
        finish(start(["--resume", folder] if folder.exists() else [*asked, "--name", name], place))
        wrong += results_of(folder) != right
    return n_killed, wrong


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL and process groups of POSIX")
@pytest.mark.full
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("strategy", COMMANDS)
@pytest.mark.parametrize("n_kills", [7])
def test_searches_killed_at_random_moments_end_with_the_same_results(n_kills, strategy, workers, write_data, tmp_path):
    began = time.perf_counter()
    n, wrong = count_kills(strategy, workers, n_kills, tmp_path, write_data(tmp_path / "data", 600))
    name = f"kill -9 of a search, its group or a worker ({strategy}, {workers} workers): other results"
    record(name, "0", wrong, n=n, seconds=time.perf_counter() - began)
    assert wrong == 0
