"""Networks as a textbook has them, with hand-derived gradients, and with one mistake if a test asks for it.

Everything is for rows: z = a @ W + b. `mistake` is the name that the check must give, and changes one line.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from barenet.gradcheck.functions.signature import Form


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z, axis=1):
    e = np.exp(z - np.max(z, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


# The activation, and its derivative in terms of z and a.
ACTIVATIONS = {
    "relu": (lambda z: np.where(z > 0, z, 0), lambda z, a: np.where(z > 0, 1.0, 0.0)),
    "tanh": (np.tanh, lambda z, a: 1 - a * a),
    "sigmoid": (sigmoid, lambda z, a: a * (1 - a)),
    "softplus": (lambda z: np.log(1 + np.exp(z)), lambda z, a: sigmoid(z)),
    "leaky_relu": (lambda z: np.where(z > 0, z, 0.01 * z), lambda z, a: np.where(z > 0, 1.0, 0.01)),
    "silu": (lambda z: z * sigmoid(z), lambda z, a: sigmoid(z) * (1 + z * (1 - sigmoid(z)))),
    "identity": (lambda z: z, lambda z, a: np.ones_like(z)),
    "sine": (np.sin, lambda z, a: np.cos(z)),  # unknown to the check
}
LOSSES = ("cross-entropy", "squared", "squared_mean", "half_squared", "binary", "hinge", "absolute")
L2_RULES = {"l2 / 2": 0.5, "l2": 1.0, "l2 / 2B": None}


@dataclass
class Written:
    """A network with everything that a person chooses."""

    sizes: tuple[int, ...]
    activation: str = "tanh"
    loss: str = "cross-entropy"
    output: str = "softmax"
    l2_rule: str = ""
    l2: float | None = 0.03  # None: handed in
    n_images: int = 12
    mistake: str = ""
    seed: int = 0
    rate: float = 0.3
    parameters: list = field(init=False)
    da: np.ndarray | None = None  # the derivative of the loss with respect to the output, if there is an activation

    def __post_init__(self):
        rng = np.random.default_rng(self.seed)
        self.parameters = []
        for n_in, n_out in pairwise(self.sizes):
            self.parameters += [rng.normal(0, (1.5 / n_in) ** 0.5, (n_in, n_out)), rng.normal(0, 0.3, n_out)]
        self.x = rng.normal(size=(self.n_images, self.sizes[0]))
        n_classes = self.sizes[-1]
        self.y = rng.permutation(np.arange(self.n_images) % max(n_classes, 2))
        self.targets = np.eye(n_classes)[self.y] if n_classes > 1 else self.y[:, None].astype(float)

    def loss_and_slope(self, z, y):
        """Return the loss, and its derivative with respect to the logits."""
        losses = {"cross-entropy": self.cross_entropy, "binary": self.binary, "hinge": self.hinge}
        return losses.get(self.loss, self.of_output)(z, y)

    def cross_entropy(self, z, y):
        p = softmax(z, axis=0 if self.mistake == "softmax_wrong_axis" else 1)
        loss = -np.sum(y * np.log(p)) / len(z)
        if self.mistake == "softmax_left_out":
            return loss, -y / p / len(z)
        if self.mistake == "softmax_wrong_axis in the gradient":
            p = softmax(z, axis=0)
        return loss, (p - y) / len(z)

    def binary(self, z, y):
        s = sigmoid(z)
        loss = -np.sum(y * np.log(s) + (1 - y) * np.log(1 - s)) / len(z)
        left_out = s * (1 - s) if self.mistake == "output_slope_missing" else 1
        return loss, (s - y) / left_out / len(z)

    def hinge(self, z, y):
        right = np.sum(z * y, axis=1)[:, None]
        margins = (z - right + 1) * (1 - y)
        above = np.where(margins > 0, 1.0, 0.0)
        return np.sum(above * margins) / len(z), (above - y * above.sum(axis=1)[:, None]) / len(z)

    def of_output(self, z, y):
        """Return a loss of a = f(z), and its derivative by z."""
        B = len(z)
        a = softmax(z) if self.output == "softmax" else ACTIVATIONS[self.output][0](z)
        if self.loss == "absolute":  # unknown to the check
            loss, da = np.sum(np.logaddexp(a - y, y - a)) / B, np.tanh(a - y) / B
        else:
            scale = {"squared": 1 / B, "squared_mean": 1 / z.size, "half_squared": 0.5 / B}[self.loss]
            loss, da = scale * np.sum((a - y) ** 2), 2 * scale * (a - y)
        da = {"averaged_over_outputs": 2 * (a - y) / B, "divided_by_outputs": 2 * (a - y) / z.size}.get(
            self.mistake, da
        )
        self.da = da
        if self.mistake == "cross_entropy_gradient":
            return loss, ((softmax(z) if self.output == "identity" else a) - y) / B
        return loss, da if self.mistake == "output_slope_missing" else self.through_output(da, z, a)

    def through_output(self, da, z, a):
        """Return da times the derivative of the output's activation."""
        if self.output == "softmax":
            jacobian = np.einsum("bi,ij->bij", a, np.eye(a.shape[1])) - np.einsum("bi,bj->bij", a, a)
            if self.mistake == "softmax_elementwise":
                jacobian *= np.eye(a.shape[1])
            return np.einsum("bi,bij->bj", da, jacobian)
        f, slope = ACTIVATIONS[self.output]
        if self.mistake == "output_slope_at_activation":
            return da * slope(a, f(a))
        return da * (slope(z, z) if self.mistake == "output_formula_at_z" else slope(z, a))

    def run(self, parameters, x, y, l2=0.0):
        """Return the loss and the list of gradients."""
        weights, biases, n = list(parameters[::2]), parameters[1::2], len(parameters) // 2
        f, slope = ACTIVATIONS[self.activation]
        strength = l2 if self.l2 is None else self.l2
        factor = {"": 0.0, **L2_RULES}[self.l2_rule]
        factor = strength * (1 / (2 * len(x)) if factor is None else factor)
        z, a = [x], [x]
        for k in range(n):
            z.append(np.dot(a[k], weights[k]) + biases[k])
            a.append(f(z[-1]))
        loss, dz = self.loss_and_slope(z[n], y)
        da = dz if self.da is None else self.da
        loss = loss + factor * sum(np.sum(w**2) for w in weights)
        half = {"l2_half": 0.5, "l2_twice": 2.0, "l2_missing": 0.0}.get(self.mistake, 1.0)
        gradients = [None] * (2 * n)
        for k in reversed(range(n)):
            below = z[k] if self.mistake == "z_for_activation" else a[k]
            dw = below.T @ dz + half * 2 * factor * weights[k]
            over_units = self.mistake == "bias_over_units" and dz.shape[0] == dz.shape[1]
            gradients[2 * k : 2 * k + 2] = [dw, dz.sum(axis=1 if over_units else 0)]
            w = weights[k] - self.rate * dw if self.mistake == "updated_too_early" else weights[k]
            if self.mistake == "error_without_slope":
                dz = da
            if k:
                of_z, of_a = {
                    "formula_at_z": (z[k], z[k]),
                    "slope_at_activation": (a[k], f(a[k])),
                }.get(self.mistake, (z[k], a[k]))
                da = dz @ w.T
                dz = da * slope(of_z, of_a)
        if self.mistake == "bias_forgotten":
            gradients[1::2] = [np.zeros_like(b) for b in biases]
        return loss, gradients

    def form(self):
        """Return the network as code that takes a list, and is not shown as a function of this module."""
        takes_l2 = self.l2 is None and self.l2_rule != ""
        return Form("written", self.run, takes_l2, self.run)


