"""`barenet gradcheck mine.py:loss_and_gradients`, as a person types it."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path

import pytest
from families import slow_except
from refusals import assert_refused

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "examples" / "gradients" / "mine.py").read_text("utf-8")


@pytest.fixture
def gradcheck(barenet):
    return functools.partial(barenet, "gradcheck")


@pytest.fixture
def mine(tmp_path):
    """Write mine.py with pieces of the example replaced."""

    def write(*edits, name="mine.py"):
        source = EXAMPLE
        for old, new in edits:
            assert old in source, old
            source = source.replace(old, new)
        (tmp_path / name).write_text(source, "utf-8")
        return tmp_path

    return write


def test_a_right_function_exits_with_0_and_leaves_nothing_behind(gradcheck, mine):
    folder = mine()
    done = gradcheck("mine.py:loss_and_gradients", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "all gradients agree" in done.stdout
    assert "note: handed in: a dict W1, b1, ... of sizes 8-7-6-5, integer labels" in done.stderr
    assert [path.name for path in folder.iterdir()] == ["mine.py"]
    quiet = gradcheck("mine.py", "--quiet", cwd=folder)  # the function's name is the usual one
    assert (quiet.returncode, quiet.stderr, quiet.stdout) == (0, "", done.stdout)


def test_a_wrong_function_exits_with_1_and_the_mistake_is_named(gradcheck, mine):
    edit = ("dz3 /= n_images", "dz3 /= n_images**2")
    done = gradcheck("mine.py:loss_and_gradients", cwd=mine(edit))
    assert done.returncode == 1
    assert "WRONG: W1, b1, W2, b2, W3, b3" in done.stdout
    assert "it is divided by B twice" in done.stdout
    assert "do this: divide once" in done.stdout


def test_json_is_one_object_with_everything(gradcheck, mine):
    folder = mine((" * (z1 > 0)", ""), ("p, n_images", "print('hello'); p, n_images"))
    done = gradcheck("mine.py:loss_and_gradients", "--json", "--sizes", "20,16,12,5", "--batch-size", 9, cwd=folder)
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert (report["passed"], report["network"]) == (False, "20-16-12-5, relu, cross-entropy")
    assert [(m["kind"], m["parameters"]) for m in report["mistakes"]] == [("mask_missing", ["W1", "b1"])]
    assert [row["name"] for row in report["parameters"]] == ["W1", "b1", "W2", "b2", "W3", "b3"]
    assert "hello" in done.stderr


@pytest.mark.slow
def test_the_output_of_the_file_goes_to_stderr_and_its_stdin_is_empty(gradcheck, mine):
    loud = "p, n_images = parameters, len(x)"
    done = gradcheck("mine.py", cwd=mine((loud, f"print('loss soon', len(x)); {loud}")))
    assert done.returncode == 0
    assert "loss soon" not in done.stdout
    assert "note: mine.py prints; it began with:\nloss soon 12\n" in done.stderr
    done = gradcheck("mine.py", cwd=mine((loud, f"input('how? '); {loud}")))
    assert done.returncode == 2
    assert re.search(r"barenet: error: mine.py line \d+: EOFError", done.stderr)


def test_a_file_may_import_modules_beside_it_and_use_dataclasses(gradcheck, mine):
    folder = mine(name="network.py")
    (folder / "mine.py").write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\nimport network\n\n"
        "@dataclass\nclass Settings:\n    l2: float = 0.1\n\n"
        "def check(p, x, y):\n    return network.loss_and_gradients(p, x, y, Settings().l2)\n",
        "utf-8",
    )
    done = gradcheck("mine.py:check", cwd=folder)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_functions_in_the_file_that_make_parameters_and_batches_are_used(gradcheck, mine):
    makers = """

def init_parameters(sizes):
    layers = list(zip(sizes, sizes[1:]))
    parameters = {f"W{i}": np.random.randn(*layer) for i, layer in enumerate(layers, 1)}
    return parameters | {f"b{i}": np.zeros((1, n)) for i, (_, n) in enumerate(layers, 1)}


