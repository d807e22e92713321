"""A three-layer classifier with the formulas of a lecture: one network, only NumPy, one line for each formula.

    python examples/textbook.py                 # the Fashion-MNIST images that come with barenet
    python examples/textbook.py some/folder     # the four .gz files in a folder

barenet does the same, faster, for any number of layers, and for many networks at once. Symbols: B images in a batch.
"""

import gzip
import os
import sys
from importlib import resources
from itertools import pairwise
from pathlib import Path

# Small matrix products are slower on several threads, many times slower on a busy machine. NumPy reads this at import.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

SIZES = (784, 128, 32, 10)  # pixels, two hidden layers, classes
BATCH_SIZE = 16
L2 = 0.001
LEARNING_RATE, DECAY_RATE, DECAY_STEP, LOWEST_RATE = 0.05, 0.95, 6000, 0.01


def read_data(folder, part):
    """Return images (n, 784), bytes from 0 to 255, and labels (n,) from 0 to 9; part is "train" or "t10k"."""
    images = gzip.decompress((folder / f"{part}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((folder / f"{part}-labels-idx1-ubyte.gz").read_bytes())
    # Each file starts with a few numbers of 4 bytes: a code, how many images, and for images their height and width.
    return np.frombuffer(images, np.uint8, offset=16).reshape(-1, 784), np.frombuffer(labels, np.uint8, offset=8)


def initialize(rng):
    """Draw weights from a normal distribution of variance 1 / (number of inputs); biases start at zero."""
    p = {}
    for layer, (n_in, n_out) in enumerate(pairwise(SIZES), start=1):
        p[f"W{layer}"] = rng.normal(0, n_in**-0.5, (n_in, n_out))
        p[f"b{layer}"] = np.zeros((1, n_out))
    return p


def forward(p, x):
    """Return the outputs of the three layers for images x (B, 784); the last are the probabilities (B, 10)."""
    z1 = x @ p["W1"] + p["b1"]  # z = x W + b            (B, 128)
    a1 = np.maximum(z1, 0)  # relu                       (B, 128)
    z2 = a1 @ p["W2"] + p["b2"]  #                       (B, 32)
    a2 = np.maximum(z2, 0)  #                            (B, 32)
    z3 = a2 @ p["W3"] + p["b3"]  # the logits            (B, 10)
    # softmax: p_c = e^z_c / sum_k e^z_k. Subtracting the largest z changes no p_c, and e^z cannot overflow.
    e = np.exp(z3 - z3.max(axis=1, keepdims=True))
    return a1, a2, e / e.sum(axis=1, keepdims=True)


def cross_entropy(probabilities, labels):
    """Return the mean over the batch of -log(probability of the right class)."""
    return -np.log(probabilities[np.arange(len(labels)), labels]).mean()


def backward(p, x, labels, activations):
    """Return the gradient of the mean cross-entropy with respect to every weight and bias.

    It uses the chain rule, from the loss back to the images. dz3 is the derivative of the loss with respect to z3.
    """
    a1, a2, probabilities = activations
    one_hot = np.eye(10)[labels]
    dz3 = (probabilities - one_hot) / len(x)  # the derivative of softmax and cross-entropy together
    da2 = dz3 @ p["W3"].T  # z3 = a2 W3 + b3
    dz2 = da2 * (a2 > 0)  # the slope of relu is 1 where its output is positive, else 0
    da1 = dz2 @ p["W2"].T
    dz1 = da1 * (a1 > 0)
    return {
        "W3": a2.T @ dz3,  # each weight: its input times the derivative at its output, summed over the batch
        "b3": dz3.sum(axis=0, keepdims=True),
        "W2": a1.T @ dz2,
        "b2": dz2.sum(axis=0, keepdims=True),
        "W1": x.T @ dz1,
        "b1": dz1.sum(axis=0, keepdims=True),
    }


def train_epoch(p, images, labels, order, *, step=0, rate=LEARNING_RATE):
    """Train on the images once, in the given order; change p; return the mean loss, the next step and its rate."""
    losses = []
    for start in range(0, len(order), BATCH_SIZE):
        rows = order[start : start + BATCH_SIZE]
        x, y = images[rows] / 255, labels[rows]
        activations = forward(p, x)
        losses.append(cross_entropy(activations[-1], y))
        for name, gradient in backward(p, x, y, activations).items():
            decay = L2 if name.startswith("W") else 0  # the derivative of (L2 / 2) sum(W^2) is L2 W
            p[name] -= rate * (gradient + decay * p[name])
        step += 1
        if step % DECAY_STEP == 0 and rate > LOWEST_RATE:
            rate *= DECAY_RATE
    return np.mean(losses), step, rate


def accuracy(p, images, labels):
    """Return the share of images whose most probable class is the right one."""
    return np.mean(forward(p, images / 255)[-1].argmax(axis=1) == labels)


def main(folder=None, n_epochs=10, seed=0):
    """Train, and print the accuracy on 2,000 held-out images after each epoch; use the test images once, at the end."""
    folder = Path(folder) if folder else resources.files("barenet.data") / "fashion_mnist"
    images, labels = read_data(folder, "train")
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(images))
    valid, train = shuffled[:2000], shuffled[2000:]
    p, step, rate = initialize(rng), 0, LEARNING_RATE
    for epoch in range(1, n_epochs + 1):
        loss, step, rate = train_epoch(p, images, labels, rng.permutation(train), step=step, rate=rate)
        print(f"epoch {epoch}  train loss {loss:.4f}  valid acc {accuracy(p, images[valid], labels[valid]):.4f}")
    print(f"test acc {accuracy(p, *read_data(folder, 't10k')):.4f}")


if __name__ == "__main__":
    print(__doc__) if "--help" in sys.argv else main(*sys.argv[1:2])
