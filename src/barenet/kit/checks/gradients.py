"""Step 3: gradients against difference quotients. This is the only module of the kit that uses `barenet.gradcheck`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from barenet.errors import BarenetError
from barenet.gradcheck.check import check_own_gradients
from barenet.gradcheck.report import OwnGradientReport
from barenet.kit.checks.formulas import architecture, cross_entropy
from barenet.kit.checks.network import make_network, set_parameters
from barenet.kit.checks.numbers import Array, array_of
from barenet.kit.findings import Findings, Wrong
from barenet.kit.homework import Homework

__all__ = ["check_backward"]

N_IMAGES = 8
DIFFERENT, EQUAL = (6, 5, 4, 3), (5, 5, 5, 5)  # sizes; equal ones let a transposed weight pass without an error


def check_backward(homework: Homework, findings: Findings) -> None:
    """Check the gradients of a ReLU network, and if they are right those of networks with tanh and sigmoid."""
    form = homework.form
    names = check_structure(homework)
    report, failure = report_of(homework, form.hidden(form.usual, form.usual))
    if failure is not None and (report is None or report.passed):
        raise Wrong(failure)
    assert report is not None
    if failure is not None:
        findings.note(f"with layers of different sizes: {failure}")
    add_report(report, findings, names)
    for activations in form.others():
        if findings.wrong:
            return
        report, failure = report_of(homework, activations)
        layers = f"with the activations {' and '.join(activations)}"
        if len(activations) == 1:
            layers = f"with the activation {activations[0]}"
        if report is None or failure is not None:
            raise Wrong(f"{layers}: {failure}")
        add_report(report, findings, names, f"{layers}, ")


def check_structure(homework: Homework) -> list[str]:
    """Return the names of the parameters; raise Wrong if the gradients have other names or shapes."""
    form = homework.form
    network = make_network(homework, architecture(form.sizes(DIFFERENT), form.hidden(form.usual, form.usual)))
    x, labels = batch(DIFFERENT)
    p = homework.call("forward", homework.method(network, "forward"), x)
    before = np.array(p)
    backward = homework.method(network, "backward")
    try:
        gradients = homework.call("backward", backward, labels)
    except Wrong:
        return list(network.parameters)  # equal sizes may show the mistake behind the error
    if not np.array_equal(p, before):
        homework.findings.note(
            "backward changes the probabilities that forward returned; work on a copy, as in dz = p.copy()"
        )
    if not isinstance(gradients, dict):
        raise Wrong(f"backward must return a dictionary with the gradients of W1, b1, ..., got {kind(gradients)}")
    for name, value in network.parameters.items():
        if name not in gradients:
            raise Wrong(f"backward gives no gradient of {name}; it gives {', '.join(map(str, gradients)) or 'nothing'}")
        hint = "; sum over the batch: axis=0, keepdims=True" if name.startswith("b") and np.ndim(value) == 2 else ""
        array_of(gradients[name], value.shape, f"the gradient of {name}", hint=hint)
    return list(network.parameters)


def report_of(homework: Homework, activations: tuple[str, ...]) -> tuple[OwnGradientReport | None, str | None]:
    """Return the report of the gradient check, and why layers of different sizes fail, if they do."""
    failure = None
    for sizes in (DIFFERENT, EQUAL):
        network = make_network(homework, architecture(homework.form.sizes(sizes), activations))
        function = as_function(homework, network)
        result = homework.call("backward", try_check, function, start_of(network), *batch(sizes))
        if isinstance(result, OwnGradientReport):
            return result, failure
        failure = failure or result
    return None, failure


def try_check(*arguments: Any) -> OwnGradientReport | str:
    """Return the report of the gradient check, or why there is none."""
    try:
        return check_own_gradients(*arguments)
    except BarenetError as error:
        cause = error.__cause__
        return str(cause if isinstance(cause, Wrong) else error)


def as_function(homework: Homework, network: Any) -> Callable[..., Any]:
    """Return forward, our loss and backward as one function of parameters, images and labels.

    The loss is float32 if the probabilities or the parameters are. Where the code changes the network's parameters,
    those that the function gets are changed too, so that the gradient check sees it.
    """

    def loss_and_gradients(parameters: dict[str, Array], x: Array, labels: Array) -> tuple[Any, dict[str, Array]]:
        set_parameters(network, parameters)
        before = {name: np.array(value) for name, value in network.parameters.items()}
        try:
            p = network.forward(x)
            loss = cross_entropy(np.asarray(p, np.float64), labels)
            gradients = network.backward(labels)
            found = {name: gradients[name] for name in parameters}
        except Exception as error:
            homework.fail("backward", error)
        is_single = any(np.asarray(value).dtype == np.float32 for value in (p, *network.parameters.values()))
        for name, value in parameters.items():
            if not np.array_equal(network.parameters[name], before[name]):
                value[...] = network.parameters[name]
        return np.float32(loss) if is_single else loss, found

    loss_and_gradients.__name__ = "backward"  # as messages call it
    return loss_and_gradients


def start_of(network: Any) -> dict[str, Array]:
    """Return the network's parameters with biases that are not zero."""
    rng = np.random.default_rng(1)
    return {
        name: np.asarray(value, np.float64) + (rng.normal(0, 0.1, value.shape) if name.startswith("b") else 0)
        for name, value in network.parameters.items()
    }


def batch(sizes: tuple[int, ...]) -> tuple[Array, Any]:
    """Return images and labels for a network of these sizes."""
    rng = np.random.default_rng(2)
    return rng.normal(size=(N_IMAGES, sizes[0])), np.arange(N_IMAGES) % sizes[-1]


def add_report(report: OwnGradientReport, findings: Findings, names: list[str], prefix: str = "") -> None:
    """Add the mistakes of a report, and the layer at which they begin on the way back."""
    if report.passed:
        return
    wrong = [row.name for row in report.parameters if not row.is_right]
    for mistake in report.mistakes:
        where = f" ({', '.join(mistake.parameters)})" if mistake.parameters else ""
        findings.add(f"{prefix}{mistake.what}{where}; do this: {mistake.fix}")
    if report.unexplained:
        row = next(row for row in report.parameters if row.name == report.unexplained[0])
        findings.add(
            f"{prefix}the gradient of {', '.join(report.unexplained)} is wrong, and no known mistake explains it: "
            f"{row.name} at {row.at} is {row.reported:.5g}, and must be {row.numeric:.5g}"
        )
    if wrong:
        findings.note(first_wrong(wrong, names))


def first_wrong(wrong: list[str], names: list[str]) -> str:
    """Return a sentence about the layer at which the gradients begin to be wrong on the way back."""
    layers = [layer_of(name) for name in wrong]
    last, first = max(map(layer_of, names)), max(layers)
    if first == last:
        return f"on the way back the gradients are wrong from the last layer on: look at layer {first} first"
    return (
        f"on the way back the gradients are right until layer {first + 1} and wrong from layer {first} on: look at "
        f"layer {first} first"
    )


def layer_of(name: str) -> int:
    """Return the number of the layer of a parameter such as W2."""
    return int("".join(c for c in name if c.isdigit()) or 0)


def kind(value: Any) -> str:
    """Return the type of a value, for a message."""
    return "None; is a return missing?" if value is None else type(value).__name__
