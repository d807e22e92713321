"""New folders of runs and studies, and the lock that keeps a second process out of one.

A new folder is filled under a hidden name, and gets its final name when it is complete: a process that is killed before
leaves nothing that looks like a run. The lock ends with its process, however that ends.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from barenet.errors import MachineError, RunError
from barenet.messages import as_typed
from barenet.storage.files import check_folder_name, flush_folder, make_lasting, replace_file

__all__ = ["NewFolder", "hold_lock", "is_held"]

LOCK = ".lock"
HOLDER = ".holder.json"  # beside the lock, for the message that another process gets
HIDDEN = ".building"  # the ending of the names of folders that are being filled
IS_TAKEN = (errno.ENOTEMPTY, errno.EEXIST)  # renaming a folder to one that holds something gives one of these
HOLDER_SECONDS = 0.8  # at most, between the moment when a process locks a folder and when it writes its name there
FORGOTTEN_SECONDS = 3600.0  # a hidden folder that is older and not locked was left by a process that was killed


class NewFolder:
    """A folder that is being filled, and held: `path` is hidden before `publish`, which gives it its name.

        with NewFolder(output, None, "quick", kind="run", marker="config.toml") as new:
            ...                       # fill new.path
            new.publish()             # from here on it is output/quick-1, and is still held

    Without a name it is `output/prefix-1`, `-2`, .... A folder of that name that holds the file `marker` is a `kind`
    already; `goes_on` says whether one can go on with it. A folder that was not published is deleted at the end.

    Raises:
        RunError: the folder is there already and holds something.
        MachineError: it cannot be made.
    """

    def __init__(
        self, output: Path, name: str | None, prefix: str, *, kind: str, marker: str, goes_on: bool = True
    ) -> None:
        self.output, self.name, self.prefix, self.kind, self.marker = output, name, prefix, kind, marker
        self.goes_on = goes_on
        check_name(output, name, kind)
        self.path = output / f".{name or prefix}-{uuid.uuid4().hex[:8]}{HIDDEN}"
        self.is_published = False
        self.stack = ExitStack()

    def __enter__(self) -> Self:
        """Make the hidden folder, and hold it."""
        with explain(self.kind, self.output):
            make_lasting(self.output)
            self.check_free()
            clear_forgotten(self.output)
            self.path.mkdir()
        self.stack.enter_context(hold_lock(self.path))
        return self

    def check_free(self) -> None:
        """Raise RunError if a folder of the name is there already and holds something."""
        if self.name is None:
            return
        folder = self.output / self.name
        holds = (
            [path.name for path in sorted(folder.iterdir()) if not path.name.startswith(".")] if folder.exists() else []
        )
        if self.marker in holds:
            if (folder / HOLDER).exists():  # else this lock could stop a process that has just made the folder
                with hold_lock(folder):  # raises if another process works in it
                    pass
            how = f"go on with it by --resume {as_typed(folder)}, or choose" if self.goes_on else "choose"
            raise RunError(f"{folder} holds {with_article(self.kind)} already; {how} another --name")
        if holds:
            raise RunError(f"{folder} holds something else ({', '.join(holds[:3])}); choose another --name")

    def publish(self) -> Path:
        """Give the folder its name, and return its path."""
        self.stack.close()  # Windows renames no folder in which a file is open
        with explain(self.kind, self.output):
            flush_folder(self.path)  # so that the folders in it exist before it has its name
            target = self.take_number() if self.name is None else self.take_name(self.name)
            flush_folder(self.output)
        self.path, self.is_published = target, True
        self.stack.enter_context(hold_lock(target))
        return target

    def take_number(self) -> Path:
        """Rename the folder to the first `prefix-N` that is free; two processes never get the same one."""
        while True:
            target = self.output / next_name(self.output, self.prefix)
            try:
                self.path.rename(target)
                return target
            except OSError as error:
                if error.errno not in IS_TAKEN:
                    raise

    def take_name(self, name: str) -> Path:
        """Rename the folder to its name; an empty folder of that name is deleted first."""
        target = self.output / name
        while True:
            self.check_free()
            try:
                if target.is_dir():
                    with hold_lock(target):
                        pass  # nobody works in it, so the files that a lock left can be deleted
                    for left in (LOCK, HOLDER):
                        (target / left).unlink(missing_ok=True)
                    target.rmdir()
                self.path.rename(target)
                return target
            except OSError as error:  # another process was faster: `check_free` checks what it has made
                if error.errno not in IS_TAKEN:
                    raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Unlock the folder; delete it if it was not published."""
        self.stack.close()
        if not self.is_published:
            shutil.rmtree(self.path, ignore_errors=True)


