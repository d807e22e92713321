"""Homework that was not made from the kit: its adapter states the hidden layers, the activations and the metrics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from families import slow
from solution import replace_once, write_solution

from barenet.kit.check import check_homework
from barenet.kit.checks.network import IMAGES, ONE_HIDDEN, OTHERS, TWO_HIDDEN
from barenet.kit.findings import MISSING, NOT_CHECKED, RIGHT, WRONG
from barenet.kit.steps import STEPS, find_step

# One hidden layer, one argument for its activation, biases of shape (n,), labels as rows of zeros and a one, an
# attribute for each parameter, and a training that keeps the best weights by accuracy in memory.
MINE = """
import copy
import numpy as np

def act(z, kind):
    return np.maximum(z, 0) if kind == "relu" else 1 / (1 + np.exp(-z))

class MLP:
    def __init__(self, n_in, n_hidden, n_out, activation="relu", seed=0):
        rng = np.random.default_rng(seed)
        self.kind = activation
        self.params = {
            "W1": rng.normal(size=(n_in, n_hidden)) * np.sqrt(2 / n_in), "b1": np.zeros(n_hidden),
            "W2": rng.normal(size=(n_hidden, n_out)) * np.sqrt(2 / n_hidden), "b2": np.zeros(n_out),
        }

    def forward(self, X):
        p = self.params
        self.X, self.z = X, X @ p["W1"] + p["b1"]
        self.h = act(self.z, self.kind)
        s = self.h @ p["W2"] + p["b2"]
        e = np.exp(s - s.max(1, keepdims=True))
        self.P = e / e.sum(1, keepdims=True)
        return self.P

    def backward(self, Y):
        ds = (self.P - Y) / len(Y)
        dh = ds @ self.params["W2"].T
        dz = dh * (self.z > 0) if self.kind == "relu" else dh * self.h * (1 - self.h)
        return {"W2": self.h.T @ ds, "b2": ds.sum(0), "W1": self.X.T @ dz, "b1": dz.sum(0)}

def loss(P, Y):
    return -np.sum(Y * np.log(P + 1e-12)) / len(P)

def score(net, X, y):
    return float((net.forward(X).argmax(1) == y).mean())

def fit(net, x, y, xv, yv, lr, batch, epochs, seed):
    rng, eye, rows, best = np.random.default_rng(seed), np.eye(3), [], -1
    for epoch in range(epochs):
        order = rng.permutation(len(x))
        for k in range(0, len(x), batch):
            i = order[k : k + batch]
            total = loss(net.forward(x[i]), eye[y[i]])
            for name, g in net.backward(eye[y[i]]).items():
                net.params[name] -= lr * g
        accuracy = score(net, xv, yv)
        rows.append((epoch + 1, total, loss(net.forward(xv), eye[yv]), accuracy))
        if accuracy > best:
            best, kept = accuracy, copy.deepcopy(net.params)
    net.params = kept
    return rows
"""
ADAPTER = """
import numpy as np
from mine import MLP, fit, loss, score

HIDDEN_LAYERS = 1
ACTIVATIONS = ["relu", "sigmoid"]
METRICS = ["acc"]
EVAL_STEP = 1

def network(a, seed=0):
    return MLP(a[0]["input_dim"], a[0]["output_dim"], a[1]["output_dim"], a[0]["activation"], seed)

def NeuralNetwork(nn_architecture, seed=0):
    net = network(nn_architecture, seed)
    net.parameters, backward = net.params, net.backward
    net.backward = lambda labels: backward(np.eye(nn_architecture[1]["output_dim"])[labels])
    return net

def cross_entropy(p, labels):
    return loss(p, np.eye(p.shape[1])[labels])

def evaluate(net, images, labels):
    return cross_entropy(net.forward(images), labels), score(net, images, labels)

def save_weights(parameters, path):
    np.savez(path, **parameters)

def load_weights(path):
    return dict(np.load(path))

def parts(loader):
    d, n = np.load(loader["path_dir"] + "/data.npz"), loader["n_valid"]
    return d["x_train"][:-n], d["y_train"][:-n], d["x_train"][-n:], d["y_train"][-n:], d["x_test"], d["y_test"]

def train(a, loader, optimizer, trainer):
    net = network(a, trainer["seed"])
    rows = fit(net, *parts(loader)[:4], optimizer["lr"], loader["batch_size"], trainer["n_epochs"], trainer["seed"])
    np.savez(trainer["path"], **net.params)
    return [dict(zip(("epoch", "train_loss", "valid_loss", "valid_acc"), row)) for row in rows]

