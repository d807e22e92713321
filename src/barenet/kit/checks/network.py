"""Steps 1 and 2: probabilities and loss of networks that are worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from barenet.kit.checks.formulas import architecture, over_all, probabilities, softmax
from barenet.kit.checks.numbers import Array, array_of, is_close, mistake_in, number_of
from barenet.kit.findings import Findings, Wrong
from barenet.kit.form import Form, titled
from barenet.kit.homework import Homework

__all__ = ["check_forward", "check_loss", "make_network", "set_parameters"]

LN3 = np.log(3)
IMAGES = np.array([[1.0, 2.0], [2.0, -1.0], [0.0, 3.0], [-1.0, 0.0]])
FIRST = {"W1": np.array([[1.0, -1.0], [1.0, 1.0]]), "b1": np.array([[0.0, -2.0]])}


@dataclass(frozen=True)
class Known:
    """A ReLU network that is worked out by hand: its parameters, and the probabilities of the four images."""

    parameters: dict[str, Array]
    wanted: Array


# Image 1: z1 = (3, -1), a1 = (3, 0), z2 = (2, 1), logits ln 3 * (2, 1) + ln 3 * (-4, -2), so the probabilities are in
# the ratio 3^-2 : 3^-1. The others: 3^-4 : 3^1, 3^0 : 3^0, and 3^-4 : 3^2 with z2 = (-1, 4).
TWO_HIDDEN = Known(
    FIRST
    | {"W2": np.array([[1.0, -1.0], [2.0, 1.0]]), "b2": np.array([[-1.0, 4.0]])}
    | {"W3": LN3 * np.eye(2), "b3": LN3 * np.array([[-4.0, -2.0]])},
    np.array([[1 / 4, 3 / 4], [1 / 244, 243 / 244], [1 / 2, 1 / 2], [1 / 730, 729 / 730]]),
)
# a1 of the four images: (3, 0), (1, 0), (3, 1), (0, 0). Logits / ln 3: (0, -1), (-2, -1), (1, 1), (-3, -1).
ONE_HIDDEN = Known(
    FIRST | {"W2": LN3 * np.array([[1.0, 0.0], [1.0, 2.0]]), "b2": LN3 * np.array([[-3.0, -1.0]])},
    np.array([[3 / 4, 1 / 4], [1 / 4, 3 / 4], [1 / 2, 1 / 2], [1 / 10, 9 / 10]]),
)
# sigmoid(ln 3) = 3/4 and sigmoid(0) = 1/2, times 4 ln 3: logits ln 3 * (3, 2). tanh(ln 3 / 2) = 1/2, tanh(0) = 0,
# times 2 ln 3: logits ln 3 * (1, 0). Both give the probabilities 3/4 and 1/4.
OTHERS = {"sigmoid": (np.array([[LN3, 0.0]]), 4 * LN3), "tanh": (np.array([[LN3 / 2, 0.0]]), 2 * LN3)}


def make_network(homework: Homework, nn_architecture: list[dict[str, Any]], parameters: dict[str, Array] | None = None):  # type: ignore[no-untyped-def]
    """Return the student's network, with these parameters if some are given."""
    network = homework.call("NeuralNetwork(...)", homework.find("model.py", "NeuralNetwork"), nn_architecture)
    own = getattr(network, "parameters", None)
    if not isinstance(own, dict):
        raise Wrong(f"network.parameters must be a dictionary with W1, b1, W2, ..., got {type(own).__name__}")
    for i, layer in enumerate(nn_architecture, start=1):
        n_inputs, n_outputs = layer["input_dim"], layer["output_dim"]
        for name, shape in ((f"W{i}", (n_inputs, n_outputs)), (f"b{i}", (1, n_outputs))):
            if name not in own:
                hint = f"; nn_architecture has {len(nn_architecture)} layers" if i > 1 and name[0] == "W" else ""
                if hint and i == 3 and homework.adapter is not None:
                    hint += f"; for one hidden layer write HIDDEN_LAYERS = 1 in {homework.adapter.name}"
                raise Wrong(f"network.parameters has no {name}; it has {', '.join(map(str, own)) or 'nothing'}{hint}")
            array_of(own[name], shape, f"network.parameters[{name!r}]", flat=homework.adapter is not None)
    set_parameters(network, parameters or {})
    return network


