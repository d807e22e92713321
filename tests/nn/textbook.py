"""The textbook's formulas: scalars, loops and float64, slow on purpose, with no code of barenet.

The tests in this folder compare with them.
"""

from __future__ import annotations

import math

import numpy as np


def sigmoid(z):
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


def gelu(z):
    return 0.5 * z * (1 + math.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)))


# Element-wise activations as functions of one Python float.
FORMULAS = {
    "relu": lambda z: z if z > 0 else 0.0,
    "leaky_relu": lambda z: z if z > 0 else 0.01 * z,
    "sigmoid": sigmoid,
    "tanh": math.tanh,
    "elu": lambda z: z if z > 0 else math.expm1(z),
    "gelu": gelu,
    "silu": lambda z: z * sigmoid(z),
    "softplus": lambda z: max(z, 0.0) + math.log1p(math.exp(-abs(z))),
    "identity": lambda z: z,
}


def apply(name, z):
    """Return FORMULAS[name] of every element of `z`, float64."""
    return np.array([FORMULAS[name](float(value)) for value in np.ravel(z)]).reshape(np.shape(z))


def slope(name, z):
    """Return the derivative of FORMULAS[name] at every element of `z` by a central difference."""
    z = np.asarray(z, np.float64)
    h = 1e-5
    return (apply(name, z + h) - apply(name, z - h)) / ((z + h) - (z - h))


def softmax_row(z):
    """Return the softmax of one row as Python floats."""
    largest = max(z)
    exponentials = [math.exp(value - largest) for value in z]
    total = math.fsum(exponentials)
    return [value / total for value in exponentials]


def softmax(z):
    """Return the softmax along the last axis, float64."""
    rows = np.asarray(z, np.float64).reshape(-1, np.shape(z)[-1])
    return np.array([softmax_row([float(v) for v in row]) for row in rows]).reshape(np.shape(z))


def cross_entropy(logits, labels, smoothing=0.0):
    """Return the mean over rows of log(sum_c e^z_c) - sum_c q_c z_c, with q = (1 - s) one_hot + s / C."""
    total = []
    for row, label in zip(logits, labels, strict=True):
        z = [float(value) for value in row]
        largest = max(z)
        log_sum = largest + math.log(math.fsum(math.exp(value - largest) for value in z))
        q = [smoothing / len(z) + (1 - smoothing) * (c == label) for c in range(len(z))]
        total.append(math.fsum([log_sum, *(-share * value for share, value in zip(q, z, strict=True))]))
    return math.fsum(total) / len(total)


def mean_squared_error(logits, labels):
    """Return the mean over rows and classes of (z_c - [c is the label])^2."""
    squares = [
        (float(value) - (c == label)) ** 2
        for row, label in zip(logits, labels, strict=True)
        for c, value in enumerate(row)
    ]
    return math.fsum(squares) / len(squares)


def hinge(logits, labels):
    """Return the mean over rows of the sum over wrong classes c of max(0, 1 + z_c - z_label)."""
    total = []
    for row, label in zip(logits, labels, strict=True):
        total += [max(0.0, 1 + float(z) - float(row[label])) for c, z in enumerate(row) if c != label]
    return math.fsum(total) / len(logits)


def central_difference(function, x, h=1e-6):
    """Return d function / d x by central differences, an element at a time; `x` is left as it was."""
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        before = x[index]
        x[index] = before + h
        above, high = function(x), x[index]
        x[index] = before - h
        below, low = function(x), x[index]
        x[index] = before
        gradient[index] = (above - below) / (high - low)
    return gradient


class ReluNetwork:
    """Hidden ReLU layers, softmax and cross-entropy, trained by plain SGD with L2, in float64.

    `weights` and `biases` are lists of (D, H) and (H,) arrays and are copied.
    """

    def __init__(self, weights, biases):
        self.weights = [np.array(w, np.float64) for w in weights]
        self.biases = [np.array(b, np.float64).ravel() for b in biases]

    def forward(self, x):
        """Return the activations of every layer from the input to the logits."""
        activations = [np.asarray(x, np.float64)]
        for i, (w, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            z = np.einsum("bd,dh->bh", activations[-1], w) + b
            activations.append(z if i == len(self.weights) - 1 else np.where(z > 0, z, 0.0))
        return activations

    def gradients(self, x, labels):
        """Return the loss and the gradients of weights and biases."""
        activations = self.forward(x)
        delta = softmax(activations[-1])
        delta[np.arange(len(labels)), labels] -= 1
        delta /= len(labels)
        d_weights, d_biases = [], []
        for i in reversed(range(len(self.weights))):
            d_weights.insert(0, np.einsum("bd,bh->dh", activations[i], delta))
            d_biases.insert(0, np.einsum("bh->h", delta))
            delta = np.einsum("bh,dh->bd", delta, self.weights[i]) * (activations[i] > 0)
        return cross_entropy(activations[-1], labels), d_weights, d_biases

    def step(self, x, labels, learning_rate, l2):
        """Take one step of W -= lr (dW + l2 W), b -= lr db; return the loss before it."""
        loss, d_weights, d_biases = self.gradients(x, labels)
        for w, dw in zip(self.weights, d_weights, strict=True):
            w[...] -= learning_rate * (dw + l2 * w)
        for b, db in zip(self.biases, d_biases, strict=True):
            b[...] -= learning_rate * db
        return loss
