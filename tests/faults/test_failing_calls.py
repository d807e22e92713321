"""Each system call of a save and of a run fails once: the old or new file is left, with one line and exit code 3."""

from __future__ import annotations

import random
import shutil
import time
from functools import partial
from pathlib import Path

import pytest
from children import contents, differing, go_on, resume, run_child, save, train, train_two_epochs
from failing import ERRORS, Call, calls_in, can_trace, trace
from report import record

from barenet.storage.arrays import read_arrays

pytestmark = pytest.mark.skipif(not can_trace(), reason="strace is missing, or may not attach")

SAVED = ("last", "previous", "best", "initial", "epoch-1", "epoch-2", "epoch-3", "epoch-4", "epoch-5")
FILES = (
    *(f"{name}.safetensors" for name in (*SAVED, "test-probabilities")),
    *("history.jsonl", "history.csv", "train.log", "config.toml", "machine.json", "test.json", "learning.json"),
    ".holder.json",
    ".lock",
)


def paths_in(folder: Path, pid: int) -> list[Path]:
    """Return the paths that a run of process `pid` uses in its folder, and the folder."""
    names = [name for own in FILES for name in (own, f".{own}.{pid}.tmp")]
    return [folder, *(folder / name for name in names)]


def check_save(folder: Path, told: dict, what: str) -> list[str]:
    """Return in words what is wrong after a save in which a call failed."""
    wrong = []
    if told["exit"] not in (0, 3):
        wrong.append(f"{what}: {told}")
    if "\n" in told["message"].strip():
        wrong.append(f"{what}: more than one line: {told['message']}")
    loaded = []
    for name in ("last", "previous"):
        path = folder / f"{name}.safetensors"
        if path.exists():
            try:
                info, arrays = read_arrays(path)
                assert set(arrays["values"]) == {info["number"]}
                loaded.append(info["number"])
            except Exception as error:
                wrong.append(f"{what}: {error}")
    if not loaded or (told["exit"] == 0 and loaded[0] != 2):
        wrong.append(f"{what}: {loaded} are there, exit code {told['exit']}")
    save(str(folder), 3)
    if read_arrays(folder / "last.safetensors")[0]["number"] != 3:
        wrong.append(f"{what}: the next save does not hold")
    return wrong


def fail_saves(tmp_path: Path, errors: tuple[str, ...]) -> tuple[list[str], int]:
    """Let each call of a save fail with each error; return what is wrong, and how many cases there were."""
    before = tmp_path / "before"
    before.mkdir()
    save(str(before), 0)
    save(str(before), 1)
    folder = tmp_path / "run"
    shutil.copytree(before, folder)
    look_at = partial(paths_in, folder)
    told, log = trace(tmp_path, look_at, save, str(folder), 2)
    assert told["exit"] == 0
    calls = calls_in(log)
    assert {"openat", "write", "fsync", "rename", "close"} <= {call.name for call in calls}
    wrong, n = [], 0
    for call in calls:
        for error in errors:
            shutil.rmtree(folder)
            shutil.copytree(before, folder)
            told, log = trace(tmp_path, look_at, save, str(folder), 2, words=call.failing_with(error))
            if "INJECTED" in log:
                n += 1
                wrong += check_save(folder, told, f"{call} {error}")
    return wrong, n


@pytest.mark.slow
def test_a_failing_call_of_a_save_leaves_the_old_file_or_the_new_one(tmp_path):
    wrong, n = fail_saves(tmp_path, ("ENOSPC",))
    assert wrong == []
    assert n >= 8


@pytest.mark.full
def test_each_failing_call_of_a_save_leaves_the_old_file_or_the_new_one(tmp_path):
    started = time.monotonic()
    wrong, n = fail_saves(tmp_path, ERRORS)
    record(
        "each call of a save fails in turn with ENOSPC, EIO, EACCES, EDQUOT, EINTR: neither old nor new loads, "
        "more than one line, or a wrong exit code",
        0,
        len(wrong),
        n=n,
        seconds=time.monotonic() - started,
    )
    assert wrong == []


def check_run(tmp_path: Path, folder: Path, told: dict, wanted: dict, what: str) -> list[str]:
    """Return in words what is wrong after a run in which a call failed and which was then resumed."""
    wrong = []
    if told["exit"] not in (0, 3):
        wrong.append(f"{what}: exit code {told['exit']}: {told['message']}")
    if "\n" in told["message"].strip():
        wrong.append(f"{what}: more than one line: {told['message']}")
    if told["exit"] == 0 and (missing := set(wanted) - set(contents(folder))):
        wrong.append(f"{what}: exit code 0, and {missing} are missing")
    after = run_child(tmp_path / "after.json", go_on, str(folder), "one")
    if after["exit"]:
        wrong.append(f"{what}: does not go on: {after['message']}")
    elif different := differing(contents(folder), wanted):
        wrong.append(f"{what}: goes on to other files: {different}")
    elif left := [path.name for path in folder.rglob(".*") if path.name != ".lock"]:
        wrong.append(f"{what}: {left} is left")
    return wrong


def start_run_to_resume(tmp_path: Path) -> tuple[Path, dict]:
    """Return a run stopped after two epochs, and the files of one that was not stopped."""
    whole, part = tmp_path / "whole", tmp_path / "part"
    assert run_child(tmp_path / "told.json", train, str(whole), "one")["exit"] == 0
    assert run_child(tmp_path / "told.json", train_two_epochs, str(part))["exit"] == 0
    return part, contents(whole)


def fail_runs(tmp_path: Path, most: int | None, seed: int) -> tuple[list[str], int]:
    """Let calls of a resumed run fail with a random error: all calls, or `most` random ones."""
    rng = random.Random(seed)
    before, wanted = start_run_to_resume(tmp_path)
    folder = tmp_path / "run"
    look_at = partial(paths_in, folder)
    shutil.copytree(before, folder)
    told, log = trace(tmp_path, look_at, resume, str(folder), "one")
    assert told["exit"] == 0, told
    calls: list[Call] = calls_in(log)
    if most is not None:
        calls = rng.sample(calls, most)
    wrong, n = [], 0
    for call in calls:
        error = rng.choice(ERRORS)
        shutil.rmtree(folder)
        shutil.copytree(before, folder)
        told, log = trace(tmp_path, look_at, resume, str(folder), "one", words=call.failing_with(error))
        if "INJECTED" in log:
            n += 1
            wrong += check_run(tmp_path, folder, told, wanted, f"{call} {error}")
    return wrong, n


@pytest.mark.slow
def test_a_run_survives_failing_calls(tmp_path):
    wrong, n = fail_runs(tmp_path, 5, seed=0)
    assert wrong == []
    assert n >= 1


@pytest.mark.full
def test_a_run_survives_each_failing_call(tmp_path):
    started = time.monotonic()
    wrong, n = fail_runs(tmp_path, None, seed=1)
    record(
        "each call of a run on its folder fails in turn: a trace, a wrong exit code, or other bits after a resume",
        0,
        len(wrong),
        n=n,
        seconds=time.monotonic() - started,
    )
    assert wrong == []
