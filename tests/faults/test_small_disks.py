"""Full disks: training goes on, the exit code is 3, and once there is space the resumed run ends with the same bits."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from children import contents, differing, go_on, run_child, train
from report import record

from barenet.run_folders.observer import Observer

MIB = 2**20


def mount(folder: Path, size: int) -> bool:
    """Mount a file system of so many bytes in memory; return whether that is allowed."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if shutil.which("mount") is None:
        return False
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


@pytest.fixture
def small_disk(tmp_path):
    """A folder that holds 1 MiB."""
    folder = tmp_path / "disk"
    if os.name != "posix" or not mount(folder, MIB):
        pytest.skip("no file system may be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path, leave: int) -> Path:
    """Fill a disk except `leave` bytes, and return the file that fills it."""
    ballast = disk / "ballast"
    about = os.statvfs(disk)
    with ballast.open("wb") as file:
        file.write(b"0" * max(0, about.f_bavail * about.f_frsize - leave))
    return ballast


class FillAfter(Observer):
    """Fills the disk after an epoch, and may free it after another."""

    def __init__(self, disk: Path, epoch: int, leave: int, room_after: int | None, observer: Observer) -> None:
        self.disk, self.epoch, self.leave, self.room_after, self.inner = disk, epoch, leave, room_after, observer

    def record(self, record) -> None:
        if record.epoch == self.epoch:
            fill(self.disk, self.leave)
        if record.epoch == self.room_after:
            (self.disk / "ballast").unlink()


def train_on_filling_disk(disk: str, epoch: int, leave: int, room_after: int | None, observer: Observer):
    """Train a run on a disk that is filled after an epoch."""
    return train(f"{disk}/run", "one", FillAfter(Path(disk), epoch, leave, room_after, observer))


def try_disk(tmp_path: Path, disk: Path, wanted: dict, epoch: int, leave: int, room_after: int | None) -> list[str]:
    """Train on a disk that is filled, free it, resume; return what is wrong."""
    what = f"full after epoch {epoch} but for {leave} bytes, room after {room_after}"
    told = run_child(tmp_path / "told.json", train_on_filling_disk, str(disk), epoch, leave, room_after)
    wrong = []
    last_fits = room_after is not None or leave > 200_000
    if told["exit"] not in ((0,) if last_fits else (0, 3)):
        wrong.append(f"{what}: {told}")
    if told["exit"] == 3 and ("make room" not in told["message"] or "\n" in told["message"]):
        wrong.append(f"{what}: {told['message']}")
    if told["exit"] == 3 and sum("training goes on" in note for note in told["notes"]) > 1:
        wrong.append(f"{what}: said more than once: {told['notes']}")
    (disk / "ballast").unlink(missing_ok=True)
    after = run_child(tmp_path / "told.json", go_on, str(disk / "run"), "one")
    if after["exit"]:
        wrong.append(f"{what}: does not go on: {after['message']}")
    elif different := differing(contents(disk / "run"), wanted):
        wrong.append(f"{what}: {different}")
    shutil.rmtree(disk / "run")
    return wrong


@pytest.mark.slow
def test_a_run_survives_a_full_disk(tmp_path, small_disk):
    train(str(tmp_path / "whole"), "one")
    wanted = contents(tmp_path / "whole")
    assert try_disk(tmp_path, small_disk, wanted, 2, 0, None) == []
    assert try_disk(tmp_path, small_disk, wanted, 1, 8192, 3) == []


@pytest.mark.full
def test_a_run_survives_a_disk_that_is_full_at_any_time(tmp_path, small_disk):
    started, wrong, n = time.monotonic(), [], 0
    train(str(tmp_path / "whole"), "one")
    wanted = contents(tmp_path / "whole")
    for epoch in (1, 2, 3, 4, 5):
        for leave in (0, 4096, 8192, 20_000, 40_000, 70_000):
            for room_after in (None, epoch + 1):
                wrong += try_disk(tmp_path, small_disk, wanted, epoch, leave, room_after if epoch < 5 else None)
                n += 1
    record(
        "a file system of 1 MiB fills while a run trains: stopped, wrong exit code, or other bits once there is room",
        0,
        len(wrong),
        n=n,
        seconds=time.monotonic() - started,
    )
    assert wrong == []


def limit_files(folder: str, most: int, observer: Observer):
    """Train a run where no file may be larger than `most` bytes."""
    import resource
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        return train(folder, "one", observer)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
def test_a_run_whose_files_would_be_too_large_ends_with_a_message(tmp_path):
    told = run_child(tmp_path / "told.json", limit_files, str(tmp_path / "run"), 4000)
    assert told["exit"] == 3
    assert "File too large" in told["message"]
    assert not list(tmp_path.glob("*run*"))  # nothing could be started, and nothing is left
