"""Runs killed by SIGKILL at random moments: all can be resumed, and end with the bits of an undisturbed run."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from children import KINDS, PAUSE, contents, differing, go_on, run_child, save_repeatedly, start_child, tell, train
from report import record
from waiting import wait_until

from barenet.run_folders.checkpoint import read_info
from barenet.run_folders.folder import RunFolder
from barenet.run_folders.scores import RESULTS, read_scores
from barenet.storage.arrays import read_arrays, write_arrays
from barenet.storage.history import read_history

pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL of POSIX")

LATE = 1.0  # seconds that a busy machine may take to write a checkpoint that is due


def undisturbed(tmp_path: Path, kind: str) -> tuple[dict, float]:
    """Return the files of a run that is never stopped, and its seconds."""
    folder = tmp_path / "whole" / kind.replace(" ", "-")
    started = time.monotonic()
    told = run_child(tmp_path / "told.json", train, str(folder), kind)
    assert told["exit"] == 0, told
    return contents(folder), time.monotonic() - started


def kill(tmp_path: Path, folder: Path, kind: str, wait: float) -> float | None:
    """Start or resume a run, kill it after a time, and return how many seconds of training were lost.

    None where it was not training: it had not begun, or had ended.
    """
    child = start_child(tell, str(tmp_path / "told.json"), go_on, str(folder), kind)
    child.join(wait)
    ended = child.exitcode is not None
    killed = time.time()
    child.kill()
    child.join()
    (tmp_path / "told.json").unlink(missing_ok=True)
    last = sorted(folder.rglob("last.safetensors"), key=lambda path: path.stat().st_mtime)
    if ended or not last or read_info(last[-1])[0].epoch >= KINDS[kind]["epochs"]:
        return None
    return max(0.0, killed - last[-1].stat().st_mtime)


def kill_runs(tmp_path: Path, n: int, seed: int, kinds: Sequence[str] = tuple(KINDS)) -> tuple[list[str], list[float]]:
    """Kill n runs, one of three of them twice; return what is wrong with each, and the seconds that each kill lost."""
    rng, wrong, lost = random.Random(seed), [], []
    whole = {kind: undisturbed(tmp_path, kind) for kind in kinds}
    n_killed = 0
    while n_killed < n:
        kind = kinds[n_killed % len(kinds)]
        wanted, seconds = whole[kind]
        folder = tmp_path / f"part-{n_killed}"
        for _ in range(1 + (rng.random() < 1 / 3)):
            cost = kill(tmp_path, folder, kind, rng.uniform(0, seconds))
            n_killed += 1
            lost += [] if cost is None else [cost]
        told = run_child(tmp_path / "told.json", go_on, str(folder), kind)
        if told["exit"]:
            wrong.append(f"{folder}: {told['message']}")
        elif different := differing(contents(folder), wanted):
            wrong.append(f"{folder}: {different}")
        elif left := [path.name for path in folder.rglob(".*") if path.name != ".lock"]:
            wrong.append(f"{folder}: {left} is left")
    return wrong, lost


@pytest.mark.slow
def test_a_killed_run_ends_with_the_same_bits(tmp_path):
    assert kill_runs(tmp_path, 1, seed=1, kinds=["one"])[0] == []


@pytest.mark.slow
def test_killed_runs_end_with_the_same_bits(tmp_path):
    wrong, lost = kill_runs(tmp_path, 6, seed=2)
    assert not wrong
    assert max(lost, default=0) <= PAUSE + LATE


@pytest.mark.full
def test_500_killed_runs_end_with_the_same_bits(tmp_path):
    started = time.monotonic()
    wrong, lost = kill_runs(tmp_path, 500, seed=0)
    record(
        f"kills of real runs, one network and three, a checkpoint every {PAUSE} s: not resumable or not bit-identical",
        0,
        f"{len(wrong)}; at most {max(lost):.2f} s of work lost, median {sorted(lost)[len(lost) // 2]:.2f} s",
        n=500,
        seconds=time.monotonic() - started,
    )
    assert not wrong
    assert max(lost) <= PAUSE + LATE


def damaged_files(folder: Path) -> list[str]:
    """Return in words which files do not load, or do not all come from one save."""
    found = []
    numbers = {}
    for name in ("best", "last", "previous"):
        path = folder / f"{name}.safetensors"
        if path.exists():
            try:
                info, arrays = read_arrays(path)
                numbers[name] = info["number"]
                if set(arrays["values"]) != {info["number"]}:
                    found.append(f"{name} is mixed")
            except Exception as error:
                found.append(f"{name}: {error}")
    if "last" not in numbers and "previous" not in numbers and "best" in numbers and numbers["best"] > 1:
        found.append("both checkpoints are gone")
    history = read_history(folder / "history.jsonl")
    if history.is_damaged:
        found.append(f"history: {history.damaged}")
    written = [one.epoch for one in history.records]
    newest = numbers.get("last", numbers.get("previous", 0))
    if not history.is_cut and not set(range(1, newest + 1)) <= set(written):
        found.append(f"history has {written[-3:]} where last is of {newest}")
    if (folder / RESULTS).exists():
        try:
            read_scores(folder)
        except Exception as error:
            if "checksum is not the one in" not in str(error):  # killed between two files
                found.append(f"scores: {error}")
    return found


def kill_while_saving(tmp_path: Path, n: int, seed: int) -> list[str]:
    """Kill a process that saves, n times; return what does not load afterwards."""
    rng, found = random.Random(seed), []
    for number in range(n):
        folder = tmp_path / f"saves-{number // 20}"
        folder.mkdir(exist_ok=True)
        if number % 20 == 0:
            write_arrays(folder / "start.safetensors", {"number": 0}, {})
        child = start_child(save_repeatedly, str(folder))
        wait_until(lambda: (folder / "begun").exists() or child.exitcode is not None, "a save")  # noqa: B023
        child.join(rng.uniform(0.0, 0.05))
        assert child.exitcode is None, f"the child ended with {child.exitcode}"
        child.kill()
        child.join()
        found += [f"kill {number}: {words}" for words in damaged_files(folder)]
        (folder / "begun").unlink()
        if read_history(folder / "history.jsonl").is_cut:  # as a resume does
            RunFolder(folder).trim_history(10**6)
    return found


@pytest.mark.slow
def test_files_load_after_kills_while_saving(tmp_path):
    assert kill_while_saving(tmp_path, 3, seed=2) == []


@pytest.mark.full
def test_all_files_load_after_1000_kills_while_saving(tmp_path):
    started = time.monotonic()
    found = kill_while_saving(tmp_path, 1000, seed=3)
    record("kills while saving: files that no longer load", 0, len(found), n=1000, seconds=time.monotonic() - started)
    assert found == []
