"""New folders and the lock of a folder, also if two processes want the same folder."""

from __future__ import annotations

import errno
import json
import os
import time
from pathlib import Path

import pytest

from barenet.errors import MachineError, RunError
from barenet.storage import folders
from barenet.storage.folders import HOLDER, NewFolder, hold_lock, read_holder


def new_folder(output, name="run"):
    return NewFolder(output, name, "quick", kind="run", marker="config.toml")


def fill(folder):
    (folder / "config.toml").write_text("", "utf-8")


def test_the_folder_of_a_run_that_still_trains_is_refused(tmp_path):
    with new_folder(tmp_path) as first:
        fill(first.path)
        first.publish()
        with pytest.raises(RunError, match=f"in use by process {os.getpid()}"), new_folder(tmp_path):
            pass


def test_of_two_processes_that_fill_one_folder_the_slower_is_refused(tmp_path):
    with new_folder(tmp_path) as slower:
        fill(slower.path)
        with new_folder(tmp_path) as faster:
            fill(faster.path)
            faster.publish()
        with pytest.raises(RunError, match="holds a run already; go on with it by --resume"):
            slower.publish()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_folder_that_is_taken_while_its_name_is_looked_at_is_refused(tmp_path, monkeypatch):
    real, calls = NewFolder.check_free, []

    def check_and_lose(self):
        real(self)
        if not calls:
            calls.append("another process is faster")
            (tmp_path / "run").mkdir()
            fill(tmp_path / "run")

    with new_folder(tmp_path) as slower:
        fill(slower.path)
        monkeypatch.setattr(NewFolder, "check_free", check_and_lose)
        with pytest.raises(RunError, match="holds a run already"):
            slower.publish()


def test_the_name_of_a_killed_process_is_not_that_of_the_holder(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "HOLDER_SECONDS", 0.01)
    with hold_lock(tmp_path):
        left = json.loads((tmp_path / HOLDER).read_text("utf-8"))
    (tmp_path / HOLDER).write_text(json.dumps({**left, "pid": 2**22 + 1}), "utf-8")  # above all of Linux
    assert read_holder(tmp_path / HOLDER) == "another process"


def test_a_holder_that_has_not_written_its_name_yet_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "HOLDER_SECONDS", 0.05)
    started = time.monotonic()
    assert read_holder(tmp_path / HOLDER) == "another process"
    assert time.monotonic() - started >= 0.05


def test_a_folder_in_use_is_refused_at_once(tmp_path, monkeypatch):
    def wait(seconds):
        raise AssertionError("it waits")

    with hold_lock(tmp_path):
        monkeypatch.setattr(time, "sleep", wait)
        with pytest.raises(RunError, match=f"in use by process {os.getpid()}"), hold_lock(tmp_path):
            pass


@pytest.mark.skipif(not Path("/sys/kernel").exists(), reason="needs a folder in which nobody can make another")
def test_where_no_folder_can_be_made_the_message_names_the_place_that_was_asked_for():
    with pytest.raises(MachineError, match=r"^cannot make a run folder in /sys: .*; choose another --output$"):
        new_folder(Path("/sys")).__enter__()
    with pytest.raises(MachineError, match=r"^cannot write in /sys: .*; choose another --output$"):
        hold_lock(Path("/sys")).__enter__()


@pytest.mark.parametrize("name", ["run", None])
def test_a_disk_that_fails_while_a_folder_gets_its_name_is_an_error_and_not_tried_again(name, tmp_path, monkeypatch):
    calls = []

    def fail(path, target):
        calls.append(target)
        assert len(calls) == 1
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with new_folder(tmp_path, name) as new:
        fill(new.path)
        monkeypatch.setattr(Path, "rename", fail)
        with pytest.raises(MachineError, match=f"cannot make a run folder in {tmp_path}: {os.strerror(errno.EIO)}"):
            new.publish()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="folders cannot be flushed elsewhere")
def test_what_is_in_a_folder_is_on_disk_before_its_name_is(tmp_path, monkeypatch):
    events, rename = [], Path.rename

    def fsync(descriptor):
        events.append(os.fstat(descriptor).st_ino)

    def rename_and_tell(path, target):
        events.append(target.name)
        return rename(path, target)

    with new_folder(tmp_path) as new:
        fill(new.path)
        monkeypatch.setattr("os.fsync", fsync)
        monkeypatch.setattr(Path, "rename", rename_and_tell)
        own = new.path.stat().st_ino
        new.publish()
    assert events[:3] == [own, "run", tmp_path.stat().st_ino]


def test_an_old_folder_that_is_still_being_filled_is_left_alone(tmp_path):
    with new_folder(tmp_path, None) as slow:
        fill(slow.path)
        os.utime(slow.path, (1_000_000, 1_000_000))
        with new_folder(tmp_path, None) as quick:
            fill(quick.path)
            assert quick.publish() == tmp_path / "quick-1"
        assert slow.publish() == tmp_path / "quick-2"


def test_a_holder_on_another_machine_is_named_without_a_look_at_processes_here(tmp_path):
    who = {"pid": 2**22 + 1, "host": "elsewhere", "since": "2026-01-02 03:04"}  # no process of Linux has such a number
    (tmp_path / HOLDER).write_text(json.dumps(who), "utf-8")
    assert read_holder(tmp_path / HOLDER) == "process 4194305 on elsewhere since 2026-01-02 03:04"
