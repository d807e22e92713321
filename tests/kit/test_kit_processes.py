"""A check in a separate process: whatever the code does, there is a result, and nothing of it stays."""

from __future__ import annotations

import psutil
import pytest
from families import slow
from solution import BODIES, replace_once, write_solution
from waiting import wait_until

from barenet.kit.check import check_homework
from barenet.kit.findings import NOT_CHECKED, RIGHT, WRONG
from barenet.kit.grade import grade_class
from barenet.kit.isolation import Limits, over
from barenet.kit.points import read_points
from barenet.kit.steps import STEPS, find_step

SHORT = Limits(seconds=0.75)
AT_LOSS = "    right = prob"
FOUR_CHILDREN = """import subprocess, sys
    code = "x = bytearray(2**27); import time; time.sleep(60)"
    children = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(4)]
    [child.wait() for child in children]"""


def check_loss(folder, limits=SHORT):
    """Check step 2 in a process, and return its result."""
    return check_homework(folder, steps=[find_step("loss")], limits=limits).steps[0]


def test_a_right_step_is_right_and_leaves_nothing_in_the_folder(tmp_path):
    folder = write_solution(tmp_path / "kit", files=("model.py",))
    before = sorted(folder.rglob("*"))
    result = check_loss(folder, Limits())
    assert (result.status, result.wrong, result.notes) == (RIGHT, (), ())
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("while True: pass", "cross_entropy takes longer than 0.75 seconds"),
        slow(("import time; time.sleep(100)", "cross_entropy takes longer than 0.75 seconds")),
        slow(("import os; os._exit(3)", "cross_entropy ends the process (exit code 3)")),
        slow(("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "cross_entropy ends the process (exit code")),
    ],
)
def test_code_that_hangs_or_ends_the_process_is_a_finding(code, words, tmp_path):
    folder = write_solution(tmp_path / "kit", files=("model.py",))
    replace_once(folder / "model.py", AT_LOSS, f"    {code}\n{AT_LOSS}")
    result = check_loss(folder)
    assert result.status == WRONG
    assert words in result.wrong[0]


@pytest.mark.parametrize(
    "code",
    [
        slow("kept = []\n    while True: kept.append(bytearray(2**25))"),
        slow(FOUR_CHILDREN),
    ],
)
def test_code_that_eats_memory_is_a_finding(code, tmp_path):
    folder = write_solution(tmp_path / "kit", files=("model.py",))
    replace_once(folder / "model.py", AT_LOSS, f"    {code}\n{AT_LOSS}")
    result = check_loss(folder, Limits(seconds=5, memory=2**28))
    assert result.status == WRONG
    assert "memory" in result.wrong[0] or "takes longer" in result.wrong[0]


@pytest.mark.slow
def test_children_of_the_code_are_ended_with_it(tmp_path):
    folder = write_solution(tmp_path / "kit", files=("model.py",))
    code = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(977.125)'])"
    replace_once(folder / "model.py", AT_LOSS, f"    {code}\n{AT_LOSS}")
    assert check_loss(folder, Limits()).status == RIGHT

    def left():
        return [one for one in psutil.process_iter(["cmdline"]) if "977.125" in " ".join(one.info["cmdline"] or [])]

    wait_until(lambda: not left(), "the end of a child that was killed")


@pytest.mark.slow
def test_an_import_that_never_ends_is_waited_for_once(tmp_path):
    folder = write_solution(tmp_path / "kit", files=())
    replace_once(folder / "train.py", "class SGD:", "while True: pass\n\n\nclass SGD:")
    steps = [find_step(name) for name in ("decay", "l2", "sgd")]
    results = check_homework(folder, steps=steps, limits=SHORT).steps
    assert len({result.wrong for result in results}) == 1
    assert (
        "importing train.py takes longer than 0.75 seconds; put what runs the training below if __name__ =="
        in (results[0].wrong[0])
    )
    assert results[2].seconds == 0


def test_a_step_that_needs_a_wrong_one_is_not_checked_and_others_are(tmp_path):
    folder = write_solution(tmp_path / "kit", files=("model.py",))
    replace_once(folder / "model.py", "return a\n", "return 0\n")
    told = []
    report = check_homework(
        folder, steps=[find_step(name) for name in ("forward", "loss", "backward")], tell=told.append
    )
    assert [result.status for result in report.steps] == [WRONG, RIGHT, NOT_CHECKED]
    assert report.steps[2].notes == ("it needs step 1 (forward), which is wrong",)
    assert tuple(told) == report.steps
    assert not report.passed
    assert report.next_step is STEPS[0]


@pytest.mark.slow
def test_the_solution_gets_all_points(tmp_path):
    (grade,) = grade_class([write_solution(tmp_path / "whole")], read_points(None))
    assert (grade.score, grade.most) == (100, 100)


@pytest.mark.parametrize("n", [pytest.param(4, marks=pytest.mark.slow), pytest.param(30, marks=pytest.mark.full)])
def test_a_class_is_graded_whatever_its_code_does(n, tmp_path):
    hangs, ends, eats = n // 10, n // 3, n // 2
    faults = {
        hangs: ("model.py", "import numpy as np", "import numpy as np\nwhile True: pass"),
        ends: ("model.py", "import numpy as np", "import numpy as np, os\nos._exit(9)"),
        eats: ("model.py", AT_LOSS, f"    kept = []\n    while True: kept.append(bytearray(2**26))\n{AT_LOSS}"),
    }
    folders = []
    for i in range(n):
        folder = tmp_path / f"student-{i:02d}"
        folders.append(write_solution(folder, files=("model.py",) if i in faults else ()))
        # They handed in one file only, so that the test is short.
        for file in {*BODIES} - {"model.py" if i in faults else "param_vis.py"}:
            (folder / file).unlink()
        if i in faults:
            replace_once(folder / faults[i][0], *faults[i][1:])
    grades = grade_class(folders, read_points(None), limits=Limits(2, 2**29))
    assert [grade.name for grade in grades] == [folder.name for folder in folders]
    assert all(len(grade.steps) == len(STEPS) for grade in grades)
    found = {i: {result.step: result for result in grades[i].steps} for i in faults}
    assert "importing model.py takes longer than 2 seconds" in found[hangs]["forward"].wrong[0]
    assert "importing model.py ends the process (exit code 9)" in found[ends]["forward"].wrong[0]
    assert "memory" in found[eats]["loss"].wrong[0]
    assert found[eats]["backward"].status == RIGHT
    assert [grades[i].score for i in faults] == [0, 0, 30]
    assert {grade.score for i, grade in enumerate(grades) if i not in faults} == {0}


@pytest.mark.parametrize(
    ("seconds", "memory", "wall", "why"),
    [
        (7.9, 99, 15, ""),
        (8.1, 99, 9, "time"),
        (0.1, 99, 17, "time"),  # it waits
        (3.0, 99, 17, ""),  # a busy machine
        (6.0, 99, 65, "time"),
        (0.1, 101, 1, "memory"),
    ],
)
def test_a_busy_machine_breaks_no_limit_and_waiting_does(seconds, memory, wall, why):
    assert over((seconds, memory), wall, Limits(8, 100)) == why
