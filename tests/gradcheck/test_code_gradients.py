"""The check of a user's gradients: right ones pass, each known mistake is named, and others get no name.

Every mistake is an edit of a right network's source, as a person would make it. The networks are written differently:
three layers in a dict with ReLU and integer labels (the example in examples/gradients), two in a list with tanh,
one-hot labels and a fixed strength of L2, and a loop over a list of pairs.
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from families import full, slow, slow_except

import barenet
from barenet.errors import ConfigError, ShapeError
from barenet.gradcheck.code import check_own_code

EXAMPLE = (Path(__file__).parents[2] / "examples" / "gradients" / "mine.py").read_text("utf-8")

LIST = """
import numpy as np

DECAY = 0.01

def loss_and_gradients(weights, inputs, targets):
    W, b, V, c = weights
    B = inputs.shape[0]
    h = np.tanh(np.dot(inputs, W) + b)
    logits = h.dot(V) + c
    logits = logits - np.max(logits, axis=-1, keepdims=True)
    e = np.exp(logits)
    p = e / np.sum(e, axis=-1, keepdims=True)
    cost = -np.sum(targets * np.log(p)) / B + DECAY / 2 * (np.sum(W * W) + np.sum(V * V))
    delta = (p - targets) / B
    dV = h.T.dot(delta) + DECAY * V
    dc = delta.sum(0)
    dh = delta.dot(V.T)
    dz = dh * (1 - h**2)
    dW = inputs.T.dot(dz) + DECAY * W
    db = dz.sum(0)
    return cost, [dW, db, dV, dc]
"""

LOOP = """
import numpy as np

def slope(z):
    return np.where(z > 0, 1.0, 0.0)

def loss_and_gradients(layers, x, y, l2):
    activations, sums = [x], []
    for i, (W, b) in enumerate(layers):
        sums.append(activations[-1] @ W + b)
        activations.append(np.maximum(sums[-1], 0) if i < len(layers) - 1 else sums[-1])
    scores, n = sums[-1], len(y)
    top = scores.max(1, keepdims=True)
    normalizer = top + np.log(np.exp(scores - top).sum(1, keepdims=True))
    loss = np.mean(normalizer[:, 0] - scores[np.arange(n), y])
    for W, b in layers:
        loss += 0.5 * l2 * np.vdot(W, W)
    error = (np.exp(scores - normalizer) - np.eye(scores.shape[1])[y]) / n
    gradients = []
    for i in reversed(range(len(layers))):
        W, b = layers[i]
        gradients.insert(0, (activations[i].T @ error + l2 * W, error.sum(axis=0, keepdims=True)))
        if i:
            error = (error @ W.T) * slope(sums[i - 1])
    return loss, gradients
"""

# Stored as (out, in), inputs of three axes, squared error of a sigmoid, an integer label, with makers.
FLIPPED = """
import numpy as np

def parameters():
    rng = np.random.default_rng(1)
    return {"second": rng.normal(size=(3, 4)), "shift": rng.normal(size=3), "first": rng.normal(size=(4, 6)),
            "offset": rng.normal(size=4)}

def batch():
    rng = np.random.default_rng(2)
    return rng.normal(size=(10, 2, 3)), np.arange(10) % 3

def loss_and_gradients(p, x, labels):
    x = x.reshape(len(x), 6)
    sigmoid = lambda z: 1 / (1 + np.exp(-z))
    h = sigmoid(x @ p["first"].T + p["offset"])
    s = sigmoid(h @ p["second"].T + p["shift"])
    miss = s - np.eye(3)[labels]
    dz = 2 * miss * s * (1 - s) / miss.size
    dh = (dz @ p["second"]) * h * (1 - h)
    return np.mean(miss**2), {"second": dz.T @ h, "shift": dz.sum(0), "first": dh.T @ x, "offset": dh.sum(0)}
