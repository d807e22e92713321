"""What people have: functions with other arguments, classes, images in columns; and one line for what cannot be taken.

All codes are one network, written in the usual ways of courses and books; the gradients are right.
"""

from __future__ import annotations

import textwrap

import numpy as np
import pytest
from families import slow_except

import barenet
from barenet.errors import ConfigError, ShapeError
from barenet.gradcheck.code import check_own_code

HEAD = "import numpy as np\n\ndef softmax(z, axis=1):\n    e = np.exp(z - z.max(axis=axis, keepdims=True))\n"
HEAD += "    return e / e.sum(axis=axis, keepdims=True)\n\n"

CS231N_FUNCTION = """
def svm_loss(W, X, y, reg):
    scores = X.dot(W)
    margins = np.maximum(0, scores - scores[np.arange(len(y)), y][:, None] + 1)
    margins[np.arange(len(y)), y] = 0
    loss = margins.sum() / len(y) + reg * np.sum(W * W)
    binary = (margins > 0).astype(float)
    binary[np.arange(len(y)), y] = -binary.sum(axis=1)
    return loss, X.T.dot(binary) / len(y) + 2 * reg * W
"""

CS231N_CLASS = """
class TwoLayerNet:
    def __init__(self, input_size, hidden_size, output_size, std=0.1):
        self.params = {"W1": std * np.random.randn(input_size, hidden_size), "b1": np.zeros(hidden_size)}
        self.params["W2"] = std * np.random.randn(hidden_size, output_size)
        self.params["b2"] = np.zeros(output_size)

    def loss(self, X, y=None, reg=0.0):
        W1, b1, W2, b2 = (self.params[k] for k in ("W1", "b1", "W2", "b2"))
        h = np.maximum(0, X @ W1 + b1)
        p = softmax(h @ W2 + b2)
        N = len(X)
        loss = -np.log(p[np.arange(N), y]).mean() + reg * (np.sum(W1 * W1) + np.sum(W2 * W2))
        d = p.copy()
        d[np.arange(N), y] -= 1
        d /= N
        grads = {"W2": h.T @ d + 2 * reg * W2, "b2": d.sum(0)}
        dh = d @ W2.T
        dh[h <= 0] = 0
        grads["W1"], grads["b1"] = X.T @ dh + 2 * reg * W1, dh.sum(0)
        return loss, grads
"""

SEPARATE = """
def train_step(X, Y, W1, b1, W2, b2):
    a1 = np.tanh(X @ W1 + b1)
    p = softmax(a1 @ W2 + b2)
    loss = -np.sum(Y * np.log(p)) / len(X)
    dz2 = (p - Y) / len(X)
    dz1 = dz2 @ W2.T * (1 - a1**2)
    return loss, X.T @ dz1, dz1.sum(0), a1.T @ dz2, dz2.sum(0)
"""

COLUMNS = """
def propagate(X, Y, parameters):
    W1, b1, W2, b2 = parameters["W1"], parameters["b1"], parameters["W2"], parameters["b2"]
    m = X.shape[1]
    A1 = np.tanh(np.dot(W1, X) + b1)
    A2 = softmax(np.dot(W2, A1) + b2, axis=0)
    cost = -np.sum(Y * np.log(A2)) / m
    dZ2 = A2 - Y
    dZ1 = np.dot(W2.T, dZ2) * (1 - A1**2)
    grads = {"dZ2": dZ2, "dW2": np.dot(dZ2, A1.T) / m, "db2": dZ2.sum(axis=1, keepdims=True) / m}
    grads |= {"dW1": np.dot(dZ1, X.T) / m, "db1": dZ1.sum(axis=1, keepdims=True) / m}
    return cost, grads
"""

