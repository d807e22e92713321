"""Kits with a solution, and the check of a step in this process."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from barenet.kit.findings import Findings, StepResult
from barenet.kit.homework import STEP_FILES, Homework
from barenet.kit.steps import find_step
from barenet.kit.worker import check_step


@pytest.fixture
def check_here(tmp_path, monkeypatch) -> Callable[..., StepResult]:
    """Return a function that checks a step in this process, without limits."""
    monkeypatch.setattr(builtins, "input", builtins.input)  # the check replaces it
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    names = {*STEP_FILES, "adapter", "mine"}
    before = {name: sys.modules.get(name) for name in names}
    n_checks = iter(range(100))

    def check(folder: Path, step: str, adapter: Path | None = None, replaced: tuple[str, ...] = ()) -> StepResult:
        work = tmp_path / f"work-{next(n_checks)}"
        work.mkdir()
        monkeypatch.chdir(work)
        monkeypatch.setattr(sys, "path", list(sys.path))
        for name in names:
            sys.modules.pop(name, None)
        findings = Findings()
        homework = Homework(folder, adapter, findings, tmp_path / "stage.txt")
        return check_step(find_step(step), homework, findings, replaced)

    yield check
    for name, module in before.items():
        sys.modules.pop(name, None)
        if module is not None:
            sys.modules[name] = module
