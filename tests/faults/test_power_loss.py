"""Power cuts after every call of a run, simulated: the run can be resumed, and ends with the same bits."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
from children import KINDS, contents, data_of, differing, train, train_two_epochs
from power import Disk, State
from report import record

from barenet.run_folders.checkpoint import read_state
from barenet.run_folders.folder import RunFolder, network_folders
from barenet.run_folders.going_on.resuming import find_checkpoint, resume_run
from barenet.run_folders.observer import Observer
from barenet.storage.files import append_line, replace_file
from barenet.storage.history import read_history

pytestmark = pytest.mark.skipif(os.name != "posix", reason="folders cannot be flushed elsewhere")


def check_state(state: State, folder: Path, kind: str, wanted: dict) -> tuple[list[str], int]:
    """Write what a power cut has left, resume the run, and return what is wrong, and the epoch of its checkpoint.

    The epoch is -1 where there is no run yet.
    """
    shutil.rmtree(folder.parent, ignore_errors=True)
    folder.parent.mkdir(parents=True)
    state.write(folder.parent)
    if not folder.exists():
        return [], -1
    wrong, reached = [], []
    try:
        for own in network_folders(folder):
            epoch = int(read_state(find_checkpoint(RunFolder(own)))[1].epoch[0])
            history = read_history(own / "history.jsonl")
            there = {one.epoch for one in history.records}
            if history.is_damaged or not set(range(1, epoch + 1)) <= there:
                wrong.append(f"step {state.step}: {own.name} has records of {sorted(there)}, and last of epoch {epoch}")
            reached.append(epoch)
        resume_run(folder, data_of(kind))
    except Exception as error:
        return [f"step {state.step}: {type(error).__name__}: {error}"], min(reached, default=-1)
    if different := differing(contents(folder), wanted):
        wrong.append(f"step {state.step}: goes on to other files: {different}")
    return wrong, min(reached)


def cut_power(tmp_path: Path, kind: str, every: int, *, resumed: bool) -> tuple[list[str], int]:
    """Record a run, or the second half of one; return what is wrong after power cuts, and how many were tried."""
    train(str(tmp_path / "whole" / "run"), kind)
    wanted = contents(tmp_path / "whole" / "run")
    folder = tmp_path / "recorded" / "run"
    folder.parent.mkdir()
    if resumed:
        train_two_epochs(str(folder), Observer())
    disk = Disk(folder.parent)
    with disk.recording():
        if resumed:
            resume_run(folder, data_of(kind))
        else:
            train(str(folder), kind)
    assert contents(folder) == wanted
    wrong, last_epoch, n = [], -1, 0
    for number, state in enumerate(disk.states()):
        if number % every and state.step < len(disk.events):
            continue
        found, epoch = check_state(state, tmp_path / "after" / "run", kind, wanted)
        n += 1
        wrong += found
        if epoch < last_epoch - 1:
            wrong.append(f"step {state.step}: back from epoch {last_epoch} to {epoch}")
        last_epoch = max(last_epoch, epoch)
    if last_epoch != KINDS[kind]["epochs"]:
        wrong.append(f"after the last call the run is at epoch {last_epoch}")
    return wrong, n


@pytest.mark.slow
@pytest.mark.parametrize("resumed", [False, True])
def test_a_run_survives_some_power_cuts(tmp_path, resumed):
    wrong, n = cut_power(tmp_path, "one", 8, resumed=resumed)
    assert wrong == []
    assert n >= 5


@pytest.mark.full
def test_a_run_survives_every_power_cut(tmp_path):
    started, wrong, n = time.monotonic(), [], 0
    for kind, resumed in (("one", False), ("one", True), ("three", False)):
        work = tmp_path / f"{kind}-{resumed}"
        work.mkdir()
        found, cuts = cut_power(work, kind, 1, resumed=resumed)
        wrong, n = wrong + found, n + cuts
    record(
        "power cut after each call of a run, what was not flushed lost or kept: a hole in the history, not resumable, "
        "or not bit-identical",
        0,
        len(wrong),
        n=n,
        seconds=time.monotonic() - started,
    )
    assert wrong == []


def test_the_model_of_a_disk_loses_what_was_not_flushed(tmp_path):
    disk = Disk(tmp_path)
    with disk.recording():
        replace_file(tmp_path / "safe", "all of it")
        append_line(tmp_path / "log", "lost")
        (tmp_path / "folder").mkdir()
        replace_file(tmp_path / "folder" / "lost", "with the folder")
        replace_file(tmp_path / "safe", "newer")
        (tmp_path / "safe").rename(tmp_path / "renamed")
    files = [{name: data for name, data in state.files.items() if not name.startswith(".")} for state in disk.states()]
    assert files[0] == {}
    assert {"safe": b"all of it"} in files
    assert {"safe": b"all of it", "log": b"", "folder": None, "folder/lost": b"with the folder"} in files
    assert {"safe": b"newer", "log": b"", "folder": None, "folder/lost": b"with the folder"} in files
    assert {"renamed": b"newer", "log": b"", "folder": None, "folder/lost": b"with the folder"} in files
    assert not any({"safe", "renamed"} <= set(one) for one in files)
    assert not any(one.get("log") for one in files)
    assert not any("folder/lost" in one and "folder" not in one for one in files)
