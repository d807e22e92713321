"""Output that nobody reads ends no run: closed pipes and descriptors, full devices, a closed terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from families import full
from waiting import PATIENCE, wait_until

from barenet.cli.main import main
from barenet.interrupts import SIGNALS

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a shell of POSIX")
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
PROGRAM = f'"{sys.executable}" -m barenet'
SMALL = "--data.n-valid 60 --batch-size 30 --hidden 6 --epochs 3 --name run"


@pytest.fixture(scope="module")
def data(tmp_path_factory, write_data):
    """A folder of four small IDX files."""
    return write_data(tmp_path_factory.mktemp("data") / "small")


@pytest.fixture
def as_before():
    """Signals are handled as before once the test is over."""
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def exit_code_of(command: list[str]) -> int:
    with pytest.raises(SystemExit) as stop:
        main(command)
    return int(stop.value.code)


def test_a_reader_that_stops_is_no_error(monkeypatch, as_before):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", encoding="utf-8") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        monkeypatch.setattr(sys, "stderr", stdout)
        assert exit_code_of(["--version"]) == 0


@needs_full
@pytest.mark.parametrize("command", ["--version", "--help"])
def test_results_that_are_lost_are_one_line_and_exit_code_3(command, monkeypatch, capsys, as_before):
    errors = sys.stderr
    with Path("/dev/full").open("w", encoding="utf-8") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        assert exit_code_of([command]) == 3
    monkeypatch.undo()
    (line,) = errors.getvalue().splitlines()
    assert line.startswith("barenet: error: the results could not be printed: No space left on device; ")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ending", "code"),
    [
        full(("2>&1 | head -2", 0)),
        full(("| true", 0)),
        full(("2>&1 >/dev/null | true", 0)),
        (">&- 2>&-", 0),
        full(("2>&-", 0)),
        pytest.param("> /dev/full 2> /dev/full", 0, marks=[needs_full, pytest.mark.full]),
        pytest.param("--json > /dev/full", 3, marks=needs_full),
        pytest.param("--json 2> /dev/full", 0, marks=[needs_full, pytest.mark.full]),
    ],
)
def test_a_run_trains_to_its_end_whether_its_output_is_read_or_not(ending, code, data, tmp_path):
    command = f"set -o pipefail; {PROGRAM} train --data {data} {SMALL} {ending}"
    done = subprocess.run(["bash", "-c", command], check=False, cwd=tmp_path, capture_output=True, timeout=PATIENCE)
    assert done.returncode == code, done.stderr
    history = (tmp_path / "runs" / "run" / "history.csv").read_text("utf-8")
    assert len(history.splitlines()) == 4
    assert history.endswith("finished\n")
    assert (tmp_path / "runs" / "run" / "test.json").exists()
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("ignored", [False, True])
def test_a_closed_terminal_saves_the_run_and_with_nohup_it_trains_on(ignored, data, tmp_path):
    import pty

    ours, theirs = pty.openpty()
    epochs = "60" if ignored else "100000"
    small = SMALL.replace("--epochs 3", f"--epochs {epochs}").split()
    command = [
        sys.executable,
        "-m",
        "barenet",
        "train",
        "--data",
        str(data),
        *small,
        "--quiet",
    ]  # quiet, since nobody reads from the terminal
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)
    try:
        process = subprocess.Popen(
            command, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
    finally:
        signal.signal(signal.SIGHUP, before)
    os.close(theirs)
    wait_until((tmp_path / "runs" / "run" / "history.jsonl").exists, "the first epoch")
    os.close(ours)  # from now on writing there fails
    process.send_signal(signal.SIGHUP)
    assert process.wait(timeout=PATIENCE) == (0 if ignored else 129)
    assert (tmp_path / "runs" / "run" / "test.json").exists() == ignored