def set_parameters(network: Any, values: Mapping[str, Array]) -> None:
    """Write values into the network's arrays, which its layers may share; replace arrays that cannot hold them."""
    for name, value in values.items():
        array = network.parameters[name]
        if array.dtype.kind == "f" and array.flags.writeable:
            array[...] = value.reshape(array.shape)
        else:
            network.parameters[name] = value.reshape(array.shape).copy()


def check_forward(homework: Homework, findings: Findings) -> None:
    """Check shapes, the hand-worked networks, and that large logits do not overflow."""
    form = homework.form
    layers = form.hidden(form.usual, form.usual)
    network = make_network(homework, architecture(form.sizes((5, 4, 3, 3)), layers))
    x = np.random.default_rng(0).normal(size=(6, 5))
    before = x.copy()
    result = homework.call("forward", homework.method(network, "forward"), x)
    array_of(result, (6, 3), "the result of forward for 6 images and 3 classes")
    if not np.array_equal(x, before):
        findings.add("forward changes its images x; it must leave them as they are")
    known = known_network(form)
    tiny = architecture(form.sizes((2, 2, 2, 2)), layers)
    network = make_network(homework, tiny, known.parameters)
    got = array_of(homework.call("forward", network.forward, IMAGES.copy()), (4, 2), "the result of forward")
    findings.add(
        *mistake_in("forward of a network worked out by hand", got, known.wanted, forward_mistakes(known, form))
    )
    if findings.wrong:
        set_parameters(network, {name: 2 * value for name, value in network.parameters.items()})
        if is_close(homework.call("forward", network.forward, IMAGES.copy()), got):
            findings.add("forward gives the same with other parameters; it must compute with network.parameters")
        return
    for activation, (bias, factor) in OTHERS.items():
        if activation in form.activations:
            check_activation(homework, findings, activation, bias, factor)
    if form != Form():
        findings.note(f"the adapter says what this homework has: {form.spoken()}; the rest is not checked")
    check_large_logits(homework, findings, tiny, known.parameters)


def check_activation(homework: Homework, findings: Findings, activation: str, bias: Array, factor: float) -> None:
    """Check one network with this activation in its first layer and ReLU in the second, or with it in both."""
    form = homework.form
    is_mixed = form.hidden_layers == 2 and form.activation_per_layer and form.usual == "relu"
    layers = form.hidden(activation, "relu" if is_mixed else activation)
    n = form.n_layers
    parameters = {f"{name}{i}": np.zeros((2 if name == "W" else 1, 2)) for i in range(1, n + 1) for name in "Wb"}
    parameters |= {"b1": bias, f"W{n}": factor * np.eye(2)}
    if is_mixed:
        parameters["W2"] = np.eye(2)  # ReLU leaves what the first layer gives as it is
    elif n == 3:
        parameters["b2"] = bias  # W2 is zero, so the second layer gets the known inputs
    network = make_network(homework, architecture(form.sizes((2, 2, 2, 2)), layers), parameters)
    result = homework.call(f"forward with the activation {activation}", network.forward, IMAGES[:1].copy())
    got = array_of(result, (1, 2), f"forward with the activation {activation}")
    mistakes = {
        f"layer 1 computes {other or 'no activation'} where {activation} is asked for": probabilities(
            parameters, IMAGES[:1], form.hidden(other, "relu" if is_mixed else other)
        )
        for other in ("relu", "", "sigmoid", "tanh")
        if other != activation
    }
    if is_mixed:
        mistakes[f"layer 2 computes {activation} too; take the activation of each layer from nn_architecture"] = (
            probabilities(parameters, IMAGES[:1], (activation, activation))
        )
    if activation == "sigmoid":
        mistakes["sigmoid is 1 / (1 + exp(-z)); the minus sign of z is missing"] = np.array([[1 / 4, 3 / 4]])
    what = f"forward of a hand-worked network with {activation} in layer 1"
    findings.add(*mistake_in(what, got, [[3 / 4, 1 / 4]], mistakes))


