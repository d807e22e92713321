"""A small network with its back-propagation, as a function that `barenet gradcheck` can check.

    barenet gradcheck examples/gradients/mine.py:loss_and_gradients

Put a mistake into a line and look at the result of the check. Then replace the function by your network: a function of
parameters, inputs and labels that returns the loss and a gradient for every parameter. Symbols: B images, C classes.
"""

import numpy as np


def loss_and_gradients(parameters, x, labels, l2=0.0):
    """Return the mean cross-entropy plus an L2 term, and the gradient with respect to every weight and bias.

    `parameters` is a dict with W1, b1, W2, b2, W3, b3; x is (B, inputs), labels are integers (B,). The gradients are a
    dict with the same names and shapes.
    """
    p, n_images = parameters, len(x)
    z1 = x @ p["W1"] + p["b1"]
    a1 = np.maximum(z1, 0)
    z2 = a1 @ p["W2"] + p["b2"]
    a2 = np.maximum(z2, 0)
    z3 = a2 @ p["W3"] + p["b3"]

    shifted = z3 - z3.max(axis=1, keepdims=True)  # so that exp cannot overflow
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_probabilities[np.arange(n_images), labels].mean()
    loss += l2 / 2 * sum(np.sum(p[name] ** 2) for name in ("W1", "W2", "W3"))

    dz3 = np.exp(log_probabilities)
    dz3[np.arange(n_images), labels] -= 1
    dz3 /= n_images  # (p - one_hot) / B: divided by B here, and nowhere else
    dz2 = dz3 @ p["W3"].T * (z2 > 0)
    dz1 = dz2 @ p["W2"].T * (z1 > 0)
    return loss, {
        "W1": x.T @ dz1 + l2 * p["W1"],
        "b1": dz1.sum(axis=0, keepdims=True),
        "W2": a1.T @ dz2 + l2 * p["W2"],
        "b2": dz2.sum(axis=0, keepdims=True),
        "W3": a2.T @ dz3 + l2 * p["W3"],
        "b3": dz3.sum(axis=0, keepdims=True),
    }


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    sizes = (20, 16, 12, 5)
    network = {}
    for layer in (1, 2, 3):
        network[f"W{layer}"] = rng.normal(0, sizes[layer - 1] ** -0.5, sizes[layer - 1 : layer + 1])
        network[f"b{layer}"] = np.zeros((1, sizes[layer]))
    loss, gradients = loss_and_gradients(network, rng.normal(size=(16, 20)), rng.integers(0, 5, 16))
    print(f"loss {loss:.4f}")
    for name, gradient in gradients.items():
        print(f"{name} {gradient.shape}: largest {np.abs(gradient).max():.4f}")