OUT_IN = """
def f(params, x, labels):
    (W, b), (V, c) = params
    a = np.tanh(x @ W.T + b)
    p = softmax(a @ V.T + c)
    n = len(x)
    dz = (p - np.eye(p.shape[1])[labels]) / n
    da = dz @ V * (1 - a * a)
    return -np.mean(np.log(p[np.arange(n), labels])), [(da.T @ x, da.sum(0)), (dz.T @ a, dz.sum(0))]
"""

ATTRIBUTES = """
class NeuralNetwork:
    def __init__(self, sizes):
        self.W1, self.b1 = np.random.randn(sizes[0], sizes[1]), np.zeros((1, sizes[1]))
        self.W2, self.b2 = np.random.randn(sizes[1], sizes[2]), np.zeros((1, sizes[2]))
        assert len(sizes) == 3

    def forward(self, x):
        self.x = x
        self.z1 = x @ self.W1 + self.b1
        self.a1 = 1 / (1 + np.exp(-self.z1))
        self.a2 = softmax(self.a1 @ self.W2 + self.b2)
        return self.a2

    def compute_loss(self, y_hat, y):
        return -np.sum(y * np.log(y_hat)) / len(y)

    def backward(self, y):
        dz2 = (self.a2 - y) / len(y)
        self.dW2, self.db2 = self.a1.T @ dz2, dz2.sum(axis=0, keepdims=True)
        dz1 = dz2 @ self.W2.T * self.a1 * (1 - self.a1)
        self.dW1, self.db1 = self.x.T @ dz1, dz1.sum(axis=0, keepdims=True)
"""

LAYERS = """
class Dense:
    def __init__(self, n_in, n_out):
        self.W, self.b = np.random.randn(n_in, n_out) * 0.3, np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T

class ReLU:
    def forward(self, x):
        self.mask = x > 0
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask

class MLP:
    def __init__(self, n_in, n_hidden, n_out):
        self.layers = [Dense(n_in, n_hidden), ReLU(), Dense(n_hidden, n_out)]

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def loss(self, scores, labels):
        self.p, n = softmax(scores), len(scores)
        dscores = self.p.copy()
        dscores[np.arange(n), labels] -= 1
        return -np.log(self.p[np.arange(n), labels]).mean(), dscores / n

    def backward(self, dout):
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
"""

LOSS_LAYER = """
class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, np.sum(dout, axis=0)
        return dout @ self.W.T

class SoftmaxWithLoss:
    def forward(self, x, t):
        self.y, self.t = softmax(x), t
        return -np.sum(t * np.log(self.y)) / len(x)

    def backward(self, dout=1):
        return dout * (self.y - self.t) / len(self.t)

class Net:
    def __init__(self, input_size, output_size):
        self.params = {"W1": np.random.randn(input_size, output_size), "b1": np.zeros(output_size)}
        self.layers = {"Affine1": Affine(self.params["W1"], self.params["b1"])}
        self.last = SoftmaxWithLoss()

    def predict(self, x):
        return self.layers["Affine1"].forward(x)

    def loss(self, x, t):
        return self.last.forward(self.predict(x), t)

    def gradient(self, x, t):
        self.loss(x, t)
        dout = self.layers["Affine1"].backward(self.last.backward())
        return {"W1": self.layers["Affine1"].dW, "b1": self.layers["Affine1"].db}
"""

UPDATING = """
class Net:
    def __init__(self, n_inputs, n_hidden, n_outputs):
        self.weights_hidden = np.random.randn(n_inputs, n_hidden)
        self.weights_output = np.random.randn(n_hidden, n_outputs)

    def forward(self, x):
        self.hidden = np.tanh(x @ self.weights_hidden)
        return self.hidden @ self.weights_output

    def loss(self, prediction, target):
        return 0.5 * np.mean(np.sum((prediction - target) ** 2, axis=1))

    def backward(self, x, y, output, learning_rate=0.1):
        error = (output - y) / len(x)
        hidden_error = error @ self.weights_output.T * (1 - self.hidden**2)
        self.weights_output -= learning_rate * self.hidden.T @ error
        self.weights_hidden -= learning_rate * x.T @ hidden_error
"""