def test(a, path, loader):
    net = network(a)
    net.params = load_weights(path)
    return score(net, *parts(loader)[4:])
"""


@pytest.fixture
def mine(tmp_path) -> tuple[Path, Path]:
    """The homework and its adapter."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.py").write_text(MINE, "utf-8")
    (tmp_path / "adapter.py").write_text(ADAPTER, "utf-8")
    return tmp_path / "other", tmp_path / "adapter.py"


def test_the_networks_worked_out_by_hand_are_right():
    hidden = np.maximum(IMAGES @ ONE_HIDDEN.parameters["W1"] + ONE_HIDDEN.parameters["b1"], 0)
    assert hidden.tolist() == [[3, 0], [1, 0], [3, 1], [0, 0]]
    logits = hidden @ np.array([[1, 0], [1, 2]]) + [0, 2]
    assert logits.tolist() == [[3, 2], [1, 2], [4, 4], [0, 2]]
    ratios = 3.0**logits
    np.testing.assert_allclose(ONE_HIDDEN.wanted, ratios / ratios.sum(axis=1, keepdims=True), rtol=1e-15)
    second = np.maximum(hidden @ TWO_HIDDEN.parameters["W2"] + TWO_HIDDEN.parameters["b2"], 0)
    ratios = 3.0 ** (second + np.array([0, 2]))
    np.testing.assert_allclose(TWO_HIDDEN.wanted, ratios / ratios.sum(axis=1, keepdims=True), rtol=1e-15)
    assert set(OTHERS) == {"sigmoid", "tanh"}


@pytest.mark.parametrize("step", ["forward", "loss", "backward", "testing"])
def test_a_network_with_one_hidden_layer_and_flat_biases_is_right(step, mine, check_here):
    result = check_here(mine[0], step, mine[1])
    assert (result.status, result.wrong) == (RIGHT, ())
    said = "one hidden layer, activations relu, sigmoid, metrics acc, a validation after every epoch; the rest is not"
    assert any(said in note for note in result.notes) == (step == "forward")


def test_the_best_weights_of_a_network_with_one_hidden_layer(mine, check_here):
    assert check_here(mine[0], "saving", mine[1]).status == RIGHT
    replace_once(mine[0] / "mine.py", "copy.deepcopy(net.params)", "net.params")
    assert "these are the weights of the last epoch" in " ".join(check_here(mine[0], "saving", mine[1]).wrong)


@pytest.mark.parametrize(
    ("step", "before", "after", "words"),
    [
        (
            "forward",
            "act(self.z, self.kind)",
            'act(self.z, "relu")',
            "layer 1 computes relu where sigmoid is asked for",
        ),
        ("forward", "act(self.z, self.kind)", "self.z", "the ReLU of the hidden layer is missing"),
        ("forward", "act(self.z, self.kind)", 'act(self.z, "sigmoid")', "sigmoid is computed where relu is asked for"),
        ("forward", "s - s.max(1, keepdims=True)", "s", "for the logits 3000 and 0 forward gives nan"),
        ("backward", "dh * self.h * (1 - self.h)", "dh * self.z", "with the activation sigmoid, "),
        ("backward", "dh * (self.z > 0)", "dh", "the ReLU mask (z > 0) of hidden layer 1 is missing"),
    ],
)
def test_mistakes_of_a_network_with_one_hidden_layer_are_named(step, before, after, words, mine, check_here):
    replace_once(mine[0] / "mine.py", before, after)
    result = check_here(mine[0], step, mine[1])
    assert result.status == WRONG
    assert words in " ".join((*result.wrong, *result.notes))


