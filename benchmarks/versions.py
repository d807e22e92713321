"""Install two versions of barenet with the same libraries, for scripts that compare them.

A version is a git commit or a folder with a checkout. `pip install --no-deps --target` puts it into a separate folder,
which comes before the installed packages on the path of a new process. Both versions use the other packages of this
Python, such as NumPy.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Version", "install"]

REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Version:
    """A version of barenet, installed in `folder`."""

    name: str
    folder: Path

    def environment(self, changes: Mapping[str, str | None]) -> dict[str, str]:
        """Return the environment of a process that imports this version; a change to None removes a variable."""
        merged = {**os.environ, "PYTHONPATH": str(self.folder), **changes}
        return {name: value for name, value in merged.items() if value is not None}

    def run(self, script: Path, *arguments: str, cwd: Path, **changes: str | None) -> str:
        """Run a Python script with this version and return what it prints; its errors go to stderr."""
        command = [sys.executable, str(script), *arguments]
        environment = self.environment(changes)
        return subprocess.run(
            command, cwd=cwd, env=environment, check=True, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        ).stdout

    def check(self) -> None:
        """Raise RuntimeError if a process would import another version of barenet."""
        command = [sys.executable, "-c", "import barenet; print(barenet.__file__)"]
        done = subprocess.run(command, env=self.environment({}), check=True, stdout=subprocess.PIPE, encoding="utf-8")
        if not Path(done.stdout.strip()).is_relative_to(self.folder):
            raise RuntimeError(f"{self.name} is not what Python imports, but {done.stdout.strip()}")


def install(version: str, folder: Path) -> Version:
    """Install a commit, or the checkout in a folder, into `folder`."""
    source, name = Path(version), version
    if not (source / "pyproject.toml").exists():
        source, name = folder / "source", git("rev-parse", "--short", version).decode().strip()
        with tarfile.open(fileobj=io.BytesIO(git("archive", name))) as files:
            files.extractall(source, filter="data")
    target = folder / "packages"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*command, "--target", str(target), str(source)], check=True)
    installed = Version(name, target)
    installed.check()
    return installed


def git(*arguments: str) -> bytes:
    """Return the output of git in this repository."""
    return subprocess.run(["git", *arguments], cwd=REPOSITORY, check=True, stdout=subprocess.PIPE).stdout
