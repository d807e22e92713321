"""The answer of every command to wrong input: one line of error on stderr, nothing on stdout, and an exit code."""

from __future__ import annotations

from subprocess import CompletedProcess


def assert_refused(done: CompletedProcess[str], words: str, code: int = 2) -> None:
    """Check that a command ended with `code` and one line that has `words` in it; notes may come before it."""
    assert done.returncode == code, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if not line.startswith("note: ")]
    assert line.startswith("barenet: error: ")
    assert words in line
    assert done.stdout == ""
