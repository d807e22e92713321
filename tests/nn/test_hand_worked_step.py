"""One step of a two-layer network worked out on paper, and a hundred steps of a large one beside the textbook."""

from __future__ import annotations

import math

import numpy as np
import pytest
import textbook

from barenet.nn import MLP, SGD, Workspace
from barenet.nn.losses import make_loss

# Two inputs, two ReLU units, two classes, two images. L stands for ln 3, so that softmax gives fractions.
#
#     x = | 1  2 |    W1 = | 1    -1 |    b1 = (1/2, 1)    W2 = |  L/2 + 1     1 |    b2 = (1/4, 1/4)
#         | 2 -1 |         | 1/2   1 |                          | -5L/8 - 2   -2 |    labels = (0, 1)
#
# Forward
#     z1 = x W1 + b1    image 1: (1 + 1 + 1/2, -1 + 2 + 1) = (5/2, 2)
#                       image 2: (2 - 1/2 + 1/2, -2 - 1 + 1) = (2, -2)
#     a1 = relu(z1)     (5/2, 2) and (2, 0)
#     z2 = a1 W2 + b2   image 1: 5/2 (L/2 + 1) + 2 (-5L/8 - 2) + 1/4 = 5L/4 + 5/2 - 5L/4 - 4 + 1/4 = -5/4
#                                5/2 - 4 + 1/4 = -5/4              equal, so  p = (1/2, 1/2)
#                       image 2: 2 (L/2 + 1) + 1/4 = L + 9/4
#                                2 + 1/4 = 9/4                     L apart, so p = (3/4, 1/4)
#     loss = (-ln 1/2 - ln 1/4) / 2 = (3/2) ln 2
#
# Backward
#     dz2 = (p - one_hot) / 2    image 1: (-1/4, 1/4)    image 2: (3/8, -3/8)
#     dW2 = a1^T dz2             row 1: 5/2 (-1/4) + 2 (3/8) = 1/8, and -1/8    row 2: 2 (-1/4) = -1/2, and 1/2
#     db2 = sum dz2              (-1/4 + 3/8, ...) = (1/8, -1/8)
#     da1 = dz2 W2^T             as dz2 = (d, -d): d (column 1 - column 2 of W2) = d (L/2, -5L/8)
#                                image 1: -1/4 (L/2, -5L/8) = (-L/8, 5L/32)
#                                image 2:  3/8 (L/2, -5L/8) = (3L/16, -15L/64)
#     dz1 = da1 where z1 > 0     (-L/8, 5L/32) and (3L/16, 0)
#     dW1 = x^T dz1              row 1: -L/8 + 2 (3L/16) = L/4, and 5L/32
#                                row 2: -2L/8 - 3L/16 = -7L/16, and 2 (5L/32) = 5L/16
#     db1 = sum dz1              (-L/8 + 3L/16, 5L/32) = (L/16, 5L/32)
#
# SGD with learning rate 1/2 and l2 = 1/10: W -= 1/2 (dW + W/10) = 0.95 W - dW/2, and b -= db/2.
L = math.log(3)
X = np.array([[1.0, 2.0], [2.0, -1.0]])
LABELS = np.array([0, 1])
START = {
    "W1": [[1, -1], [0.5, 1]],
    "b1": [[0.5, 1]],
    "W2": [[L / 2 + 1, 1], [-5 * L / 8 - 2, -2]],
    "b2": [[0.25, 0.25]],
}
LOGITS = [[-5 / 4, -5 / 4], [L + 9 / 4, 9 / 4]]
LOSS = 1.5 * math.log(2)
GRADIENTS = {
    "W1": [[L / 4, 5 * L / 32], [-7 * L / 16, 5 * L / 16]],
    "b1": [[L / 16, 5 * L / 32]],
    "W2": [[1 / 8, -1 / 8], [-1 / 2, 1 / 2]],
    "b2": [[1 / 8, -1 / 8]],
}
AFTER = {
    "W1": [[0.95 - L / 8, -0.95 - 5 * L / 64], [0.475 + 7 * L / 32, 0.95 - 5 * L / 32]],
    "b1": [[0.5 - L / 32, 1 - 5 * L / 64]],
    "W2": [[0.95 * (L / 2 + 1) - 1 / 16, 0.95 + 1 / 16], [0.95 * (-5 * L / 8 - 2) + 1 / 4, -1.9 - 1 / 4]],
    "b2": [[0.25 - 1 / 16, 0.25 + 1 / 16]],
}


def paper_network(dtype=np.float64):
    mlp = MLP(2, (2,), 2, initializer=None, dtype=dtype)
    for name, value in START.items():
        mlp.parameters.views[name][...] = value
    return mlp


def test_forward_agrees_with_the_paper():
    np.testing.assert_allclose(paper_network().forward(X), LOGITS, rtol=0, atol=1e-12)


