"""The endings of the names of files and folders, and how files are replaced and put aside."""

from __future__ import annotations

import errno
import os
import pathlib
import re
import stat

import pytest

from barenet.errors import ConfigError, MachineError
from barenet.storage.files import (
    append_line,
    check_folder_name,
    make_folder,
    our_errors,
    replace_file,
    set_aside,
    with_ending,
)
from barenet.storage.folders import NewFolder

HTML = [".html", ".htm"]


@pytest.mark.parametrize("name", ["page.html", "page.htm", "PAGE.HTML", "page.v2.html"])
def test_a_name_that_ends_as_its_content_asks_is_left_as_it_is(name, tmp_path):
    assert with_ending(tmp_path / name, "an HTML page", HTML) == tmp_path / name


@pytest.mark.parametrize("name", ["page", "run-1.5", "lr0.001", ".hidden"])
def test_a_name_without_an_ending_gets_the_right_one(name, tmp_path):
    assert with_ending(str(tmp_path / name), "an HTML page", HTML) == tmp_path / f"{name}.html"


@pytest.mark.parametrize("name", ["page.pdf", "page.html.gz", "页面.文件"])
def test_another_ending_is_an_error_that_names_the_right_one(name, tmp_path):
    right = name[: name.rindex(".")] + ".html"
    with pytest.raises(ConfigError, match=r"is an HTML page, whose name ends in \.html; ") as caught:
        with_ending(tmp_path / name, "an HTML page", HTML)
    assert str(caught.value).endswith(f"use {tmp_path / right}")


def test_a_folder_is_no_file_to_write(tmp_path):
    with pytest.raises(ConfigError, match=r"is a folder; name a file in it, one that ends in \.html"):
        with_ending(tmp_path, "an HTML page", HTML)


def test_a_new_folder_is_not_named_like_a_picture_but_may_have_a_dot(tmp_path):
    check_folder_name(tmp_path / "run-1.5", "the pictures")
    check_folder_name(tmp_path / "figures.old", "the pictures")
    with pytest.raises(ConfigError, match=r"ends like a file, and the pictures go to a folder; use .*weights$"):
        check_folder_name(tmp_path / "weights.PNG", "the pictures")
    (tmp_path / "odd.png").mkdir()
    check_folder_name(tmp_path / "odd.png", "the pictures")


@pytest.mark.parametrize(
    ("output", "name", "said"),
    [("runs/all.csv", "first", "all.csv ends"), ("runs", "first.safetensors", "first.safetensors ends")],
)
def test_a_run_or_a_study_is_not_named_like_a_file(output, name, said, tmp_path):
    with pytest.raises(ConfigError, match=re.escape(f"{said} like a file, and the files of a study go to a folder")):
        NewFolder(tmp_path / output, name, "course", kind="study", marker="study.json")
    assert list(tmp_path.iterdir()) == []


def test_errors_of_the_system_over_files_become_ours_and_those_over_output_do_not(tmp_path):
    with pytest.raises(MachineError, match=r"cannot use \S+missing: No such file or directory"), our_errors(tmp_path):
        (tmp_path / "missing").stat()
    with pytest.raises(MachineError, match=f"cannot use {tmp_path}: Input/output error"), our_errors(tmp_path):
        raise OSError(errno.EIO, "Input/output error")
    with pytest.raises(MachineError, match=f"cannot use {tmp_path}: OSError; check the disk"), our_errors(tmp_path):
        raise OSError
    with pytest.raises(OSError, match=r"^of no file$"), our_errors(None):
        raise OSError("of no file")
    with pytest.raises(MachineError, match=r"^as it was$"), our_errors(tmp_path):
        raise MachineError("as it was")
    with pytest.raises(BrokenPipeError), our_errors(tmp_path):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_two_files_of_a_folder_get_the_same_content(tmp_path):
    replace_file(tmp_path / "epoch-3", "weights", also=tmp_path / "best")
    assert {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()} == {
        "epoch-3": "weights",
        "best": "weights",
    }


def test_of_two_files_that_cannot_both_be_written_neither_is_replaced(tmp_path, monkeypatch):
    (tmp_path / "best").write_text("old", "utf-8")
    calls = []

    def flush_once(descriptor):
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", flush_once)
    with pytest.raises(MachineError, match="epoch-3: No space left on device"):
        replace_file(tmp_path / "epoch-3", "weights", also=tmp_path / "best")
    assert {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()} == {"best": "old"}


