"""Steps 1 and 2: probabilities and loss of networks that are worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from barenet.kit.checks.formulas import architecture, probabilities
from barenet.kit.checks.numbers import Array, array_of, mistake_in, number_of
from barenet.kit.findings import Findings, Wrong
from barenet.kit.homework import Homework

__all__ = ["check_forward", "check_loss", "make_network"]

LN3 = np.log(3)
# Worked out by hand. Image 1: z1 = (3, -1), a1 = (3, 0), z2 = (2, 1), logits ln 3 * (2, 1) + ln 3 * (0, 2), so the
# probabilities are in the ratio 3^2 : 3^3. The others: 3^0 : 3^5, 3^4 : 3^4, and 3^0 : 3^6 with z2 = (-1, 4).
TINY = {
    "W1": np.array([[1.0, -1.0], [1.0, 1.0]]),
    "b1": np.array([[0.0, -2.0]]),
    "W2": np.array([[1.0, -1.0], [2.0, 1.0]]),
    "b2": np.array([[-1.0, 4.0]]),
    "W3": LN3 * np.eye(2),
    "b3": LN3 * np.array([[0.0, 2.0]]),
}
IMAGES = np.array([[1.0, 2.0], [2.0, -1.0], [0.0, 3.0], [-1.0, 0.0]])
WANTED = np.array([[1 / 4, 3 / 4], [1 / 244, 243 / 244], [1 / 2, 1 / 2], [1 / 730, 729 / 730]])
# sigmoid(ln 3) = 3/4 and sigmoid(0) = 1/2, times 4 ln 3: logits ln 3 * (3, 2). tanh(ln 3 / 2) = 1/2, tanh(0) = 0,
# times 2 ln 3: logits ln 3 * (1, 0). Both give the probabilities 3/4 and 1/4.
OTHERS = {"sigmoid": (np.array([[LN3, 0.0]]), 4 * LN3), "tanh": (np.array([[LN3 / 2, 0.0]]), 2 * LN3)}


def make_network(homework: Homework, nn_architecture: list[dict[str, Any]], parameters: dict[str, Array] | None = None):  # type: ignore[no-untyped-def]
    """Return the student's network, with copies of these parameters if some are given."""
    network = homework.call("NeuralNetwork(...)", homework.find("model.py", "NeuralNetwork"), nn_architecture)
    own = getattr(network, "parameters", None)
    if not isinstance(own, dict):
        raise Wrong(f"network.parameters must be a dictionary with W1, b1, W2, ..., got {type(own).__name__}")
    for i, layer in enumerate(nn_architecture, start=1):
        n_inputs, n_outputs = layer["input_dim"], layer["output_dim"]
        for name, shape in ((f"W{i}", (n_inputs, n_outputs)), (f"b{i}", (1, n_outputs))):
            if name not in own:
                hint = f"; nn_architecture has {len(nn_architecture)} layers" if i > 1 and name[0] == "W" else ""
                raise Wrong(f"network.parameters has no {name}; it has {', '.join(map(str, own)) or 'nothing'}{hint}")
            array_of(own[name], shape, f"network.parameters[{name!r}]")
            if parameters is not None:
                own[name] = parameters[name].copy()
    return network


def check_forward(homework: Homework, findings: Findings) -> None:
    """Check shapes, the hand-worked networks, and that large logits do not overflow."""
    network = make_network(homework, architecture((5, 4, 3, 3), ("relu", "relu")))
    x = np.random.default_rng(0).normal(size=(6, 5))
    before = x.copy()
    result = homework.call("forward", homework.method(network, "forward"), x)
    array_of(result, (6, 3), "the result of forward for 6 images and 3 classes")
    if not np.array_equal(x, before):
        findings.add("forward changes its images x; it must leave them as they are")
    tiny = architecture((2, 2, 2, 2), ("relu", "relu"))
    network = make_network(homework, tiny, TINY)
    got = array_of(homework.call("forward", network.forward, IMAGES.copy()), (4, 2), "the result of forward")
    findings.add(*mistake_in("forward of a network worked out by hand", got, WANTED, forward_mistakes()))
    if findings.wrong:
        return
    for activation, (bias, factor) in OTHERS.items():
        check_activation(homework, findings, activation, bias, factor)
    large = make_network(homework, tiny, TINY | {"W3": 1000 * np.eye(2), "b3": np.zeros((1, 2))})
    got = array_of(homework.call("forward", large.forward, IMAGES[:1].copy()), (1, 2), "forward", finite=False)
    if not np.all(np.isfinite(got)):
        findings.add(
            "large logits overflow: for the logits 2000 and 1000 forward gives nan; subtract the largest z of the row "
            "before exp"
        )