"""

SINGLE = EXAMPLE.replace("p, n_images = parameters, len(x)", """n_images = len(x)
    p = {name: value.astype(np.float32) for name, value in parameters.items()}
    x = x.astype(np.float32)""")  # fmt: skip

NETWORKS = {"dict": EXAMPLE, "list": LIST, "loop": LOOP, "flipped": FLIPPED, "single": SINGLE}
ALL = {"dict": "W1 b1 W2 b2 W3 b3", "list": "W1 b1 W2 b2", "loop": "W1 b1 W2 b2 W3 b3"}
WEIGHTS = {"dict": "W1 W2 W3", "list": "W1 W2", "loop": "W1 W2 W3"}
BIASES = {"dict": "b1 b2 b3", "list": "b1 b2", "loop": "b1 b2 b3"}

AXIS = "axis=0, keepdims=True"
P = "q = np.exp(log_probabilities)\n    "
JACOBIAN = "[y]) / n\n    q = np.exp(scores - normalizer)\n    error = q * (error - (q * error).sum(1, keepdims=True))"
ADD = """
total = {}

def add(new):
    for name in new:
        total[name] = total.get(name, 0) + new[name]
    return dict(total)

def loss"""


def edited(network, *edits):
    """Return a network's source with pieces of text replaced, each of which must occur."""
    source = NETWORKS[network]
    for old, new in edits:
        assert old in source, old
        source = source.replace(old, new)
    return source


def check(source, **options):
    """Return the report on a source, which is loaded again for every attempt."""

    def load():
        code = {"__name__": "own"}
        exec(compile(source, "mine.py", "exec"), code)
        return code

    return check_own_code(load, "loss_and_gradients", **options)


@pytest.mark.parametrize("network", slow_except(["dict", "list", "loop", "flipped"], "dict"))
@pytest.mark.parametrize("seed", slow_except([0, 1, 2], 0))
def test_right_gradients_pass(network, seed):
    report = check(NETWORKS[network], seed=seed)
    assert report.passed, report
    assert report.mistakes == ()
    assert report.relative_error < 1e-7
    assert report.precision == "float64"


def test_a_right_network_in_float32_passes_with_a_looser_tolerance_that_is_noted():
    report = check(SINGLE)
    assert report.passed, report
    assert (report.precision, report.tolerance) == ("float32", 1e-2)
    assert any("computes in float32" in note for note in report.notes)