def batch():
    return np.random.randn(10, 8), np.arange(10) % 5


if __name__"""
    done = gradcheck("mine.py", cwd=mine(("\n\nif __name__", makers)))
    assert done.returncode == 0, done.stderr
    assert "the file's init_parameters() of sizes 8-7-6-5, the file's batch()" in done.stderr
    assert "b1, b2, b3 came as zeros" in done.stderr


@pytest.mark.slow
def test_one_hot_labels_are_found_or_asked_for(gradcheck, mine):
    one_hot = (
        ("log_probabilities[np.arange(n_images), labels].mean()", "np.sum(labels * log_probabilities) / n_images"),
        ("dz3[np.arange(n_images), labels] -= 1", "dz3 -= labels"),
    )
    folder = mine(*one_hot)
    for arguments in ((), ("--one-hot",)):
        done = gradcheck("mine.py", *arguments, cwd=folder)
        assert done.returncode == 0, done.stderr
        assert "one-hot labels" in done.stderr
    done = gradcheck("mine.py", "--no-one-hot", cwd=folder)
    assert done.returncode == 2
    assert re.search(r"mine.py line \d+: ValueError", done.stderr)


WRONG = [
    (
        ("mine.py:loss_and_gradient",),
        (),
        "there is no function 'loss_and_gradient'; did you mean 'loss_and_gradients'?",
    ),
    (("mine.py:np",), (), "np is no function but a value of type module"),
    (("mien.py:loss_and_gradients",), (), "there is no file mien.py; did you mean 'mine.py'?"),
    (("nowhere/mine.py:f",), (), "there is no file nowhere/mine.py"),
    (("mine.py",), (("import numpy as np", "import numpyy as np"),), "mine.py line 9: ModuleNotFoundError: No module"),
    (("mine.py",), (("import numpy as np", "import numpy as"),), "mine.py line 9: SyntaxError: invalid syntax"),
    (("mine.py",), (("import numpy as np", "import numpy as np\nexit(3)"),), "mine.py line 10: SystemExit: 3"),
    (("mine.py",), (("dz3 /= n_images", "dz3 /= n_image"),), "NameError: name 'n_image' is not defined"),
    (("mine.py",), (('"b2": dz2', '"B2": dz2'),), "returns gradients without b2, with B2"),
    (("mine.py",), (("dz3 /= n_images", 'p["W1"] *= 2'),), "loss_and_gradients changes W1 in place"),
    (
        ("mine.py", "--sizes", "8,x"),
        (),
        "--sizes must be inputs, hidden units and classes, such as 20,16,12,5; got '8,x'",
    ),
    (("mine.py", "--l2", "much"), (), "--l2 must be a positive number, got 'much'"),
    (("mine.py", "--batch-size", "0"), (), "--batch-size must be a positive whole number, got '0'"),
    (("mine.py", "--epochs", "3"), (), "--trainer.epochs: not for the check of your code"),
    (("--sizes", "8,7,5"), (), "--sizes and --one-hot are for the check of your code"),
]


# One case each: a function, a file, an error on loading, an error in a call, a result, a value, and a setting.
QUICK = [WRONG[i] for i in (0, 4, 8)]


@pytest.mark.parametrize(("arguments", "edits", "words"), slow_except(WRONG, *QUICK))
def test_wrong_input_is_one_line_on_stderr_and_exits_with_2(arguments, edits, words, gradcheck, mine):
    assert_refused(gradcheck(*arguments, cwd=mine(*edits)), words)


@pytest.mark.slow
def test_a_narrow_window_shows_everything(gradcheck, mine):
    done = gradcheck("mine.py", "--quiet", cwd=mine((" + l2 * p", " + 0 * p")), COLUMNS="60", FORCE_COLOR="1")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    assert max(map(len, plain.splitlines())) <= 60
    assert "its derivative is missing from the gradient" in " ".join(plain.split())


def test_the_page_shows_every_mistake_in_the_words_of_the_check():
    from barenet.gradcheck.mistakes.wording import WORDS

    page = (ROOT / "docs" / "gradcheck.md").read_text("utf-8")
    of_layers = "mask_missing mask_from_wrong_layer slope_at_activation formula_at_z transposed_weight z_for_activation"
    kinds = {*WORDS, *of_layers.split(), "error_without_slope"}
    for kind in kinds - {"l2_twice_or_not_in_loss"}:
        assert f"`{kind}`" in page, kind


# Classes, and notebooks

CLASS = """

