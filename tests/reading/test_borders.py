"""Every error of a parser becomes one line that names the file, and only regular files are opened."""

from __future__ import annotations

import os
import socket

import pytest

from barenet.errors import ConfigError, DataError, MachineError
from barenet.reading.borders import check_text, open_regular, reading


@pytest.mark.parametrize(
    "error", [KeyError("a"), RecursionError(), TypeError("b\nc"), ValueError(), EOFError(), OSError()]
)
def test_any_exception_while_a_file_is_read_is_one_line_that_names_it(error):
    with (
        pytest.raises(DataError, match=r"^own\.npz is truncated or damaged \(.+\): download it again$"),
        reading("own.npz"),
    ):
        raise error


def test_our_own_errors_pass_as_they_are():
    own = ConfigError("as it is")
    with pytest.raises(ConfigError) as caught, reading("own.npz"):
        raise own
    assert caught.value is own


@pytest.mark.parametrize("error", [MemoryError(), PermissionError(13, "Permission denied")])
def test_errors_of_the_machine_are_not_called_errors_of_the_file(error):
    with pytest.raises(MachineError, match=r"own\.npz"), reading("own.npz"):
        raise error


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_a_socket_and_a_device_are_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as own:
        own.bind(os.path.relpath(tmp_path / "socket"))
        for path, what in ((tmp_path / "pipe", "a pipe"), (tmp_path / "socket", "a socket"), (os.devnull, "a device")):
            with pytest.raises(DataError, match=f"is {what}, not a file"):
                open_regular(path)


def test_a_name_in_another_encoding_than_utf_8_is_refused():
    check_text("学生", "the folder")
    with pytest.raises(DataError, match=r"^the folder \\udcff is not UTF-8: rename it$"):
        check_text("\udcff", "the folder")