MISTAKES = [
    ("dict", "softmax_twice", ALL, [("dz3 /= n_images", P + "dz3 *= q * (1 - q) / n_images")]),
    ("list", "softmax_twice", ALL, [("(p - targets) / B", "(p - targets) / B * p * (1 - p)")]),
    ("loop", "softmax_twice", ALL, [("[y]) / n", JACOBIAN)]),
    ("dict", "divided_by_batch_twice", ALL, [("dz3 /= n_images", "dz3 /= n_images**2")]),
    ("list", "divided_by_batch_twice", ALL, [("(p - targets) / B", "(p - targets) / B / B")]),
    ("loop", "divided_by_batch_twice", BIASES, [("error.sum(axis=0,", "error.mean(axis=0,")]),
    ("dict", "not_divided_by_batch", ALL, [("dz3 /= n_images", "pass")]),
    ("list", "not_divided_by_batch", ALL, [("(p - targets) / B", "(p - targets)")]),
    ("loop", "not_divided_by_batch", ALL, [("[y]) / n", "[y])")]),
    ("dict", "l2_missing", WEIGHTS, [(" + l2 * p", " + 0 * p")]),
    ("list", "l2_missing", WEIGHTS, [(" + DECAY * V", ""), (" + DECAY * W", "")]),
    ("loop", "l2_missing", WEIGHTS, [(" + l2 * W", "")]),
    ("dict", "l2_twice", WEIGHTS, [(" + l2 * p", " + 2 * l2 * p")]),
    ("list", "l2_twice", WEIGHTS, [(" + DECAY * V", " + 2 * DECAY * V"), (" + DECAY * W", " + 2 * DECAY * W")]),
    ("loop", "l2_twice", WEIGHTS, [(" + l2 * W", " + l2 * W + l2 * W")]),
    ("dict", "l2_on_biases", BIASES, [(f"z{i}.sum({AXIS})", f"z{i}.sum({AXIS}) + l2 * p['b{i}']") for i in (1, 2, 3)]),
    ("list", "l2_on_biases", BIASES, [("ta.sum(0)", "ta.sum(0) + .01 * c[0]"), ("z.sum(0)", "z.sum(0) + .01 * b[0]")]),
    ("loop", "l2_on_biases", BIASES, [(f"error.sum({AXIS})", f"error.sum({AXIS}) + l2 * b")]),
    ("dict", "l2_half", WEIGHTS, [("l2 / 2 *", "l2 *")]),
    ("list", "l2_not_in_loss", WEIGHTS, [("DECAY / 2 *", "0 *")]),
    ("dict", "l2_divided_by_batch", WEIGHTS, [(" + l2 * p", " + l2 / n_images * p")]),
    ("dict", "mask_missing", "W1 b1 W2 b2", [(" * (z2 > 0)", "")]),
    ("dict", "mask_missing", "W1 b1", [(" * (z1 > 0)", "")]),
    ("loop", "mask_missing", "W1 b1 W2 b2", [(" * slope(sums[i - 1])", "")]),
    ("list", "mask_missing", "W1 b1", [("dh * (1 - h**2)", "dh")]),
    ("dict", "mask_from_wrong_layer", "W1 b1", [("(z1 > 0)", "(z2 > 0)")]),
    ("dict", "mask_from_wrong_layer", "W1 b1 W2 b2", [("(z2 > 0)", "(z3 > 0)")]),
    ("loop", "mask_from_wrong_layer", "W1 b1 W2 b2", [("slope(sums[i - 1])", "slope(sums[i])")]),
    ("loop", "mask_from_wrong_layer", "W1 b1 W2 b2", [("sums[i - 1]", "activations[i - 1]")]),
    ("dict", "transposed_weight", "W1 b1 W2 b2", [('p["W3"].T', 'p["W3"]')]),
    ("dict", "transposed_weight", "W1 b1", [('p["W2"].T', 'p["W2"]')]),
    ("list", "transposed_weight", "W1 b1", [("V.T", "V")]),
    ("loop", "transposed_weight", "W1 b1 W2 b2", [("W.T", "W")]),
    ("dict", "transposed_gradient", "W1", [("x.T @ dz1", "dz1.T @ x")]),
    ("list", "transposed_gradient", "W2", [("h.T.dot(delta)", "delta.T.dot(h)")]),
    ("dict", "accumulated", ALL, [("loss, {\n", "loss, add({\n"), ("\n    }\n", "\n    })\n"), ("\n\ndef loss", ADD)]),
    ("list", "accumulated", "b1", [("0.01", "0.01\nkept = [0]"), ("= dz.sum(0)", "= kept[0] = kept[0] + dz.sum(0)")]),
    ("dict", "overflow", "", [("z3 - z3.max(axis=1, keepdims=True)", "z3")]),
    ("list", "overflow", ALL, [("logits - np.max(logits, axis=-1, keepdims=True)", "logits")]),
    ("loop", "overflow", "", [("scores.max(1, keepdims=True)", "np.zeros((n, 1))")]),
    ("dict", "wrong_sign", ALL, [("dz3 /= n_images", "dz3 /= -n_images")]),
    ("list", "slope_at_activation", "W1 b1", [("(1 - h**2)", "(1 - np.tanh(h)**2)")]),
]  # fmt: skip


# By default the first mistake of every fourth kind; the slow tests have each kind in one way to write it, the full
# ones in all ways.
FIRST = list({row[1]: row for row in reversed(MISTAKES)}.values())[::4]
LAST = list({row[1]: row for row in MISTAKES}.values())