NODES = """
class neuralNetwork:
    def __init__(self, inputnodes, hiddennodes, outputnodes, learningrate):
        self.lr = learningrate
        self.wih = np.random.normal(0.0, 0.5, (hiddennodes, inputnodes))
        self.who = np.random.normal(0.0, 0.5, (outputnodes, hiddennodes))

    def forward(self, inputs):
        self.hidden = 1 / (1 + np.exp(-self.wih @ inputs))
        self.final = 1 / (1 + np.exp(-self.who @ self.hidden))
        return self.final

    def loss(self, outputs, targets):
        return 0.5 * np.sum((targets - outputs) ** 2)

    def backward(self, inputs, targets):
        output_errors = (targets - self.final) * self.final * (1 - self.final)
        hidden_errors = self.who.T @ output_errors * self.hidden * (1 - self.hidden)
        self.who += self.lr * output_errors @ self.hidden.T
        self.wih += self.lr * hidden_errors @ inputs.T
"""

# The code, its name, the names of its parameters in the report, and the network that is recognised.
FORMS = {
    "W, X, y, reg": (CS231N_FUNCTION, "svm_loss", "W", "8-5, hinge loss"),
    "loss(X, y, reg) with params": (CS231N_CLASS, "TwoLayerNet", "W1 b1 W2 b2", "8-7-5, relu, cross-entropy"),
    "one by one": (SEPARATE, "train_step", "W1 b1 W2 b2", "8-7-5, tanh, cross-entropy"),
    "columns": (COLUMNS, "propagate", "W1 b1 W2 b2", "8-7-5, tanh, cross-entropy"),
    "weights (out, in)": (OUT_IN, "f", "W1 b1 W2 b2", "8-7-5, tanh, cross-entropy"),
    "attributes": (ATTRIBUTES, "NeuralNetwork", "W1 b1 W2 b2", "8-7-5, sigmoid, cross-entropy"),
    "layers": (LAYERS, "MLP", "layers[0].W layers[0].b layers[2].W layers[2].b", "8-7-5, relu, cross-entropy"),
    "a loss layer": (LOSS_LAYER, "Net", "W1 b1", "8-5, cross-entropy"),
    "columns that update": (NODES, "neuralNetwork", "wih who", "8-7-5, sigmoid, squared error of sigmoid"),
    "a backward that updates": (UPDATING, "Net", "weights_hidden weights_output", "8-7-5, tanh, squared error"),
}
QUICK = ("W, X, y, reg", "columns", "layers")


def loader(source):
    """Return a function that runs the source and returns its names, as for a file."""

    def load():
        np.random.seed(0)  # noqa: NPY002 (as the command line does)
        code = {"__name__": "own"}
        exec(compile(HEAD + textwrap.dedent(source), "mine.py", "exec"), code)
        return code

    return load


@pytest.mark.parametrize("form", slow_except(FORMS, *QUICK))
def test_right_code_of_every_form_passes(form):
    source, name, parameters, network = FORMS[form]
    report = check_own_code(loader(source), name)
    assert report.passed, report
    assert [row.name for row in report.parameters] == parameters.split()
    assert report.network == network