def contents(folder):
    return {path.name: path.read_text("utf-8") for path in folder.iterdir()}


def test_a_file_put_aside_frees_its_name_and_replaces_no_other(tmp_path):
    for i, text in enumerate(("first", "second"), start=1):
        (tmp_path / "rung-0.json").write_text(text, "utf-8")
        assert set_aside(tmp_path / "rung-0.json") == tmp_path / f"rung-0.damaged-{i}.json"
    assert contents(tmp_path) == {"rung-0.damaged-1.json": "first", "rung-0.damaged-2.json": "second"}


def test_a_file_that_cannot_be_put_aside_is_named(tmp_path):
    with pytest.raises(MachineError, match=r"cannot rename .*missing\.json: No such file or directory"):
        set_aside(tmp_path / "missing.json")


@pytest.mark.parametrize("flush", [False, True])
def test_a_line_is_flushed_to_disk_whole_where_that_is_asked_for(flush, tmp_path, monkeypatch):
    on_disk = []
    monkeypatch.setattr("os.fsync", lambda descriptor: on_disk.append(os.fstat(descriptor).st_size))
    append_line(tmp_path / "lines", "one", flush=flush)
    append_line(tmp_path / "lines", "zwölf", flush=flush)
    assert (tmp_path / "lines").read_bytes() == "one\nzwölf\n".encode()
    assert on_disk == ([4, 11] if flush else [])


def events_on_disk(monkeypatch) -> list[str]:
    """Return a list that grows by what is flushed, and by the new names of files that are renamed."""
    events, replace = [], pathlib.Path.replace

    def fsync(descriptor):
        status = os.fstat(descriptor)
        what = "folder" if stat.S_ISDIR(status.st_mode) else f"{status.st_size} bytes of file"
        events.append(f"flush {what} {status.st_ino}")

    def rename(path, target):
        events.append(f"rename to {target.name}")
        return replace(path, target)

    monkeypatch.setattr("os.fsync", fsync)
    monkeypatch.setattr(pathlib.Path, "replace", rename)
    return events


@pytest.mark.skipif(os.name != "posix", reason="folders cannot be flushed elsewhere")
def test_a_file_is_on_disk_before_it_gets_its_name_and_its_name_before_anything_else_is_done(tmp_path, monkeypatch):
    events, folder = events_on_disk(monkeypatch), tmp_path.stat().st_ino
    (tmp_path / "last").write_text("old", "utf-8")
    replace_file(tmp_path / "last", "new", previous=tmp_path / "previous")
    new = (tmp_path / "last").stat().st_ino
    assert events == [f"flush 3 bytes of file {new}", "rename to previous", "rename to last", f"flush folder {folder}"]
    assert contents(tmp_path) == {"last": "new", "previous": "old"}


def test_the_first_file_of_its_name_leaves_no_file_before_it(tmp_path):
    replace_file(tmp_path / "last", "new", previous=tmp_path / "previous")
    assert contents(tmp_path) == {"last": "new"}


@pytest.mark.skipif(not pathlib.Path("/proc/self/fd").exists(), reason="needs a list of what a process has open")
def test_nothing_is_left_open(tmp_path):
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - of names alone, which is what is counted
    for i in range(3):
        replace_file(tmp_path / "last", str(i))
        append_line(tmp_path / "lines", "line", flush=True)
        make_folder(tmp_path / "a" / str(i))
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


@pytest.mark.skipif(os.name != "posix", reason="folders cannot be flushed elsewhere")
def test_each_new_folder_is_on_disk_when_it_is_made(tmp_path, monkeypatch):
    events = events_on_disk(monkeypatch)
    make_folder(tmp_path / "a" / "b")
    assert sorted(events) == sorted(f"flush folder {path.stat().st_ino}" for path in (tmp_path, tmp_path / "a"))
    events.clear()
    make_folder(tmp_path / "a" / "b")
    assert events == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(MachineError, match=f"cannot make the folder {tmp_path / 'file' / 'new'}: Not a directory"):
        make_folder(tmp_path / "file" / "new")
