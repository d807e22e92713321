"""The example of a check in the documentation, in both languages, is what the command prints."""

from __future__ import annotations

from pathlib import Path

import pytest
from solution import replace_once, write_solution

from barenet.cli.commands.course import show_step, verdict
from barenet.kit.check import Checker, CheckReport
from barenet.kit.isolation import Limits
from barenet.kit.steps import STEPS
from barenet.printing.lines import print_line

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.skipif(not DOCS.exists(), reason="an installed package has no documentation")
@pytest.mark.parametrize(("language", "page"), [("en", "course-kit.md"), ("zh", "zh/course-kit.md")])
def test_the_example_of_the_documentation_is_what_a_check_prints(
    language, page, tmp_path, monkeypatch, capsys, check_here
):
    monkeypatch.setenv("BARENET_LANG", language)
    folder = write_solution(tmp_path / "homework", language, files=("model.py",))
    replace_once(folder / "model.py", "return -np.mean(np.log", "return -np.sum(np.log")
    replace_once(folder / "model.py", "dz = da * (self.z[i - 2] > 0)", "dz = da")
    checker, done = Checker(folder, None, Limits()), {}
    for step in STEPS:
        done[step.name] = checker.without_process(step, done) or check_here(folder, step.name)
        show_step(done[step.name])
    print_line(verdict(CheckReport(str(folder), tuple(done.values())), None))
    printed = capsys.readouterr().out
    assert f"```\n{printed}```\n" in (DOCS / page).read_text("utf-8")