def random_network(seed):
    """Return a right network with random sizes, activation, loss, output, L2 rule and batch."""
    rng = np.random.default_rng(seed)
    loss = str(rng.choice(LOSSES))
    sizes = tuple(int(n) for n in rng.integers(2, 7, rng.integers(2, 5)))
    if loss not in ("cross-entropy", "hinge") and rng.random() < 0.25:
        sizes = (*sizes[:-1], 1)
    output = str(rng.choice(["identity", "sigmoid", "tanh"] + ["softmax"] * (sizes[-1] > 1)))
    return Written(
        sizes,
        activation=str(rng.choice(list(ACTIVATIONS))),
        loss=loss,
        output=output,
        l2_rule=str(rng.choice(["", *L2_RULES])),
        l2=None if rng.random() < 0.4 else float(rng.choice([0.001, 0.03, 0.5])),
        n_images=int(rng.integers(3, 14)),
        seed=seed,
    )


def in_form(network, form, columns):
    """Return the network as a person may have it: code, parameters, x and labels."""
    turned = (lambda array: np.atleast_2d(array).T.copy()) if columns else (lambda array: array)
    arrays = [turned(array) for array in network.parameters]
    names = [f"{kind}{k}" for k in range(1, len(arrays) // 2 + 1) for kind in "Wb"]

    def back(given, l2, x, y):
        if columns:
            given, x, y = [g.T for g in given], x.T, y.T
        loss, gradients = network.run(
            [np.reshape(g, p.shape) for g, p in zip(given, network.parameters, strict=True)], x, y, l2
        )
        return loss, [turned(gradient) for gradient in gradients]

    def list_form(parameters, x, y, l2=0.0):
        return back(parameters, l2, x, y)

    def dict_form(X, Y, parameters, reg=0.0):
        loss, gradients = back([parameters[name] for name in names], reg, X, Y)
        return loss, {f"d{name}": gradient for name, gradient in zip(names, gradients, strict=True)}

    def pairs_form(layers, inputs, targets, lam=0.0):
        loss, gradients = back([array for pair in layers for array in pair], lam, inputs, targets)
        return loss, list(zip(gradients[::2], gradients[1::2], strict=True))

    class Net:
        def __init__(self):
            self.reg = 0.0
            for name, array in zip(names, arrays, strict=True):
                setattr(self, name, array)

        def forward(self, x):
            self.x = x

        def loss(self, x, y):
            return back([getattr(self, name) for name in names], self.reg, x, y)[0]

        def backward(self, y):
            _, gradients = back([getattr(self, name) for name in names], self.reg, self.x, y)
            for name, gradient in zip(names, gradients, strict=True):
                setattr(self, "d" + name, gradient)

    x, y = (network.x.T, network.targets.T) if columns else (network.x, network.targets)
    pairs = list(zip(arrays[::2], arrays[1::2], strict=True))
    parameters = {"list": arrays, "dict": dict(zip(names, arrays, strict=True)), "pairs": pairs, "object": None}[form]
    code = {"list": list_form, "dict": dict_form, "pairs": pairs_form, "object": Net()}[form]
    return code, parameters, x, y


FORMS = ("list", "dict", "pairs", "object")
