"""One training step as a textbook writes it, in float64: whole matrices, no parts, no code of barenet."""

from __future__ import annotations

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def gelu(z):
    return z * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3))) / 2


FORMULAS = {
    "relu": lambda z: np.where(z > 0, z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "elu": lambda z: np.where(z > 0, z, np.exp(np.minimum(z, 0)) - 1),
    "gelu": gelu,
    "silu": lambda z: z * sigmoid(z),
    "softplus": lambda z: np.log(1 + np.exp(z)),
    "identity": lambda z: z,
    "softmax": lambda z: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True),
}


def back(name, z, da):
    """Return dz; of element-wise functions by a central difference, of softmax with the matrix diag(a) - a a^T."""
    if name == "softmax":
        a = FORMULAS[name](z)
        matrices = a[:, :, None] * np.eye(a.shape[1]) - a[:, :, None] * a[:, None, :]
        return np.einsum("bij,bj->bi", matrices, da)
    h = 1e-6
    return da * (FORMULAS[name](z + h) - FORMULAS[name](z - h)) / (2 * h)


def loss_and_dlogits(name, logits, labels, smoothing):
    """Return the mean loss over the batch and its gradient."""
    n, n_classes = logits.shape
    one_hot = np.eye(n_classes)[labels]
    if name == "cross_entropy":
        target = (1 - smoothing) * one_hot + smoothing / n_classes
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        return -(target * np.log(shares)).sum() / n, (shares - target) / n
    if name == "mse":
        return np.mean((logits - one_hot) ** 2), 2 * (logits - one_hot) / logits.size
    own = logits[np.arange(n), labels][:, None]
    margins = np.where(one_hot == 1, 0, np.maximum(0, 1 + logits - own))
    inside = (margins > 0).astype(float)
    return margins.sum() / n, (inside - one_hot * inside.sum(axis=1, keepdims=True)) / n


def gradients(parameters, x, labels, *, activation, loss, smoothing):
    """Return loss, predicted classes and the gradient of each parameter by name; without dropout."""
    n_layers = len(parameters) // 2
    zs, inputs = [], [x]
    for i in range(1, n_layers + 1):
        zs.append(inputs[-1] @ parameters[f"W{i}"] + parameters[f"b{i}"])
        inputs.append(FORMULAS[activation](zs[-1]))
    value, dz = loss_and_dlogits(loss, zs[-1], labels, smoothing)
    found = {}
    for i in range(n_layers, 0, -1):
        found[f"W{i}"], found[f"b{i}"] = inputs[i - 1].T @ dz, dz.sum(axis=0, keepdims=True)
        if i > 1:
            dz = back(activation, zs[i - 2], dz @ parameters[f"W{i}"].T)
    return value, zs[-1].argmax(axis=1), found


def step(parameters, slots, average, grads, t, rate, settings):
    """Take step number t, counted from 1, in place, as `settings` (an optimizer's) say; return the gradient's norm.

    slots: by name and parameter, as barenet keeps them: Adam's moments without the factors (1 - beta).
    """
    norm = np.sqrt(sum((g**2).sum() for g in grads.values()))
    for name, g in grads.items():
        if name.startswith("W"):
            grads[name] = g + settings.l2 * parameters[name]
    if settings.clip_norm is not None:
        clipped = np.sqrt(sum((g**2).sum() for g in grads.values()))
        for name in grads:
            grads[name] = grads[name] * min(1, settings.clip_norm / clipped)
    for name, g in grads.items():
        w = parameters[name]
        if settings.name == "sgd" and not settings.momentum:
            w -= rate * g
        elif settings.name == "sgd":
            v = slots["velocity"][name]
            v[...] = settings.momentum * v + g
            w -= rate * (g + settings.momentum * v if settings.nesterov else v)
        else:
            b1, b2 = settings.beta1, settings.beta2
            m, v = slots["first_moment"][name], slots["second_moment"][name]
            m[...] = b1 * m + g
            v[...] = b2 * v + g**2
            m_hat, v_hat = m * (1 - b1) / (1 - b1**t), v * (1 - b2) / (1 - b2**t)
            if settings.name == "adamw" and name.startswith("W"):
                w -= rate * settings.weight_decay * w
            w -= rate * m_hat / (np.sqrt(v_hat) + settings.epsilon)
        if average is not None:
            d = min(settings.average_decay, (1 + t) / (10 + t))
            average[name][...] = d * average[name] + (1 - d) * w
    return norm