def check_name(output: Path, name: str | None, kind: str) -> None:
    """Raise RunError or ConfigError for a name that a folder must not have."""
    if name is not None and (name in ("", ".", "..") or set(name) & set("/\\")):
        raise RunError(f"--name must be the name of one folder, got {name!r}; choose where it lies by --output")
    for path in [output] if name is None else [output, output / name]:
        check_folder_name(path, f"the files of {with_article(kind)}")


def with_article(kind: str) -> str:
    """Return what a folder holds, with its article."""
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def next_name(output: Path, prefix: str) -> str:
    """Return the first `prefix-N` after all that are there."""
    taken = [path.name.removeprefix(f"{prefix}-") for path in output.glob(f"{prefix}-*")]
    return f"{prefix}-{max((int(t) for t in taken if t.isdecimal()), default=0) + 1}"


@contextmanager
def explain(kind: str, output: Path) -> Iterator[None]:
    """Turn errors of the system, while a folder is made in `output`, into barenet's."""
    try:
        yield
    except (NotADirectoryError, FileExistsError) as error:
        raise RunError(f"{error.filename} is a file, not a folder; choose another --output or --name") from None
    except (MachineError, RunError):
        raise
    except OSError as error:
        raise MachineError(
            f"cannot make a {kind} folder in {output}: {error.strerror}; choose another --output"
        ) from None


def clear_forgotten(output: Path) -> None:
    """Delete half-filled hidden folders that killed processes have left."""
    for path in output.glob(f".*{HIDDEN}"):
        with suppress(OSError, RunError):  # it is locked, no longer there, or belongs to another user
            if time.time() - path.stat().st_mtime > FORGOTTEN_SECONDS:
                with hold_lock(path):
                    pass
                shutil.rmtree(path)


@contextmanager
def hold_lock(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder.

    Raises:
        RunError: another process holds it; says which.
        MachineError: the folder cannot be written.
    """
    lock, holder = FileLock(folder / LOCK), folder / HOLDER
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RunError(f"{folder} is in use by {read_holder(holder)}; wait for it, or choose another") from None
    except OSError as error:
        raise MachineError(f"cannot write in {folder}: {error.strerror}; choose another --output") from None
    try:
        since = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
        replace_file(holder, json.dumps({"pid": os.getpid(), "host": platform.node(), "since": since}))
        yield
    finally:
        with suppress(OSError):  # this file only names the holder for others; the lock is released below
            holder.unlink(missing_ok=True)
        lock.release()


def is_held(folder: Path) -> bool:
    """Whether a process works in a folder, as the file beside its lock tells; nothing is written.

    Of a process on another machine it is not known whether it still runs, so it counts.
    """
    try:
        return is_alive(json.loads((folder / HOLDER).read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def is_alive(who: dict[str, Any]) -> bool:
    """Whether the process that wrote its name beside a lock may still run."""
    import psutil

    return bool(who["host"] != platform.node() or psutil.pid_exists(who["pid"]))


def read_holder(holder: Path) -> str:
    """Return which process has the lock; wait a little for one that has taken it and not yet written its name."""
    end = time.monotonic() + HOLDER_SECONDS
    while True:
        with suppress(OSError, ValueError, KeyError, TypeError):
            who = json.loads(holder.read_text("utf-8"))
            if is_alive(who):  # else a killed process left it
                return f"process {who['pid']} on {who['host']} since {who['since']}"
        if time.monotonic() > end:
            return "another process"
        time.sleep(0.02)
