"""What a disk may hold after a power cut, computed from the calls that a process has made.

A file's content is safe once it was flushed (fsync); a name that was made, changed or deleted is safe once its folder
was flushed. What is not safe may be there or not. Names are lost from some change on, as in file systems with a
journal; content that was not flushed is lost.

    disk = Disk(root)
    with disk.recording():
        ...                       # work under root
    for state in disk.states():   # after each call, everything that a power cut could leave
        state.write(folder)
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock


@dataclass(frozen=True)
class Change:
    """One change of the names in folders, by paths relative to the root.

    kind: "link" gives an inode a path, "rename" turns one path into another, "unlink" deletes one. folders: the inodes
    of the folders whose entries change.
    """

    kind: str
    path: str
    folders: tuple[int, ...]
    to: str = ""
    file: int = -1
    is_folder: bool = False


@dataclass(frozen=True)
class Flushed:
    """What was flushed: the content of a file, by its number, or the entries of a folder, by its inode."""

    file: int = -1
    content: bytes = b""
    folder: int = -1


@dataclass(frozen=True)
class State:
    """The files and folders that are there after a power cut: content by relative path, None for folders."""

    step: int
    files: dict[str, bytes | None]

    def write(self, root: Path) -> None:
        """Write the state into an empty folder."""
        for name, content in sorted(self.files.items()):
            path = root / name
            if content is None:
                path.mkdir(parents=True, exist_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)


class Disk:
    """A record of all changes under a folder, and of what was flushed when; what is there at first is safe."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.events: list[Change | Flushed] = []
        self.files: dict[int, int] = {}  # from inodes, which are used again, to numbers that are used once
        self.n_files = 0
        for path in sorted(self.root.rglob("*")):
            self.add_link(path)
            if path.is_file():
                self.events.append(Flushed(file=self.files[path.stat().st_ino], content=path.read_bytes()))
        for path in [self.root, *self.root.rglob("*")]:
            self.events.append(Flushed(folder=path.stat().st_ino))
        self.n_before = len(self.events)

    def relative(self, path: Any) -> str | None:
        """Return a path under the root, None for others."""
        whole = str(Path(path).absolute())
        return whole[len(str(self.root)) + 1 :] if whole.startswith(f"{self.root}/") else None

    def add_link(self, path: Path) -> None:
        """Record that a file or a folder was made."""
        name = self.relative(path)
        if name is not None:
            about = path.stat()
            self.n_files += 1
            self.files[about.st_ino] = self.n_files
            folders, is_folder = (path.parent.stat().st_ino,), stat.S_ISDIR(about.st_mode)
            self.events.append(Change("link", name, folders, file=self.n_files, is_folder=is_folder))

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record what this process does under the root, through the functions of `os` and `io` that do it."""
        names = ("fsync", "replace", "unlink", "mkdir", "rmdir", "open")
        real: dict[str, Any] = {name: getattr(os, name) for name in names}
        real_open = io.open

        def fsync(descriptor: int) -> None:
            real["fsync"](descriptor)
            about = os.fstat(descriptor)
            if stat.S_ISDIR(about.st_mode):
                self.events.append(Flushed(folder=about.st_ino))
            elif about.st_ino in self.files:
                with real_open(f"/proc/self/fd/{descriptor}", "rb") as file:
                    self.events.append(Flushed(file=self.files[about.st_ino], content=file.read()))

        def rename(source: Any, target: Any) -> None:
            folders = tuple(Path(path).parent.stat().st_ino for path in (source, target))
            real["replace"](source, target)
            name, to = self.relative(source), self.relative(target)
            if name is not None and to is not None:
                self.events.append(Change("rename", name, folders, to=to))

        def delete(function: str) -> Any:
            def call(path: Any, *, dir_fd: int | None = None) -> None:
                where = Path(path) if dir_fd is None else Path(f"/proc/self/fd/{dir_fd}").resolve() / path
                folder = where.parent.stat().st_ino
                real[function](path, dir_fd=dir_fd)
                name = self.relative(where)
                if name is not None:
                    self.events.append(Change("unlink", name, (folder,)))

            return call

        def mkdir(path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
            real["mkdir"](path, mode, dir_fd=dir_fd)
            self.add_link(Path(path))

        def os_open(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
            is_new = dir_fd is None and flags & os.O_CREAT and not Path(path).exists()
            descriptor: int = real["open"](path, flags, mode, dir_fd=dir_fd)
            if is_new:
                self.add_link(Path(path))
            return descriptor

        def io_open(path: Any, mode: str = "r", *arguments: Any, **how: Any) -> Any:
            is_new = mode[0] != "r" and not isinstance(path, int) and not Path(path).exists()
            file = real_open(path, mode, *arguments, **how)
            if is_new:
                self.add_link(Path(path))
            return file

        patches = {
            **{"fsync": fsync, "replace": rename, "rename": rename, "unlink": delete("unlink")},
            **{"remove": delete("unlink"), "mkdir": mkdir, "rmdir": delete("rmdir"), "open": os_open},
        }
        with (
            mock.patch.multiple(os, **patches),
            mock.patch.object(io, "open", io_open),
            mock.patch("builtins.open", io_open),
        ):
            yield

    def states(self) -> Iterator[State]:
        """Yield what a power cut may leave after each event, each state that differs from the one before."""
        seen: set[frozenset[tuple[str, bytes | None]]] = set()
        for step in range(self.n_before, len(self.events) + 1):
            done = list(enumerate(self.events[:step]))
            content = {event.file: event.content for _, event in done if isinstance(event, Flushed)}
            flushed = {event.folder: number for number, event in done if isinstance(event, Flushed)}
            changes = [(number, event) for number, event in done if isinstance(event, Change)]
            open_ends = [n for n, change in changes if any(flushed.get(own, -1) < n for own in change.folders)]
            for end in [*open_ends, step]:  # the changes from this one on are lost, as far as they are not safe
                kept = [change for number, change in changes if number < end or number not in open_ends]
                files = names_after(kept, content)
                key = frozenset(files.items())
                if key not in seen:
                    seen.add(key)
                    yield State(step, files)


def names_after(changes: list[Change], content: dict[int, bytes]) -> dict[str, bytes | None]:
    """Return the files and folders that changes of names give, with the content that is safe."""
    names: dict[str, tuple[int, bool]] = {}
    for change in changes:
        inside = [name for name in names if name == change.path or name.startswith(change.path + "/")]
        if change.kind == "link":
            names[change.path] = (change.file, change.is_folder)
        elif change.kind == "rename":
            names.update({change.to + name[len(change.path) :]: names.pop(name) for name in inside})
        else:
            for name in inside:
                del names[name]
    found = {name: None if is_folder else content.get(file, b"") for name, (file, is_folder) in names.items()}
    # The content of a folder whose name was lost is lost with it.
    return {name: data for name, data in found.items() if all(str(up) in found for up in [*Path(name).parents][:-1])}