# The form, an edit, the name of the mistake, the wrong parameters, and where to look.
WRONG = [
    ("W, X, y, reg", ("+ 2 * reg * W", "+ reg * W"), "l2_half", "W", "look where dz1, the derivative of the loss, is"),
    (
        "loss(X, y, reg) with params",
        ("dh[h <= 0] = 0", ""),
        "mask_missing",
        "W1 b1",
        "layer 2 is right: look where dz1",
    ),
    ("one by one", ("a1.T @ dz2", "(X @ W1 + b1).T @ dz2"), "z_for_activation", "W2", "gradient of W2 is made"),
    ("columns", ("dZ1.sum(axis=1, keepdims=True) / m", "dZ1.sum(axis=1)"), "not_divided_by_batch", "b1", "W1 too"),
    ("attributes", ("* self.a1 * (1 - self.a1)", "* self.z1 * (1 - self.z1)"), "formula_at_z", "W1 b1", "dz1 is made"),
    ("layers", ("self.db = self.x.T", "_ = self.x.T"), "bias_forgotten", "layers[0].b layers[2].b", ""),
    ("a loss layer", ("/ len(self.t)", ""), "not_divided_by_batch", "W1 b1", "the last layer is wrong already"),
    (
        "columns that update",
        ("T @ output_errors", "T @ (targets - self.final)"),
        "error_without_slope",
        "wih",
        "layer 2",
    ),
    ("a backward that updates", ("(x)", "(x)"), "updated_too_early", "weights_hidden", "layer 2 is right: look where"),
]
LATE = "hidden_error = error @ self.weights_output.T * (1 - self.hidden**2)\n        "


@pytest.mark.parametrize(("form", "edit", "kind", "spoilt", "where"), slow_except(WRONG, WRONG[3], WRONG[5]))
def test_a_mistake_in_other_forms_is_named_with_the_names_of_the_person(form, edit, kind, spoilt, where):
    source, name, *_ = FORMS[form]
    assert edit[0] in source
    source = source.replace(*edit)
    if kind == "updated_too_early":
        source = source.replace(LATE, "").replace("self.weights_hidden -=", f"{LATE}self.weights_hidden -=")
    report = check_own_code(loader(source), name)
    assert [mistake.kind for mistake in report.mistakes] == [kind], report
    assert list(report.mistakes[0].parameters) == spoilt.split()
    assert where in report.where
    assert report.unexplained == ()


# From Python


def test_an_object_is_checked_with_its_parameters_and_stays_as_it_is():
    code = loader(ATTRIBUTES)()
    net = code["NeuralNetwork"]([4, 3, 3])
    before = {name: array.copy() for name, array in vars(net).items()}
    x, y = np.random.default_rng(0).normal(size=(9, 4)), np.eye(3)[np.arange(9) % 3]
    for report in (barenet.check_own_gradients(net, x, y), barenet.check_own_gradients(net)):
        assert report.passed, report
        assert report.network == "4-3-3, sigmoid, cross-entropy"
    assert vars(net).keys() == before.keys()
    assert all(np.array_equal(vars(net)[name], array) for name, array in before.items())


def test_a_class_gets_an_activation_and_a_seed_if_it_needs_them():
    init = (
        "def __init__(self, sizes, activation, seed, lr, epochs=3):\n        assert (activation, seed) == ('relu', 0)\n"
    )
    report = check_own_code(loader(ATTRIBUTES.replace("def __init__(self, sizes):", init)), "NeuralNetwork")
    assert report.passed, report


def test_a_function_alone_is_called_with_parameters_and_a_batch_that_are_made():
    code = loader(SEPARATE)()
    report = barenet.check_own_gradients(code["train_step"])
    assert report.passed, report
    assert "handed in: separate arrays of sizes 8-7-5, one-hot labels" in report.notes


def test_images_in_columns_are_noticed_from_the_shapes():
    rng = np.random.default_rng(0)
    parameters = {"W1": rng.normal(size=(3, 4)), "b1": rng.normal(size=(3, 1))}
    parameters |= {"W2": rng.normal(size=(4, 3)), "b2": rng.normal(size=(4, 1))}
    x, y = rng.normal(size=(4, 4)), np.eye(4)  # as many images as inputs and classes: only the biases tell
    report = barenet.check_own_gradients(loader(COLUMNS)()["propagate"], parameters, x, y)
    assert (report.passed, report.network) == (True, "4-3-4, tanh, cross-entropy")


