"""System calls of a child that fail on demand: strace attaches to it, and lets one chosen call return an error.

Only calls on given paths are counted and made to fail, so that what Python itself does with files goes on working.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import Any

from children import start_child, tell
from waiting import wait_until

ERRORS = ("ENOSPC", "EIO", "EACCES", "EDQUOT", "EINTR")
IS_HERE = which("strace") is not None
# Calls that a save makes. Calls on memory are not among them: a mapped file is read without a call.
CALLS = (
    "openat,write,pwrite64,fsync,fdatasync,close,rename,renameat,renameat2,mkdir,mkdirat,unlink,unlinkat,rmdir,"
    "newfstatat,stat,lstat,statx,getdents64,ftruncate,fallocate,read,lseek,flock,fcntl,link,symlink,chmod,utimensat"
)


@dataclass(frozen=True)
class Call:
    """One call of a child on one of the paths: its name, and its number among those of the name, from 1."""

    name: str
    number: int

    def failing_with(self, error: str) -> list[str]:
        """Return the arguments of strace that make it fail."""
        return ["-e", f"inject={self.name}:error={error}:when={self.number}"]


def can_trace() -> bool:
    """Whether strace is here and may attach to a process."""
    if not IS_HERE:
        return False
    with subprocess.Popen(["sleep", "20"]) as sleeping:
        tracing = subprocess.Popen(
            ["strace", "-o", os.devnull, "-p", str(sleeping.pid)], stderr=subprocess.PIPE, encoding="utf-8"
        )
        assert tracing.stderr is not None
        attached = "attached" in tracing.stderr.readline()
        sleeping.kill()
        tracing.wait()
        tracing.stderr.close()
    return attached


def wait_and_do(go: str, report: str, target: Callable[..., Any], *arguments: Any) -> None:
    """Do something in a child once the file `go` is there."""
    while not os.path.exists(go):  # noqa: PTH110 (nothing is to be imported here)
        time.sleep(0.001)
    tell(report, target, *arguments)


def trace(
    work: Path,
    paths: Callable[[int], Sequence[Path]],
    target: Callable[..., Any],
    *arguments: Any,
    words: Sequence[str] = (),
) -> tuple[dict[str, Any], str]:
    """Do something in a child under strace; return what `tell` wrote, and strace's log.

    paths: from the number of the child's process, which is in names of temporary files, to the paths to watch.
    """
    import json

    report, go, log = work / "told.json", work / "go", work / "strace.txt"
    for path in (report, go):
        path.unlink(missing_ok=True)
    child = start_child(wait_and_do, str(go), str(report), target, *arguments)
    watched = [word for path in paths(child.pid or 0) for word in ("-P", str(path))]
    command = ["strace", "-f", "-e", f"trace={CALLS}", *watched, *words, "-o", str(log), "-p", str(child.pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8") as tracing:
        assert tracing.stderr is not None
        while "attached" not in (line := tracing.stderr.readline()):
            assert line.startswith("strace: Requested path"), line
        go.touch()
        wait_until(lambda: child.exitcode is not None, "a traced child")
        tracing.wait()
    assert child.exitcode == 0, f"the child ended with {child.exitcode}"
    return json.loads(report.read_text("utf-8")), log.read_text("utf-8")


def calls_in(log: str) -> list[Call]:
    """Return the calls of a log in order."""
    counted: Counter[str] = Counter()
    calls = []
    for line in log.splitlines():
        if found := re.match(r"\d+ +(\w+)\(", line):
            counted[found[1]] += 1
            calls.append(Call(found[1], counted[found[1]]))
    return calls
