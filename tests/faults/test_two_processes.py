"""Two processes start one run: one trains it, the other ends at once and names the first, and no files are mixed."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest
from children import contents, differing, go_on, run_child, start_child, tell, train, train_two_epochs
from report import record

pytestmark = pytest.mark.skipif(os.name != "posix", reason="children are forked")


def meet(tmp_path: Path, n: int, *, resumed: bool) -> tuple[list[str], list[float]]:
    """Let two processes start a run of one name, or resume one run, n times.

    Returns what is wrong, and after how many seconds the losers got the message who holds the folder.
    """
    whole, before = tmp_path / "whole", tmp_path / "before"
    assert run_child(tmp_path / "told.json", train, str(whole), "one")["exit"] == 0
    assert run_child(tmp_path / "told.json", train_two_epochs, str(before))["exit"] == 0
    wanted, wrong, seconds = contents(whole), [], []
    for number in range(n):
        folder = tmp_path / f"run-{number}"
        if resumed:
            shutil.copytree(before, folder)
        reports = [tmp_path / f"told-{i}.json" for i in range(2)]
        target = go_on if resumed else train
        children = [start_child(tell, str(report), target, str(folder), "one") for report in reports]
        told = []
        for child, report in zip(children, reports, strict=True):
            child.join()
            told.append({**json.loads(report.read_text("utf-8")), "pid": child.pid})
        wrong += [f"{number}: {words}" for words in check_two(told, resumed=resumed)]
        seconds += [one["seconds"] for one in told if one["exit"] == 2]
        if different := differing(contents(folder), wanted):
            wrong.append(f"{number}: {different}")
        if left := [path.name for path in tmp_path.glob(".*.building")]:
            wrong.append(f"{number}: {left} is left")
    return wrong, seconds


def check_two(told: list[dict], *, resumed: bool) -> list[str]:
    """Return what is wrong with the reports of two processes about one folder."""
    winner, loser = sorted(told, key=lambda one: one["exit"])
    exits = [winner["exit"], loser["exit"]]
    if resumed and exits == [0, 0]:
        return []  # the second began after the end of the first, and found a finished run
    if exits != [0, 2]:
        return [f"exit codes {exits}: {loser['message']}"]
    if f"in use by process {winner['pid']} on" in loser["message"]:
        return []
    # A new run gets its name before it is locked: in between it is a run that nobody uses.
    if not resumed and "holds a run already" in loser["message"]:
        return []
    return [f"the holder {winner['pid']} is not named: {loser['message']}"]


@pytest.mark.slow
@pytest.mark.parametrize("resumed", [False, True])
def test_two_processes_do_not_mix(tmp_path, resumed):
    assert meet(tmp_path, 2, resumed=resumed)[0] == []


@pytest.mark.full
def test_two_processes_do_not_mix_100_times(tmp_path):
    started, wrong, seconds = time.monotonic(), [], []
    for resumed in (False, True):
        work = tmp_path / str(resumed)
        work.mkdir()
        found, waited = meet(work, 50, resumed=resumed)
        wrong, seconds = wrong + found, seconds + waited
    record(
        "two processes on one folder: mixed, or the loser does not name the holder; the loser ends within 1 s",
        0,
        f"{len(wrong)}; {len(seconds)} losers, at most {max(seconds):.2f} s",
        n=100,
        seconds=time.monotonic() - started,
    )
    assert wrong == []
    assert max(seconds) < 1
