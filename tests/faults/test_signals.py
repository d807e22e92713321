"""Signals at random moments: the right exit code, no traceback, no signal ignored, no process left running."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
from families import full
from report import record
from waiting import PATIENCE

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
SMALL = ("--data.n-valid", "60", "--batch-size", "30", "--hidden", "6")
TRIALS = ("--epochs", "6", "--grid", "lr=0.1,0.01,0.001,0.002", "--stack", "1")
ONE_WORKER = ("--workers", "1")
COMMANDS = {
    "train": ("train", *SMALL, "--epochs", "40"),
    "search, 1 worker": ("search", *SMALL, *TRIALS, *ONE_WORKER),
    "search, 2 workers": ("search", *SMALL, *TRIALS, "--workers", "2"),
    "search, tpe": (
        "search",
        *SMALL,
        "--range",
        "lr=0.001:0.1:log",
        "--trials",
        "4",
        "--epochs",
        "3",
        "--workers",
        "1",
    ),
}
OF_A_RUN = {"report": ("report", "run"), "inspect": ("inspect", "run"), "predict": ("predict", "run", "{images}")}
# Prints when signals are handled: until then the action of the system or of Python applies. Prints again when all is
# done: the system drops a signal to a process that is ending, which takes some milliseconds.
START = (
    "import barenet.cli.main as m, barenet.interrupts as i, os; install, release = i.install, i.release; "
    "i.install = lambda: (install(), os.write(3, b'.')); i.release = lambda: (release(), os.write(3, b'!')); m.main()"
)
LEFT_SECONDS = 5.0  # time for worker processes to notice that their parent ended


@pytest.fixture(scope="module")
def data(tmp_path_factory, write_data):
    """A folder of four small IDX files."""
    return write_data(tmp_path_factory.mktemp("data") / "small")


@pytest.fixture(scope="module")
def with_run(tmp_path_factory, data):
    """A folder with a run."""
    folder = tmp_path_factory.mktemp("trained")
    command = [sys.executable, "-m", "barenet", "train", "--data", str(data), *SMALL, "--epochs", "2", "--name", "run"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture(autouse=True)
def interruptible():
    """Let commands get Ctrl-C, also where the tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def processes_of(session: int) -> list[psutil.Process]:
    """Return the processes of a session that still run."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (ProcessLookupError, PermissionError, psutil.Error):
            continue
    return found


def said_more(reading: int) -> bool:
    """Return whether a pipe that does not block holds a byte."""
    try:
        return bool(os.read(reading, 1))
    except BlockingIOError:
        return False


def disturb(arguments: list[str], folder: Path, number: int, seconds: float) -> tuple[str, str]:
    """Run a command, send it a signal `seconds` after its first line, and return what was wrong and its output."""
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    command = ["bash", "-c", f'exec "$@" 3>&{writing}', "bash", sys.executable, "-c", START, *arguments]
    with subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=[writing],
        start_new_session=True,
        encoding="utf-8",
    ) as process:
        os.close(writing)
        assert os.read(reading, 1) == b"."
        end = time.monotonic() + seconds
        while time.monotonic() < end and process.poll() is None:
            time.sleep(0.005)
        ended = process.poll() is not None
        os.set_blocking(reading, False)
        done = not ended and said_more(reading)
        process.send_signal(number)
        _, said = process.communicate(timeout=PATIENCE)
    os.close(reading)
    if ended or (done and process.returncode == 0):
        return "ended before", said
    wrong = []
    if process.returncode not in (128 + number, -number):  # -number: by the system's action, after all was done
        wrong.append(f"exit code {process.returncode}")
    if "Traceback" in said or "Exception ignored" in said:
        wrong.append("trace")
    end = time.monotonic() + LEFT_SECONDS
    while (left := processes_of(process.pid)) and time.monotonic() < end:
        time.sleep(0.1)
    for other in left:
        other.kill()
    return ", ".join([*wrong, *(["process left"] if left else [])]), said


def time_of(arguments: list[str], folder: Path) -> float:
    """Return the seconds that a command takes undisturbed."""
    started = time.monotonic()
    subprocess.run([sys.executable, "-m", "barenet", *arguments], cwd=folder, check=True, capture_output=True)
    return time.monotonic() - started


def resume(kind: str, folder: Path, name: str) -> str:
    """Resume the run or study that got a signal, if there is one; return what was wrong."""
    command = kind.split(",", maxsplit=1)[0]
    home = Path("runs" if command == "train" else "studies", name)
    if not (folder / home).exists():
        return ""
    done = subprocess.run(
        [sys.executable, "-m", "barenet", command, "--resume", str(home)], cwd=folder, check=False, capture_output=True
    )
    return "" if done.returncode == 0 else f"not resumable: {done.stderr.decode()[-200:]}"


def attack(kinds: list[str], n: int, data: Path, folder: Path, seed: int) -> Counter[str]:
    """Send signals at n random moments; return how often each fault occurred, '' for none."""
    rng, found = random.Random(seed), Counter()
    usual = {kind: time_of([*COMMANDS[kind], "--data", str(data), "--name", kind[-4:]], folder) for kind in kinds}
    for i in range(n):
        kind, number = kinds[i % len(kinds)], rng.choice([signal.SIGINT, signal.SIGTERM])
        arguments = [*COMMANDS[kind], "--data", str(data), "--name", f"n{i}"]
        wrong, said = disturb(arguments, folder, number, rng.uniform(0, usual[kind]))
        wrong = wrong or resume(kind, folder, f"n{i}")
        found[wrong] += 1
        if wrong not in ("", "ended before"):
            print(kind, i, number, wrong, said)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["train", full("search, 2 workers")])
def test_a_signal_at_a_random_moment_ends_the_command_and_the_run_can_be_resumed(kind, data, tmp_path):
    found = attack([kind], 1, data, tmp_path, seed=len(kind))
    assert {*found} <= {"", "ended before"}, found


@pytest.mark.slow
@pytest.mark.parametrize("kind", OF_A_RUN)
def test_commands_about_a_run_obey_signals(kind, data, with_run):
    arguments = [part.format(images=data / "t10k-images-idx3-ubyte") for part in OF_A_RUN[kind]]
    wrong, said = disturb(arguments, with_run, signal.SIGTERM, 0.5)
    assert wrong in ("", "ended before"), said


@pytest.mark.full
@pytest.mark.parametrize(
    ("what", "kinds"),
    [("train", ["train"]), ("search", ["search, 1 worker", "search, 2 workers", "search, tpe"])],
)
def test_100_signals(what, kinds, data, tmp_path):
    started = time.monotonic()
    found = attack(kinds, 100, data, tmp_path, seed=1)
    wrong = sum(n for kind, n in found.items() if kind not in ("", "ended before"))
    record(
        f"signals to {what} at random moments: wrong exit code, trace, swallowed, process left, not resumable",
        "0",
        f"{wrong} ({found['ended before']} came after the end)",
        n=100,
        seconds=time.monotonic() - started,
    )
    assert wrong == 0, found
