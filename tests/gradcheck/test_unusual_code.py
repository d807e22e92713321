"""Code in unusual styles and with unusual numbers: what is right passes, and no mistake gets a false name."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import barenet
from barenet.errors import ConfigError, ShapeError


def forward(p, x):
    z = x @ p["W1"] + p["b1"]
    a = np.maximum(z, 0)
    return z, a, a @ p["W2"] + p["b2"]


def gradients_of(p, x, z, a, d):
    dz = d @ p["W2"].T * (z > 0)
    return {"W1": x.T @ dz, "b1": dz.sum(axis=0), "W2": a.T @ d, "b2": d.sum(axis=0)}


def with_log_probabilities(p, x, y):
    """Return a cross-entropy that is finite for all logits, and its gradients."""
    z, a, logits = forward(p, x)
    logits = logits - logits.max(axis=1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    d = (np.exp(log_p) - np.eye(log_p.shape[1])[y]) / len(y)
    return -log_p[np.arange(len(y)), y].mean(), gradients_of(p, x, z, a, d)


@pytest.fixture
def drawn():
    rng = np.random.default_rng(0)
    shapes = {"W1": (20, 7), "b1": 7, "W2": (7, 5), "b2": 5}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


PIXELS = np.random.default_rng(1).integers(0, 256, (12, 20)).astype(float)  # the logits are hundreds
LABELS = np.arange(12) % 5


def test_large_logits_give_no_false_name_and_no_warning(drawn):
    def wrong(p, x, y):
        loss, gradients = with_log_probabilities(p, x, y)
        return loss, gradients | {"W1": 1.37 * gradients["W1"]}

    assert barenet.check_own_gradients(with_log_probabilities, drawn, PIXELS, LABELS, max_coordinates=10).passed
    report = barenet.check_own_gradients(wrong, drawn, PIXELS, LABELS, max_coordinates=10)
    assert report.network == "20-7-5, relu, cross-entropy"
    assert (report.mistakes, report.unexplained) == ((), ("W1",))


def test_a_network_that_is_not_known_passes_with_large_logits(drawn):
    def with_fourth_powers(p, x, y):
        loss, gradients = with_log_probabilities(p, x, y)
        return loss + 0.01 * np.sum(p["W1"] ** 4), gradients | {"W1": gradients["W1"] + 0.04 * p["W1"] ** 3}

    report = barenet.check_own_gradients(with_fourth_powers, drawn, PIXELS, LABELS, max_coordinates=10)
    assert report.passed
    assert report.network is None


def test_a_network_in_float32_whose_one_hot_labels_are_float64_passes(drawn):
    def in_two_types(p, x, y):
        p, x = {name: value.astype(np.float32) for name, value in p.items()}, x.astype(np.float32)
        z, a, logits = forward(p, x)
        e = np.exp(logits - logits.max(axis=1, keepdims=True))
        q, of_labels = e / e.sum(axis=1, keepdims=True), np.eye(e.shape[1])[y]
        return -np.sum(of_labels * np.log(q)) / len(y), gradients_of(p, x, z, a, (q - of_labels) / len(y))

    report = barenet.check_own_gradients(in_two_types, drawn, PIXELS / 256, LABELS)
    assert report.passed, report
    assert report.precision == "float32"


def with_chain_rule(p, x, y, subtract):
    """Return a cross-entropy, and its gradients through -y / p and the derivative of softmax."""
    z, a, logits = forward(p, x)
    e = np.exp(logits - subtract(logits))
    q = e / e.sum(axis=1, keepdims=True)
    of_labels = np.eye(q.shape[1])[y]
    dq = -of_labels / q / len(y)
    d = q * (dq - (dq * q).sum(axis=1, keepdims=True))
    return -np.mean(np.log(q[np.arange(len(y)), y])), gradients_of(p, x, z, a, d)


def test_a_probability_of_zero_is_no_overflow_of_softmax(drawn):
    small = {name: 0.3 * value for name, value in drawn.items()}
    x = np.random.default_rng(2).normal(size=(12, 20))

    def right(p, x, y):
        return with_chain_rule(p, x, y, lambda logits: logits.max(axis=1, keepdims=True))

    def overflows(p, x, y):  # if the logits of images differ by more than 745
        return with_chain_rule(p, x, y, np.max)

    report = barenet.check_own_gradients(right, small, x, LABELS, max_coordinates=10)
    assert report.passed
    assert "or 0 be divided by 0" in report.notes[-1]
    report = barenet.check_own_gradients(overflows, small, x, LABELS, max_coordinates=10)
    assert [mistake.kind for mistake in report.mistakes] == ["overflow"]


class Momentum:
    """A network that keeps in an attribute what belongs to each parameter, as its optimizer needs it."""

    def __init__(self, attribute):
        rng = np.random.default_rng(0)
        self.params = {"W1": rng.normal(size=(8, 7)), "b1": rng.normal(size=7)}
        self.params |= {"W2": rng.normal(size=(7, 5)), "b2": rng.normal(size=5)}
        setattr(self, attribute, {name: np.zeros_like(value) for name, value in self.params.items()})

    def loss_and_gradients(self, x, y):
        return with_log_probabilities(self.params, x, y)


@pytest.mark.parametrize("attribute", ["velocity", "_v", "best_params", "h"])
def test_what_an_optimizer_keeps_for_each_parameter_is_no_parameter(attribute):
    report = barenet.check_own_gradients(Momentum(attribute), max_coordinates=2)
    assert report.passed
    assert [row.name for row in report.parameters] == ["W1", "b1", "W2", "b2"]


def test_lists_with_the_momentum_of_each_weight_are_no_parameters():
    class Lists(Momentum):
        def __init__(self):
            super().__init__("h")
            (w1, b1, w2, b2), self.params, self.h = self.params.values(), None, None
            self.weights, self.biases = [w1, w2], [b1, b2]
            self.weights_momentum, self.biases_momentum = [0 * w1, 0 * w2], [0 * b1, 0 * b2]

        def loss_and_gradients(self, x, y):
            names = {"W1": self.weights[0], "b1": self.biases[0], "W2": self.weights[1], "b2": self.biases[1]}
            loss, gradients = with_log_probabilities(names, x, y)
            return loss, [gradients[name] for name in ("W1", "W2", "b1", "b2")]

    report = barenet.check_own_gradients(Lists(), max_coordinates=2)
    assert report.passed
    assert [row.name for row in report.parameters] == ["weights[0]", "weights[1]", "biases[0]", "biases[1]"]


class Leaky:
    """A network that updates its parameters in backward."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.alpha, self.lr, self.mu, self.velocity = 0.01, 0.1, 0.9, {}
        self.W1, self.b1 = rng.normal(size=(8, 7)), rng.normal(size=7)
        self.W2, self.b2 = rng.normal(size=(7, 5)), rng.normal(size=5)

    def forward(self, X, alpha=0.01):
        self.X, self.z = X, X @ self.W1 + self.b1
        self.a = np.where(self.z > 0, self.z, alpha * self.z)
        e = np.exp(self.a @ self.W2 + self.b2)
        return e / e.sum(axis=1, keepdims=True)

    def loss(self, Y, T):
        self.d = (Y - T) / len(T)
        return -np.sum(T * np.log(Y)) / len(T)

    def backward(self):
        dz = self.d @ self.W2.T * np.where(self.z > 0, 1, self.alpha)
        gradients = {"W1": self.X.T @ dz, "b1": dz.sum(0), "W2": self.a.T @ self.d, "b2": self.d.sum(0)}
        for name, gradient in gradients.items():
            self.velocity[name] = self.mu * self.velocity.get(name, 0) - self.lr * gradient
            setattr(self, name, getattr(self, name) + self.velocity[name])
        self.lr *= 0.5


