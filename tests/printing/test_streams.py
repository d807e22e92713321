"""Text for a standard stream that cannot be written is dropped, and lost results are remembered."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from barenet.printing.streams import LenientStream, guard_streams, loss_of_results

needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")


def pipe_without_reader():
    reading, writing = os.pipe()
    os.close(reading)
    return os.fdopen(writing, "w", encoding="utf-8")


@needs_full
@pytest.mark.parametrize("size", [1, 100_000])
def test_what_cannot_be_written_is_dropped_and_closing_is_no_error(size):
    full = Path("/dev/full").open("w", encoding="utf-8")  # noqa: SIM115 (closed at the end)
    for file, number in ((pipe_without_reader(), 32), (full, 28)):
        stream = LenientStream(file)
        for _ in range(3):
            assert stream.write("x" * size) == size
            stream.flush()
        assert stream.lost is not None
        assert stream.lost.errno == number  # EPIPE, ENOSPC
        stream.close()


def test_a_full_disk_loses_results_and_a_reader_that_stops_does_not(monkeypatch):
    monkeypatch.setattr(sys, "stdout", LenientStream(pipe_without_reader()))
    sys.stdout.write("x")
    assert loss_of_results() is None
    assert isinstance(sys.stdout.lost, BrokenPipeError)
    sys.stdout.close()
    monkeypatch.setattr(sys, "stdout", LenientStream(io.StringIO()))
    sys.stdout.lose(OSError(28, "No space left on device"))
    assert loss_of_results().errno == 28


def test_closed_streams_go_to_the_null_device_and_no_message_to_the_other_stream(monkeypatch, capfd):
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    guard_streams()
    print("lost", file=sys.stdout)
    print("lost", file=sys.stderr)
    assert sys.stdin.read() == ""
    assert capfd.readouterr() == ("", "")
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        stream.close()


def test_other_properties_are_those_of_the_stream():
    stream = LenientStream(io.TextIOWrapper(io.BytesIO(), encoding="latin-1"))
    assert (stream.encoding, stream.isatty()) == ("latin-1", False)
    stream.writelines(["a", "b"])
    stream.flush()
    assert stream.buffer.getvalue() == b"ab"