def test_names_are_those_of_the_line_that_unpacks_a_list(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import numpy as np\n\ndef f(weights, x, y):\n    U, shift = weights\n"
        "    e = x @ U + shift - y\n    return np.sum(e**2), [2 * x.T @ e, e.sum(0)]\n",
        "utf-8",
    )
    names = {}
    exec(compile((tmp_path / "mine.py").read_text("utf-8"), str(tmp_path / "mine.py"), "exec"), names)
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(4, 3)), rng.normal(size=3)]
    report = barenet.check_own_gradients(names["f"], arrays, rng.normal(size=(5, 4)), rng.normal(size=(5, 3)))
    assert [row.name for row in report.parameters] == ["U", "shift"]
    assert [(mistake.kind, mistake.parameters) for mistake in report.mistakes] == [("factor_two_missing", ("shift",))]


# What cannot be taken

BARE = "class Net:\n    def __init__(self, n_in, n_out):\n        self.W = np.ones((n_in, n_out))\n"
REFUSED = [
    ("def f(x, y):\n    return 0.0, {}", "f takes no parameters, so they cannot be varied; write a function f("),
    ("def f(x, y, W1, speed):\n    return 0.0, {}", "f takes speed, which has no default; give it one, or write"),
    ("f = 3", "f is no function but a value of type int"),
    ("class f:\n    def loss(self, x, y):\n        return 0.0", "f has no parameters; they must be attributes such as"),
    (BARE + "    def forward(self, x):\n        return x @ self.W\nf = Net", "Net has no method loss; write a method"),
    (BARE + "    def loss(self, x, y):\n        return 0.0\nf = Net", "Net has no method backward or gradients; write"),
    (
        BARE + "    def loss(self, x, y):\n        return 0.0\n    def backward(self):\n        pass\nf = Net",
        "Net neither returns gradients nor stores them; store them as self.dW and so on",
    ),
    (
        BARE + "    def loss(self, x, y):\n        return 0.0\n    def backward(self, dout):\n        pass\nf = Net",
        "Net.backward takes the derivative of the loss with respect to the output; write a method loss_gradient",
    ),
    ("class f:\n    def __init__(self, speed):\n        pass", "f takes speed, which is not known; define an object"),
    ("class f:\n    def __init__(self):\n        self.W = w", "mine.py line 9: NameError: name 'w' is not defined"),
    (
        "def f(W, x, y):\n    p = softmax(x @ W)\n    dz = p - np.eye(p.shape[1])[y]\n    return p.sum(), dz",
        "the gradient of W has shape (12, 5), W itself (8, 5); give it the same",
    ),
]
AXES = [
    (
        "dz2.sum(1)",
        "the gradient of b2 has shape (12,), b2 itself (1, 5): the wrong axis is summed; sum dz over the 12",
    ),
    ("dz2.sum()", "the gradient of b2 has shape (), b2 itself (1, 5): all of dz is summed; sum dz over the 12 images"),
    ("dz2", "the gradient of b2 has shape (12, 5), b2 itself (1, 5): the sum is missing; sum dz over the 12 images"),
]


@pytest.mark.parametrize(("source", "words"), slow_except(REFUSED, *REFUSED[:3], REFUSED[6]))
def test_code_that_cannot_be_taken_gets_one_line_that_says_what_to_write(source, words):
    with pytest.raises((ConfigError, ShapeError)) as caught:
        check_own_code(loader(source), "f")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("wrong", "words"), slow_except(AXES, AXES[0]))
def test_a_bias_that_is_summed_over_the_wrong_axis_is_said_in_one_line(wrong, words):
    with pytest.raises(ShapeError) as caught:
        check_own_code(loader(SEPARATE.replace("dz2.sum(0)", wrong)), "train_step")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((lambda p, x, y: (0.0, p), {"W": np.ones(2)}), "give x and labels too"),
        ((lambda p, x, y: (0.0, p), None, np.ones((2, 2)), [0, 1]), "give the parameters too"),
    ],
)
def test_arguments_that_are_left_out_are_named(arguments, words):
    with pytest.raises(ConfigError, match=words):
        barenet.check_own_gradients(*arguments)
