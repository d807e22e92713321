"""Right code takes the place of wrong steps, so that later steps can be checked."""

from __future__ import annotations

import numpy as np
import pytest
from solution import replace_once, write_solution

from barenet.kit.check import check_homework
from barenet.kit.checks.formulas import cross_entropy, draw_parameters, gradients, probabilities
from barenet.kit.findings import MISSING, NOT_CHECKED, RIGHT, WRONG
from barenet.kit.steps import find_step

NEEDED = ("forward", "loss", "backward", "sgd")


@pytest.mark.parametrize("activations", [("relu", "tanh"), ("sigmoid",)], ids="-".join)
def test_the_gradients_are_those_of_differences(activations):
    rng = np.random.default_rng(0)
    sizes = (4, 5, 6, 3)[-2 - len(activations) :]
    parameters = draw_parameters(sizes, rng)
    x, labels = rng.normal(size=(6, sizes[0])), rng.integers(0, 3, 6)
    found = gradients(parameters, x, labels, activations)
    assert found.keys() == parameters.keys()
    for name, values in parameters.items():
        for place in np.ndindex(values.shape):
            around = []
            for step in (1e-6, -1e-6):
                moved = values.copy()
                moved[place] += step
                around.append(cross_entropy(probabilities(parameters | {name: moved}, x, activations), labels))
            np.testing.assert_allclose(found[name][place], (around[0] - around[1]) / 2e-6, rtol=1e-5, atol=1e-9)


def test_right_code_replaces_what_is_wrong_and_nothing_else(tmp_path, check_here):
    folder = write_solution(tmp_path / "kit")
    replace_once(folder / "model.py", "return a\n", "return -a\n")
    replace_once(folder / "model.py", "return -np.mean", "return np.sum")
    replace_once(folder / "model.py", "(p - np.eye(p.shape[1])[labels])", "(p + np.eye(p.shape[1])[labels])")
    replace_once(folder / "train.py", "parameters[name] -=", "parameters[name] +=")
    replace_once(folder / "train.py", "rng.permutation(len(images))", "np.arange(1)")
    assert [check_here(folder, "saving", replaced=NEEDED[:i]).status for i in range(3)] == [WRONG] * 3
    assert check_here(folder, "saving", replaced=NEEDED).status == RIGHT
    assert check_here(folder, "testing").status == WRONG
    assert check_here(folder, "testing", replaced=("forward",)).status == RIGHT
    replace_once(folder / "train.py", "if value > best:", "if True:")
    assert "the weights of the last epoch" in check_here(folder, "saving", replaced=NEEDED).wrong[1]


def test_only_a_right_step_counts_where_right_code_replaces_others(tmp_path):
    folder = write_solution(tmp_path / "kit", files=("model.py", "train.py", "test.py"))
    replace_once(folder / "model.py", "return a\n", "return z\n")
    steps, told = [find_step("testing")], []
    (right,) = check_homework(folder, steps=steps, tell=told.append).steps
    assert told == [right]
    assert (right.status, right.notes) == (RIGHT, ("checked with right code in place of step 1 (forward)",))
    text = (folder / "test.py").read_text("utf-8")
    replace_once(
        folder / "test.py", "return evaluate", 'raise NotImplementedError("step 8: testing")\n    return evaluate'
    )
    (missing,) = check_homework(folder, steps=steps).steps
    assert missing.status == MISSING
    (folder / "test.py").write_text(text, "utf-8")
    replace_once(folder / "test.py", '*data["test"]', '*data["valid"]')
    (wrong,) = check_homework(folder, steps=steps).steps
    assert (wrong.status, wrong.notes) == (NOT_CHECKED, ("it needs step 1 (forward), which is wrong",))