def check_large_logits(
    homework: Homework, findings: Findings, nn_architecture: Any, parameters: dict[str, Array]
) -> None:
    """Check that forward gives numbers for large logits, and for rows whose largest logits differ much."""
    form = homework.form
    last = {f"W{form.n_layers}": 1000 * np.eye(2), f"b{form.n_layers}": np.zeros((1, 2))}
    network = make_network(homework, nn_architecture, parameters | last)
    layers = form.hidden(form.usual, form.usual)
    logits = probabilities(parameters | last, IMAGES, layers, softmax_axis=None)
    for rows in (slice(0, 1), slice(0, 4)):
        result = homework.call("forward", network.forward, IMAGES[rows].copy())
        is_number = np.isfinite(array_of(result, logits[rows].shape, "forward", finite=False)).all(axis=1)
        if not is_number.all():
            first, second = logits[rows][is_number.argmin()]
            got = f"large logits overflow: for the logits {first:.0f} and {second:.0f} forward gives nan"
            if rows.stop == 1:
                findings.add(f"{got}; subtract the largest z of the row before exp")
            else:
                findings.add(f"{got}; subtract the largest z of each row, axis=1, not that of the whole array")
            return


def known_network(form: Form) -> Known:
    """Return the hand-worked network of this form; without ReLU its probabilities come from the formulas."""
    known = TWO_HIDDEN if form.hidden_layers == 2 else ONE_HIDDEN
    if form.usual == "relu":
        return known
    return replace(known, wanted=probabilities(known.parameters, IMAGES, form.hidden(form.usual, form.usual)))


def forward_mistakes(known: Known, form: Form) -> dict[str, Array]:
    """Return what usual mistakes give for the known network."""
    own = form.usual
    layers = form.hidden(own, own)

    def instead(layers: tuple[str, ...] = layers, **options: Any) -> Array:
        return probabilities(known.parameters, IMAGES, layers, **options)

    logits = instead(softmax_axis=None)
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    mistakes = {
        "these are the logits; the softmax is missing": logits,
        "softmax goes over the batch; it must go over the classes, axis=1": instead(softmax_axis=0),
        "softmax divides by a sum over the batch; divide by the sum over the classes, axis=1": e / e.sum(axis=0),
        "softmax goes over the whole array; divide by the sum of each row, axis=1, keepdims=True": over_all(logits),
        "softmax divides by the sum of the whole array; divide by that of each row, axis=1, keepdims=True": e / e.sum(),
        f"the {titled(own)} is computed in the last layer too; there z goes into softmax as it is": instead(last=own),
        "the biases are missing": instead(with_biases=False),
        "the softmax is computed twice": softmax(known.wanted),
    }
    if form.hidden_layers == 1:
        mistakes[f"the {titled(own)} of the hidden layer is missing"] = instead(("",))
    else:
        mistakes[f"the {titled(own)} of both hidden layers is missing"] = instead(("", ""))
        mistakes[f"the {titled(own)} of hidden layer 1 is missing"] = instead(("", own))
        mistakes[f"the {titled(own)} of hidden layer 2 is missing"] = instead((own, ""))
    for other in ("relu", "sigmoid", "tanh"):
        if other != own:
            mistakes[f"{other} is computed where {own} is asked for"] = instead((other,) * form.hidden_layers)
    return mistakes


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
        "it sums over the columns of all labels in every row; write probabilities[np.arange(B), labels]": -np.mean(
            np.log(p[:, labels]).sum(axis=1)
        ),
        "it takes the mean before the logarithm": -np.log(right.mean()),
        "the wrong classes count too, as log(1 - p); take the log of the right class alone": -np.mean(
            np.log(np.where(np.arange(3) == labels[:, None], p, 1 - p)).sum(axis=1)
        ),
        "the softmax is computed again; these are probabilities already": -np.mean(
            np.log(softmax(p)[np.arange(4), labels])
        ),
        "it sums over all classes, not over the right ones": -np.mean(np.log(p).sum(axis=1)),
    }
    findings.add(*mistake_in("cross_entropy of four images worked out by hand", got, wanted, mistakes))
    if not (np.array_equal(given[0], p) and np.array_equal(given[1], labels)):
        findings.add("cross_entropy changes its arguments; it must leave them as they are")
    zero = np.array([[1.0, 0.0], [0.5, 0.5]])
    try:
        result = homework.call("cross_entropy", function, zero, np.array([1, 0]))
        loss = number_of(result, "cross_entropy", finite=False)
    except Wrong as problem:  # math.log(0) raises an error
        findings.note(f"where a probability is 0, {problem}; max(p, 1e-12) avoids this")
        return
    if not np.isfinite(loss):
        findings.note("cross_entropy is infinite where a probability is 0; np.log(np.maximum(p, 1e-12)) avoids this")
