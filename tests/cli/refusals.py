"""What every command does about wrong input: one line on stderr, nothing on stdout, and an exit code."""

from __future__ import annotations

from subprocess import CompletedProcess


def assert_refused(done: CompletedProcess[str], words: str, code: int = 2) -> None:
    """Check that a command ended with `code` and one line that has `words` in it."""
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert done.stderr.startswith("barenet: error: ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
