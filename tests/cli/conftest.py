"""Fixtures for tests of commands: small data on file, and a command that runs in this process as a person runs it."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from waiting import PATIENCE

from barenet.cli.main import main
from barenet.interrupts import SIGNALS

Command = Callable[..., subprocess.CompletedProcess[str]]
# If Python warns about files that are opened without an encoding, it warns about matplotlib too.
MATPLOTLIB = "ignore::EncodingWarning:matplotlib.font_manager"
SAVE = Figure.savefig
NO_SCREEN = {"DISPLAY": "", "WAYLAND_DISPLAY": ""}


def bytes_stream(content: bytes = b"") -> io.TextIOWrapper:
    """Return a stream of UTF-8 text over bytes, like a pipe."""
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline="\n", write_through=True)


@pytest.fixture(scope="session")
def barenet() -> Command:
    """Return a function that runs one command in this process, without a terminal; this saves a second of imports."""

    def run(*arguments: object, cwd: Path, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[str]:
        command = [str(argument) for argument in arguments]
        handlers = {number: signal.getsignal(number) for number in SIGNALS}
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(cwd)
            for name, value in {**NO_SCREEN, **environment}.items():
                patch.setenv(name, value)
            for name, content in (("stdin", stdin), ("stdout", b""), ("stderr", b"")):
                patch.setattr(sys, name, bytes_stream(content))
            with pytest.raises(SystemExit) as stop:
                main(command)
            out, err = (stream.buffer.getvalue().decode() for stream in (sys.stdout, sys.stderr))
        for number, handler in handlers.items():
            signal.signal(number, handler)
        return subprocess.CompletedProcess(command, int(stop.value.code), out, err)

    return run


@pytest.fixture(scope="session")
def barenet_process() -> Command:
    """Return a function that runs one command as a separate process: `python -m barenet ...`."""

    def run(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "barenet", *map(str, arguments)],
            check=False,
            cwd=cwd,
            capture_output=True,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
            env={**os.environ, **NO_SCREEN, "PYTHONIOENCODING": "utf-8", "PYTHONWARNINGS": MATPLOTLIB, **environment},
            timeout=4 * PATIENCE,
        )

    return run


@pytest.fixture(scope="session")
def data(tmp_path_factory, write_data) -> Path:
    """A folder of four small IDX files."""
    return write_data(tmp_path_factory.mktemp("data") / "small")


@pytest.fixture(scope="module", autouse=True)
def _drafts(drafts):
    """Save empty figures."""
    with drafts():
        yield


@pytest.fixture
def drawn(with_pictures, monkeypatch):
    """Draw all pictures in this test."""
    monkeypatch.setattr(Figure, "savefig", SAVE)


@pytest.fixture(autouse=True)
def interruptible():
    """Let commands receive Ctrl-C, also if the tests run in the background, where shells switch it off."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