@pytest.mark.parametrize(
    ("network", "kind", "spoilt", "edits"),
    [row if row in FIRST else slow(row) if row in LAST else full(row) for row in MISTAKES],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_classic_mistake_is_named_with_the_parameters_it_spoils(network, kind, spoilt, edits):
    report = check(edited(network, *edits))
    assert [mistake.kind for mistake in report.mistakes] == [kind], report
    wanted = (spoilt[network] if isinstance(spoilt, dict) else spoilt).split()
    assert list(report.mistakes[0].parameters) == wanted
    assert not report.passed
    assert report.unexplained == ()
    assert report.mistakes[0].what in str(report)
    assert report.mistakes[0].fix in str(report)


OTHERS = [
    ("dict", "W1 b1", [('p["W2"].T', '(1.1 * p["W2"].T)')]),
    ("dict", "W2", [('"W2": a1.T @ dz2', '"W2": a1.T @ dz2 + 0.01 * (np.arange(a1.shape[1])[:, None] == 2)')]),
    ("list", "b1", [("dz.sum(0)", "dz.sum(0) + 0.05")]),
    ("list", "W1 b1 W2 b2", [("(p - targets) / B", "1.3 * (p - targets) / B")]),
    ("list", "W1 b1", [("(1 - h**2)", "(1 - h)")]),
    ("loop", "W1 b1 W2 b2 W3 b3", [("- np.eye", "- 0.9 * np.eye")]),
    ("flipped", "second shift first offset", [("2 * miss * s * (1 - s)", "2 * miss * s")]),
]


@pytest.mark.slow
@pytest.mark.parametrize(("network", "wrong", "edits"), OTHERS)
def test_a_mistake_of_another_kind_is_reported_as_wrong_without_a_guess(network, wrong, edits):
    report = check(edited(network, *edits))
    assert not report.passed
    assert report.mistakes == ()
    assert list(report.unexplained) == wrong.split()
    assert f"no known mistake explains {', '.join(wrong.split())}" in str(report)


def test_the_row_of_a_wrong_parameter_says_where_it_is_most_wrong():
    report = check(
        edited("dict", ('"b2": dz2.sum(axis=0, keepdims=True)', '"b2": dz2.sum(axis=0, keepdims=True) + np.eye(6)[3]'))
    )
    row = next(row for row in report.parameters if not row.is_right)
    assert (row.name, row.at, row.n_checked) == ("b2", "[0, 3]", 6)
    assert row.reported - row.numeric == pytest.approx(1, abs=1e-8)
    assert [row.is_right for row in report.parameters].count(False) == 1


def test_two_mistakes_at_once_are_both_named():
    report = check(edited("dict", ("dz3 /= n_images", "dz3 /= n_images**2"), (" + l2 * p", " + 0 * p")))
    assert {mistake.kind for mistake in report.mistakes} == {"divided_by_batch_twice", "l2_missing"}
    report = check(edited("dict", (" * (z1 > 0)", ""), ("z3 - z3.max(axis=1, keepdims=True)", "z3")))
    assert [mistake.kind for mistake in report.mistakes] == ["mask_missing", "overflow"]


WRONG_AXIS = [
    ("dict", [("sum(axis=1, keepdims=True))", "sum(axis=0, keepdims=True))")]),
    (
        "loop",
        [
            ("scores.max(1, keepdims=True)", "scores.max(0, keepdims=True)"),
            ("np.exp(scores - top).sum(1, keepdims=True)", "np.exp(scores - top).sum(0, keepdims=True)"),
            ("normalizer[:, 0] - scores[np.arange(n), y]", "(normalizer - scores)[np.arange(n), y]"),
        ],
    ),
    ("list", [("np.max(logits, axis=-1,", "np.max(logits, axis=0,"), ("np.sum(e, axis=-1,", "np.sum(e, axis=0,")]),
]


@pytest.mark.parametrize(("network", "edits"), slow_except(WRONG_AXIS, WRONG_AXIS[0]))
@pytest.mark.slow
def test_a_softmax_over_the_wrong_axis_is_named_and_not_called_an_overflow(network, edits):
    report = check(edited(network, *edits))
    assert [mistake.kind for mistake in report.mistakes] == ["softmax_wrong_axis"]
    assert report.unexplained == ()
    assert "overflow:" not in str(report)


UNSTABLE = ("logits - np.max(logits, axis=-1, keepdims=True)", "logits")
SINE = [("h = np.tanh(np.dot(inputs, W) + b)", "z = np.dot(inputs, W) + b; h = np.sin(z)"), ("(1 - h**2)", "np.cos(z)")]
KNOWN_AND_UNKNOWN = {
    "l2 in the same parameter": (
        *("dict", [(" + l2 * p", " + 0 * p"), ("x.T @ dz1", "1.3 * x.T @ dz1")]),
        *("l2_missing", "W1 W2 W3", "W1"),
    ),
    "another parameter": (
        *("dict", [(" * (z2 > 0)", ""), (f"dz3.sum({AXIS})", f"1.3 * dz3.sum({AXIS})")]),
        *("mask_missing", "W1 b1 W2 b2", "b3"),
    ),
    "a parameter that the mistake spoils": (
        *("dict", [(" * (z2 > 0)", ""), ("x.T @ dz1", "1.3 * x.T @ dz1")]),
        *("mask_missing", "b1 W2 b2", "W1"),
    ),
    "an overflow": ("list", [UNSTABLE, ("dW = ", "dW = 1.3 * ")], "overflow", ALL["list"], "W1"),
    "only an overflow": ("list", [UNSTABLE, *SINE], "overflow", ALL["list"], ""),
}


@pytest.mark.parametrize(
    ("network", "edits", "kind", "spoilt", "unexplained"),
    slow_except(KNOWN_AND_UNKNOWN.values(), KNOWN_AND_UNKNOWN["l2 in the same parameter"]),
)
def test_an_unexplained_parameter_is_named_beside_a_known_mistake(network, edits, kind, spoilt, unexplained):
    report = check(edited(network, *edits))
    assert [(mistake.kind, " ".join(mistake.parameters)) for mistake in report.mistakes] == [(kind, spoilt)], report
    assert " ".join(report.unexplained) == unexplained
    assert (f"no known mistake explains {unexplained}\n" in str(report)) == bool(unexplained)
    assert report.as_dict()["unexplained"] == unexplained.split()


def test_a_transposed_gradient_with_its_l2_term_is_one_mistake():
    report = check(edited("dict", ('x.T @ dz1 + l2 * p["W1"]', '(x.T @ dz1 + l2 * p["W1"]).T')))
    assert [mistake.kind for mistake in report.mistakes] == ["transposed_gradient"]
    assert report.unexplained == ()


def test_with_equal_widths_a_mistake_is_named_that_is_an_error_with_others():
    source = edited("dict", ('p["W3"].T', 'p["W3"]'))
    line = source[: source.index('dz3 @ p["W3"]')].count("\n") + 1
    where = f"mine.py line {line}: ValueError: matmul"
    assert any(note.startswith(f"with layers of different widths it fails: {where}") for note in check(source).notes)
    with pytest.raises(ConfigError, match=re.escape(where)):
        check(source, sizes=(8, 7, 6, 5))


def test_log_of_a_probability_that_rounds_to_zero_is_noted_and_no_mistake():
    report = check(LIST)
    assert report.passed
    assert any("log(0)" in note for note in report.notes)
    assert not any("log(0)" in note for note in check(EXAMPLE).notes)


@pytest.mark.parametrize(
    "activation",
    slow_except(
        ["np.maximum(z, 0.01 * z)", "np.logaddexp(z, 0)", "z / (1 + np.exp(-z))", "np.sin(z)"],
        "np.logaddexp(z, 0)",
        "np.sin(z)",
    ),
)
def test_gradients_are_checked_whatever_the_activation_and_named_where_it_is_known(activation):
    source = edited("list", ("h = np.tanh(np.dot(inputs, W) + b)", f"z = np.dot(inputs, W) + b\n    h = {activation}"))
    report = check(source)  # with tanh's derivative: wrong for all of these
    assert report.unexplained == ("W1", "b1")
    assert (report.network is None) == ("sin" in activation)


def test_a_transposed_gradient_of_other_widths_is_an_error_that_says_so():
    source = edited("dict", ("x.T @ dz1 + l2 * p", "(x.T @ dz1).T + 0 * p"), ('0 * p["W1"]', "0"))
    with pytest.raises(ShapeError, match=re.escape("W1 has shape (7, 8), W1 itself (8, 7): is it transposed?")):
        check(source, sizes=(8, 7, 6, 5))


# The function for notebooks


def function_of(source):
    code = {"__name__": "own"}
    exec(compile(source, "mine.py", "exec"), code)
    return code["loss_and_gradients"]


def small(seed=0, sizes=(4, 3, 3), n_images=7):
    rng = np.random.default_rng(seed)
    weights = []
    for n_in, n_out in pairwise(sizes):
        weights += [rng.normal(size=(n_in, n_out)), rng.normal(size=n_out)]
    return weights, rng.normal(size=(n_images, sizes[0])), np.eye(sizes[-1])[rng.integers(0, sizes[-1], n_images)]


def test_the_function_is_public_and_leaves_its_arguments_as_they_were():
    weights, x, targets = small()
    before = [w.copy() for w in weights]
    report = barenet.check_own_gradients(function_of(LIST), weights, x, targets)
    assert report.passed
    assert all(np.array_equal(a, b) for a, b in zip(weights, before, strict=True))
    assert repr(report) == str(report)
    assert "all gradients agree" in str(report)
    assert report.as_dict()["passed"] is True


def test_a_transposed_square_weight_is_named():
    weights, x, targets = small()
    report = barenet.check_own_gradients(function_of(edited("list", ("V.T", "V"))), weights, x, targets)
    assert [mistake.kind for mistake in report.mistakes] == ["transposed_weight"]


def test_float32_parameters_are_checked_in_float64():
    weights, x, targets = small()
    report = barenet.check_own_gradients(function_of(LIST), [w.astype(np.float32) for w in weights], x, targets)
    assert (report.passed, report.precision) == (True, "float64")


def test_biases_of_zero_do_not_hide_an_l2_term_on_them():
    weights, x, targets = small()
    weights[1][:] = weights[3][:] = 0
    wrong = edited("list", ("delta.sum(0)", "delta.sum(0) + DECAY * c"))
    report = barenet.check_own_gradients(function_of(wrong), weights, x, targets)
    assert [(m.kind, m.parameters) for m in report.mistakes] == [("l2_on_biases", ("b2",))]
    assert any("came as zeros" in note for note in report.notes)


def test_large_matrices_are_sampled():
    weights, x, targets = small(sizes=(60, 30, 3))
    report = barenet.check_own_gradients(function_of(LIST), weights, x, targets, max_coordinates=50)
    assert [row.n_checked + row.n_skipped for row in report.parameters][:2] == [50, 30]
    assert report.passed


def test_coordinates_at_a_kink_are_left_out_and_counted():
    def kinked(parameters, x, labels):
        w = parameters["w"]
        return float(np.sum(np.abs(w - 1) * x[0])), {"w": np.sign(w - 1) * x[0]}

    w, x = np.array([1.0, *np.linspace(2, 3, 199)]), np.ones((1, 200))
    report = barenet.check_own_gradients(kinked, {"w": w}, x, np.zeros(1, int))
    assert (report.parameters[0].n_skipped, report.passed) == (1, True)
    assert any("1 of 200 coordinates of w lie at a kink" in note for note in report.notes)


# Results that cannot be checked

GOOD = "\n    g = {k: 2 * v for k, v in p.items()}\n    loss = sum(np.sum(v**2) for v in p.values())\n    "
BROKEN = [
    ("return g, loss", "loss comes first"),
    ("return loss", "must return two things, loss and gradients; it returns"),
    ("return loss, g, 1", "it returns 3 things"),
    ("return np.zeros(3), g", "must return one number as the loss, got an array of shape (3,)"),
    ("return 'much', g", "must return one number as the loss, got a str"),
    ("return loss, None", "must be a dict or a list of arrays, got None"),
    ("g['W1'] = None\n    return loss, g", "W1 in the gradients that loss_and_gradients returns must be an array"),
    (
        "del g['W2']\n    return loss, g",
        "returns gradients without W2; they must be named and nested as the parameters",
    ),
    ("g['dW'] = g['W1']\n    return loss, g", "returns gradients with dW"),
    ("return loss, list(g.values())", "returns gradients without W1, b1"),
    ("g['b1'] = g['b1'][:, :2]\n    return loss, g", "gradient of b1 has shape (1, 2), b1 itself (1, 7)"),
    ("g['W2'][1, 2] = np.nan\n    return loss, g", "the gradient of W2 holds nan at [1, 2]"),
    ("return np.inf, g", "returns a loss of inf"),
    ("p['W1'] -= 0.1 * g['W1']\n    return loss, g", "changes W1 in place"),
    ("x *= 2\n    return loss, g", "changes x in place"),
    ("return loss + np.random.default_rng().random(), g", "when called again with the same arguments"),
    ("return loss, undefined", "mine.py line 6: NameError: name 'undefined' is not defined"),
    ("raise SystemExit", "mine.py line 6: SystemExit"),
]


@pytest.mark.parametrize(("line", "words"), BROKEN)
def test_a_wrong_result_is_reported_in_one_line(line, words):
    source = f"import numpy as np\n\ndef loss_and_gradients(p, x, labels):{GOOD}{line}\n"
    with pytest.raises((ConfigError, ShapeError)) as caught:
        check(source)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("parameters", "x", "labels", "words"),
    [
        (3.0, np.ones((2, 4)), [0, 1], "parameters must be a dict or a list of arrays, got a float"),
        ({}, np.ones((2, 4)), [0, 1], "there is no array in parameters"),
        ({"W": "text"}, np.ones((2, 4)), [0, 1], "W in parameters must be an array of real numbers, got a str"),
        ([np.ones(2), np.array([1, np.nan])], np.ones((2, 4)), [0, 1], "parameter [1] holds nan at [1]"),
        (
            [np.ones(2)],
            np.ones((2, 4)),
            [0, 1, 2],
            "x and labels must have as many rows, or as many columns, got shapes (2, 4) and (3,)",
        ),
        ([np.ones(2)], np.full((2, 4), np.inf), [0, 1], "x holds inf at [0, 0], and 7 more like it"),
    ],
)
def test_arguments_that_cannot_be_checked_are_refused(parameters, x, labels, words):
    with pytest.raises((ConfigError, ShapeError)) as caught:
        barenet.check_own_gradients(lambda p, x, y: (0.0, p), parameters, x, labels)
    assert words in str(caught.value)


@pytest.mark.parametrize("guard", slow_except([1e-12, 1e-8, 1e-7], 1e-8))
def test_a_small_number_inside_the_logarithm_is_no_mistake_and_hides_none(guard):
    guarded = ("np.log(p)", f"np.log(p + {guard})")
    report = check(edited("list", guarded))
    assert report.passed, report
    assert any("log(p + " in note for note in report.notes) == (guard > 1e-12)
    report = check(edited("list", guarded, ("(p - targets) / B", "(p - targets) / B * p * (1 - p)")))
    assert [mistake.kind for mistake in report.mistakes] == ["softmax_twice"]


def test_other_names_of_parameters_bring_a_hint():
    source = EXAMPLE.replace('"W1"', '"w1"')
    with pytest.raises(ConfigError, match=r"KeyError: 'w1'.*unless the file defines parameters"):
        check(source)


def test_a_maker_that_takes_only_so_many_sizes_is_given_so_many():
    maker = (
        "\n\ndef init_parameters(sizes):\n    a, b, c = sizes\n    return [np.ones((a, b)) + np.eye(a, b), np.ones(b)"
        ", np.eye(b, c), np.zeros(c)]\n"
    )
    report = check(LIST + maker)
    assert report.passed, report