def test_momentum_decay_and_the_slope_of_a_leaky_relu_give_no_other_gradients():
    report = barenet.check_own_gradients(Leaky(), max_coordinates=2)
    assert [row.is_right for row in report.parameters] == [True] * 4, report
    assert not any("called twice" in note for note in report.notes)


@pytest.mark.parametrize(
    ("x", "labels", "words"),
    [
        (
            PIXELS,
            LABELS.astype(str),
            "labels must be an array of real numbers, got an array of shape (12,) and type",
        ),
        (PIXELS, [[1], [2, 3]], "labels must be an array of real numbers, got a list"),
        (
            PIXELS.astype(object),
            LABELS,
            "x must be an array of real numbers, got an array of shape (12, 20) and type",
        ),
    ],
)
def test_inputs_and_labels_that_are_no_numbers_are_refused(drawn, x, labels, words):
    with pytest.raises(ConfigError) as caught:
        barenet.check_own_gradients(with_log_probabilities, drawn, x, labels)
    assert str(caught.value).startswith(words)


def test_lists_of_arrays_in_the_place_of_the_loss_are_refused(drawn):
    arrays = list(drawn.values())
    with pytest.raises(ConfigError, match="must return one number as the loss, got a list"):
        barenet.check_own_gradients(lambda p, x, y: (arrays, arrays), arrays, PIXELS, LABELS)


def separate(x, y, W1, b1, W2, b2, W3, b3, W4, b4, W5, b5):
    raise NotImplementedError


def more_biases(x, y, W1, b1, b2):
    raise NotImplementedError


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (separate, "separate takes 10 arrays, and no network that is tried has such ones; define"),
        (more_biases, "more_biases takes 3 arrays, and no network that is tried has such ones; define"),
    ],
)
def test_more_arrays_than_layers_are_refused_in_one_line(code, words):
    with pytest.raises(ShapeError) as caught:
        barenet.check_own_gradients(code)
    assert str(caught.value).startswith(words)


def test_a_function_with_some_arguments_given_is_checked_as_a_function():
    def with_scale(scale, W, X, y):
        return scale * np.sum((X @ W) ** 2), 2 * scale * X.T @ X @ W

    assert barenet.check_own_gradients(partial(with_scale, 0.3)).passed