def check_activation(homework: Homework, findings: Findings, activation: str, bias: Array, factor: float) -> None:
    """Check one network with a first layer of another activation than ReLU."""
    parameters = {
        "W1": np.zeros((2, 2)), "b1": bias, "W2": np.eye(2), "b2": np.zeros((1, 2)), "W3": factor * np.eye(2),
        "b3": np.zeros((1, 2)),
    }  # fmt: skip
    network = make_network(homework, architecture((2, 2, 2, 2), (activation, "relu")), parameters)
    result = homework.call(f"forward with the activation {activation}", network.forward, IMAGES[:1].copy())
    got = array_of(result, (1, 2), f"forward with the activation {activation}")
    mistakes = {
        f"layer 1 computes {other or 'no activation'} where {activation} is asked for": probabilities(
            parameters, IMAGES[:1], (other, "relu")
        )
        for other in ("relu", "", "sigmoid", "tanh")
        if other != activation
    }
    mistakes[f"layer 2 computes {activation} too; take the activation of each layer from nn_architecture"] = (
        probabilities(parameters, IMAGES[:1], (activation, activation))
    )
    what = f"forward of a hand-worked network with {activation} in layer 1"
    findings.add(*mistake_in(what, got, [[3 / 4, 1 / 4]], mistakes))


def forward_mistakes() -> dict[str, Array]:
    """Return what usual mistakes give for the hand-worked network."""
    relu = ("relu", "relu")
    return {
        "these are the logits; the softmax is missing": probabilities(TINY, IMAGES, relu, softmax_axis=None),
        "softmax goes over the batch; it must go over the classes, axis=1": probabilities(
            TINY, IMAGES, relu, softmax_axis=0
        ),
        "softmax goes over the whole array; divide by the sum of each row, axis=1, keepdims=True": over_all(),
        "the biases are missing": probabilities(TINY, IMAGES, relu, with_biases=False),
        "the ReLU of both hidden layers is missing": probabilities(TINY, IMAGES, ("", "")),
        "the ReLU of hidden layer 1 is missing": probabilities(TINY, IMAGES, ("", "relu")),
        "the ReLU of hidden layer 2 is missing": probabilities(TINY, IMAGES, ("relu", "")),
        "sigmoid is computed where relu is asked for": probabilities(TINY, IMAGES, ("sigmoid", "sigmoid")),
        "the softmax is computed twice": softmax(WANTED),
    }


def over_all() -> Array:
    """Return the exponentials of the tiny network divided by the sum of all of them."""
    e = np.exp(probabilities(TINY, IMAGES, ("relu", "relu"), softmax_axis=None))
    return np.asarray(e / e.sum())


def softmax(z: Array) -> Array:
    """Return the softmax of each row."""
    return np.asarray(np.exp(z) / np.exp(z).sum(axis=1, keepdims=True))


def check_loss(homework: Homework, findings: Findings) -> None:
    """Check the mean cross-entropy of probabilities whose loss is known, and that a zero gives no error."""
    function = homework.find("model.py", "cross_entropy")
    p, labels = np.array([[0.1, 0.7, 0.2], [0.5, 0.25, 0.25], [0.3, 0.3, 0.4], [0.2, 0.2, 0.6]]), np.array([1, 2, 0, 2])
    right = np.array([0.7, 0.25, 0.3, 0.6])
    wanted = -(np.log(0.7) + np.log(0.25) + np.log(0.3) + np.log(0.6)) / 4  # 1.11469...
    given = p.copy(), labels.copy()
    got = number_of(homework.call("cross_entropy", function, *given), "the result of cross_entropy")
    mistakes = {
        "it is the sum over the batch; divide by B": 4 * wanted,
        "the minus sign is missing": -wanted,
        "it is divided by the number of classes too": wanted / 3,
        "it is divided by B twice": wanted / 4,
        "the logarithm must be the natural one, np.log": wanted / np.log(2),
        "the logarithm must be the natural one, np.log, and not np.log10": wanted / np.log(10),
        "it takes the largest probability of each row; take that of the right class": -np.mean(np.log(p.max(axis=1))),
        "the logarithm is missing": -right.mean(),
        "it takes the columns of all labels from every row: write probabilities[np.arange(B), labels]": -np.mean(
            np.log(p[:, labels])
        ),
        "it takes the mean before the logarithm": -np.log(right.mean()),
        "it sums over all classes, not over the right ones": -np.mean(np.log(p).sum(axis=1)),
    }
    findings.add(*mistake_in("cross_entropy of four images worked out by hand", got, wanted, mistakes))
    if not (np.array_equal(given[0], p) and np.array_equal(given[1], labels)):
        findings.add("cross_entropy changes its arguments; it must leave them as they are")
    zero = np.array([[1.0, 0.0], [0.5, 0.5]])
    loss = number_of(homework.call("cross_entropy", function, zero, np.array([1, 0])), "cross_entropy", finite=False)
    if not np.isfinite(loss):
        findings.note("cross_entropy is infinite where a probability is 0; np.log(np.maximum(p, 1e-12)) avoids this")