@pytest.mark.parametrize(
    ("settings", "activations"),
    [
        ("HIDDEN_LAYERS = 1", ("relu", "tanh", "sigmoid")),
        slow(("ACTIVATION_PER_LAYER = False", ("relu", "tanh", "sigmoid"))),
        slow(("ACTIVATIONS = ('sigmoid',); METRICS = ('loss',)", ("sigmoid",))),
        slow(("ACTIVATIONS = ['tanh', 'relu']; METRICS = ['loss', 'acc']", ("relu", "tanh"))),
    ],
)
def test_the_solution_passes_in_each_form(settings, activations, tmp_path, check_here):
    folder = write_solution(tmp_path / "kit")
    replace_once(folder / "model.py", 'layer["activation"] == "relu"', 'needed(layer["activation"]) == "relu"')
    with (folder / "model.py").open("a", encoding="utf-8") as file:
        file.write(f"\n\ndef needed(name):\n    assert name in {(*activations, 'softmax')}\n    return name\n")
    adapter = tmp_path / "adapter.py"
    adapter.write_text(
        "from model import *\nfrom train import SGD, evaluate, train, train_epoch\nimport gridsearch as search\n"
        "from param_vis import *\nfrom pathlib import Path\n"
        f"{settings}\n"
        "def test(*arguments):\n    names = {}\n"  # `test` is a module of Python too
        f"    exec(Path({str(folder / 'test.py')!r}).read_text('utf-8'), names)\n"
        "    return names['test'](*arguments)\n"
        "gridsearch = search.gridsearch\n",
        "utf-8",
    )
    steps = [step.name for step in STEPS]
    if "HIDDEN" in settings:
        steps = [name for name in steps if name not in ("search", "pictures")]  # the kit's files name W3 there
    found = {name: check_here(folder, name, adapter) for name in steps}
    assert {name: (result.status, result.wrong) for name, result in found.items()} == dict.fromkeys(steps, (RIGHT, ()))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("HIDDEN_LAYERS = 3", "HIDDEN_LAYERS in adapter.py must be 1 or 2, got 3"),
        ("HIDDEN_LAYERS = True", "HIDDEN_LAYERS in adapter.py must be 1 or 2, got True"),
        ("ACTIVATIONS = 'relu'", "ACTIVATIONS in adapter.py must be some of relu, tanh, sigmoid, got 'relu'"),
        ("ACTIVATIONS = []", "ACTIVATIONS in adapter.py must be some of relu, tanh, sigmoid, got []"),
        ("ACTIVATIONS = [['relu']]", "ACTIVATIONS in adapter.py must be some of"),
        ("ACTIVATION_PER_LAYER = 0", "ACTIVATION_PER_LAYER in adapter.py must be True or False, got 0"),
        ("EVAL_STEP = 0", "EVAL_STEP in adapter.py must be 1 or 2, got 0"),
        ("METRICS = {'f1'}", "METRICS in adapter.py must be some of acc, loss, got {'f1'}"),
        ("import no_such_package_here", "importing adapter.py needs the package no_such_package_here, which is not"),
        ("from no_such_package_here.part import a", "needs the package no_such_package_here, which is not installed"),
    ],
)
def test_what_is_not_the_homeworks_fault_is_not_checked(line, words, mine, check_here):
    mine[1].write_text(f"{ADAPTER}\n{line}\n", "utf-8")
    result = check_here(mine[0], "forward", mine[1])
    assert (result.status, result.wrong) == (NOT_CHECKED, ())
    assert words in result.notes[0]


def test_a_file_of_the_homework_with_an_error_in_its_imports_is_wrong(mine, check_here):
    replace_once(mine[0] / "mine.py", "import copy", "import mine.part, copy")
    result = check_here(mine[0], "forward", mine[1])
    assert result.status == WRONG
    assert "importing adapter.py" in result.wrong[0]


def test_a_network_with_one_hidden_layer_less_leads_to_the_setting(mine, check_here):
    replace_once(mine[1], "HIDDEN_LAYERS = 1\n", "")
    replace_once(mine[1], 'a[1]["output_dim"], ', 'a[-1]["output_dim"], ')
    words = "for one hidden layer write HIDDEN_LAYERS = 1 in adapter.py"
    assert words in check_here(mine[0], "forward", mine[1]).wrong[0]


@pytest.mark.slow
def test_parts_that_an_adapter_leaves_out_keep_no_other_part_from_being_checked(mine, check_here):
    replace_once(mine[1], "def evaluate(", "def my_evaluate(")
    result = check_here(mine[0], "saving", mine[1])
    assert (result.status, result.notes) == (MISSING, ("adapter.py has no evaluate",))
    replace_once(mine[0] / "mine.py", "copy.deepcopy(net.params)", "net.params")
    result = check_here(mine[0], "saving", mine[1])
    assert result.status == WRONG
    assert result.notes[-1] == "a part of step 7 (saving) is not written yet: adapter.py has no evaluate"
    report = check_homework(mine[0], adapter=mine[1], steps=[find_step("sgd"), find_step("saving")])
    assert [step.status for step in report.steps] == [MISSING, WRONG]  # an adapter has no SGD, and saving is checked


def test_a_step_that_some_layers_do_not_get_is_found(tmp_path, check_here):
    folder = write_solution(tmp_path / "kit", files=("train.py", "model.py"))
    replace_once(folder / "train.py", "parameters[name] -= self", "if name != 'b3': parameters[name] -= self")
    result = check_here(folder, "sgd")
    assert result.wrong == ("SGD.update takes the right step for b1, and another one for b3; all layers need it",)