def test_loss_and_gradients_agree_with_the_paper():
    loss, gradients = paper_network().loss_and_gradients(X, LABELS)
    assert float(loss) == pytest.approx(LOSS, abs=1e-12)
    for name, expected in GRADIENTS.items():
        np.testing.assert_allclose(gradients[name], expected, rtol=0, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("clip_norm", [np.inf, 1e9], ids=["plain", "with clipping"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-6)])
def test_one_step_of_sgd_with_l2_agrees_with_the_paper(dtype, tolerance, clip_norm):
    mlp = paper_network(dtype)
    optimizer = SGD(mlp.parameters.values, mlp.parameters.n_decayed, l2=0.1, clip_norm=clip_norm)
    workspace = Workspace(mlp, 2)
    logits = mlp.forward(X.astype(dtype), workspace, training=True)
    make_loss("cross_entropy")(logits, LABELS, dlogits=workspace.dlogits)
    mlp.backward(workspace)
    optimizer.step(mlp.parameters.grads, 0.5)
    for name, expected in AFTER.items():
        np.testing.assert_allclose(mlp.parameters.views[name], expected, rtol=0, atol=tolerance, err_msg=name)


def test_the_textbook_network_agrees_with_the_paper_too():
    network = textbook.ReluNetwork([START["W1"], START["W2"]], [START["b1"], START["b2"]])
    assert network.step(X, LABELS, 0.5, 0.1) == pytest.approx(LOSS, abs=1e-12)
    for i in (1, 2):
        np.testing.assert_allclose(network.weights[i - 1], AFTER[f"W{i}"], rtol=0, atol=1e-12)
        np.testing.assert_allclose(network.biases[i - 1], AFTER[f"b{i}"][0], rtol=0, atol=1e-12)


def test_a_hundred_float32_steps_stay_with_the_float64_textbook():
    rng = np.random.default_rng(0)
    mlp = MLP(784, (128, 32), 10, seed=0)
    views = mlp.parameters.views
    reference = textbook.ReluNetwork([views[f"W{i}"] for i in (1, 2, 3)], [views[f"b{i}"] for i in (1, 2, 3)])
    optimizer = SGD(mlp.parameters.values, mlp.parameters.n_decayed, l2=1e-3)
    workspace, loss = Workspace(mlp, 16), make_loss("cross_entropy")
    start = mlp.parameters.values.copy()
    for _ in range(100):
        x, labels = rng.random((16, 784), np.float32), rng.integers(0, 10, 16)
        logits = mlp.forward(x, workspace, training=True)
        value = loss(logits, labels, dlogits=workspace.dlogits)
        mlp.backward(workspace)
        optimizer.step(mlp.parameters.grads, 0.05)
        assert float(value) == pytest.approx(reference.step(x, labels, 0.05, 1e-3), rel=1e-4)
    assert np.linalg.norm(mlp.parameters.values - start) > 0.03 * np.linalg.norm(start)  # the weights really changed
    for i in (1, 2, 3):
        for ours, theirs in ((views[f"W{i}"], reference.weights[i - 1]), (views[f"b{i}"][0], reference.biases[i - 1])):
            assert np.linalg.norm(ours - theirs) < 1e-5 * np.linalg.norm(theirs)


@pytest.mark.extra
def test_scikit_learn_takes_the_same_steps():
    neural_network = pytest.importorskip("sklearn.neural_network")
    rng = np.random.default_rng(1)
    mlp = MLP(20, (12, 7), 4, activation="tanh", initializer="glorot", seed=3, dtype=np.float64)
    parameters = mlp.parameters
    # Its penalty is divided by the number of images in the batch: alpha = 16 l2.
    theirs = neural_network.MLPClassifier(
        (12, 7), activation="tanh", solver="sgd", alpha=16 * 0.01, batch_size=16, learning_rate_init=0.1,
        momentum=0.9, nesterovs_momentum=False, shuffle=False,
    )  # fmt: skip
    batches = [(rng.normal(size=(16, 20)), rng.permutation(np.arange(16) % 4)) for _ in range(20)]
    theirs.partial_fit(*batches[0], classes=np.arange(4))  # makes its arrays, which then get our first weights
    for i in (1, 2, 3):
        theirs.coefs_[i - 1][...] = parameters.views[f"W{i}"]
        theirs.intercepts_[i - 1][...] = parameters.views[f"b{i}"][0]
    for velocity in theirs._optimizer.velocities:
        velocity[...] = 0
    optimizer = SGD(parameters.values, parameters.n_decayed, momentum=0.9, l2=0.01)
    for x, labels in batches:
        theirs.partial_fit(x, labels)
        _, gradients = mlp.loss_and_gradients(x, labels)
        for name, gradient in gradients.items():
            parameters.grad_views[name][...] = gradient
        optimizer.step(parameters.grads, 0.1)
    for i in (1, 2, 3):
        np.testing.assert_allclose(parameters.views[f"W{i}"], theirs.coefs_[i - 1], rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(parameters.views[f"b{i}"][0], theirs.intercepts_[i - 1], rtol=1e-9, atol=1e-11)