class Net:
    def __init__(self, input_size, hidden_size, output_size):
        self.W1, self.b1 = np.random.randn(input_size, hidden_size), np.zeros(hidden_size)
        self.W2, self.b2 = np.random.randn(hidden_size, output_size), np.zeros(output_size)

    def forward(self, x):
        self.a1 = np.tanh(x @ self.W1 + self.b1)
        return self.a1 @ self.W2 + self.b2

    def loss(self, output, y):
        return np.sum((output - y) ** 2) / len(y)

    def backward(self, x, output, y):
        dz2 = 2 * (output - y) / len(y)
        dz1 = dz2 @ self.W2.T * (1 - self.a1**2)
        self.dW1, self.db1, self.dW2, self.db2 = x.T @ dz1, dz1.sum(0), self.a1.T @ dz2, dz2.sum(0)

net = Net(4, 3, 2)

if __name__"""


def cell(source, kind="code"):
    return {"cell_type": kind, "source": source.splitlines(keepends=True), "metadata": {}, "outputs": []}


@pytest.fixture
def lesson(tmp_path):
    """Write lesson.ipynb with the example in a cell, or with other cells."""

    def write(*cells):
        function = EXAMPLE[EXAMPLE.index("def loss_and") : EXAMPLE.index("\n\nif __name__")]
        cells = cells or (
            cell("# Lesson 3", "markdown"),
            cell("%matplotlib inline\nimport numpy as np\n!ls\ndisplay(np)\n"),
            cell("%%time\nundefined\n"),
            cell(function),
            cell("raise SystemExit('a training of hours')\n"),
        )
        text = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
        (tmp_path / "lesson.ipynb").write_text(text, "utf-8")
        return tmp_path

    return write


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("Net", "Net(...) of sizes 8-7-5, one-hot labels"),
        ("net", "the parameters of net, one-hot labels"),
    ],
)
def test_a_class_and_an_object_are_checked(name, note, gradcheck, mine):
    done = gradcheck(f"mine.py:{name}", cwd=mine(("\n\nif __name__", CLASS)))
    assert done.returncode == 0, done.stderr + done.stdout
    assert f"handed in: {note}" in done.stderr
    assert "tanh, squared error" in done.stdout


@pytest.mark.slow
def test_the_cells_of_a_notebook_are_run_up_to_the_function(gradcheck, lesson):
    folder = lesson()
    done = gradcheck("lesson.ipynb:loss_and_gradients", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "all gradients agree" in done.stdout
    assert [path.name for path in folder.iterdir()] == ["lesson.ipynb"]


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ((cell("import numpy as np"), cell("\nx = np.oness(3)")), "lesson.ipynb cell 2 line 2: AttributeError: module"),
        ((cell("def loss_and_gradient(p, x, y): pass"),), "there is no function 'loss_and_gradients'; did you mean"),
        ((cell("x = = 3"),), "lesson.ipynb cell 1 line 1: SyntaxError: invalid syntax"),
        (
            (cell("def loss_and_gradients(p, x, y):\n  return y[99]"),),
            "lesson.ipynb cell 1 line 2: IndexError: index 99",
        ),
        (({"source": 3},), "lesson.ipynb is no Jupyter notebook of format 4; save it again with Jupyter"),
    ],
)
@pytest.mark.slow
def test_a_notebook_that_fails_gets_one_line_with_the_cell(cells, words, gradcheck, lesson):
    assert_refused(gradcheck("lesson.ipynb", cwd=lesson(*cells)), words)
