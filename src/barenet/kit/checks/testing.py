"""Step 8, and of step 7 evaluate and the weights in a file: are loss, accuracy and weights the right ones?"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from barenet.kit.checks.datasets import (
    N_CLASSES,
    N_INPUTS,
    N_VALID,
    Parts,
    random_parameters,
    usual_architecture,
    usual_layers,
    watch_loading,
    write_data,
)
from barenet.kit.checks.formulas import accuracy, cross_entropy, probabilities
from barenet.kit.checks.network import make_network
from barenet.kit.checks.numbers import Array, array_of, is_close, mistake_in, number_of
from barenet.kit.findings import Findings, Wrong
from barenet.kit.form import Form
from barenet.kit.homework import Homework

__all__ = ["check_evaluate", "check_files", "check_testing", "read_weights"]


def check_evaluate(homework: Homework, findings: Findings) -> None:
    """Check loss and accuracy of a network with known weights."""
    function = homework.find("train.py", "evaluate")
    rng = np.random.default_rng(3)
    parameters = random_parameters(homework.form, rng)
    network = make_network(homework, usual_architecture(homework.form), parameters)
    images, labels = rng.normal(size=(10, N_INPUTS)), rng.integers(0, N_CLASSES, 10)
    p = probabilities(parameters, images, usual_layers(homework.form))
    loss, right = cross_entropy(p, labels), accuracy(p, labels)
    result = homework.call("evaluate", function, network, images, labels)
    if not isinstance(result, tuple | list) or len(result) != 2:
        kind = "None; is a return missing?" if result is None else type(result).__name__
        raise Wrong(f"evaluate must return two numbers, (loss, accuracy), got {kind}")
    got = [
        number_of(value, f"the {name} that evaluate returns")
        for value, name in zip(result, ("loss", "accuracy"), strict=True)
    ]
    if is_close(got, [right, loss]):
        raise Wrong("evaluate returns (accuracy, loss); the loss comes first")
    findings.add(
        *mistake_in("the loss that evaluate returns", got[0], loss, {"it is the sum; return the mean": 10 * loss})
    )
    mistakes = {
        "it is in percent; return a fraction from 0 to 1": 100 * right,
        "it counts the right images; divide by their number": 10 * right,
        "it is the fraction of wrong images": 1 - right,
    }
    findings.add(*mistake_in("the accuracy that evaluate returns", got[1], right, mistakes))


def check_testing(homework: Homework, findings: Findings) -> None:
    """Call test with weights whose accuracy differs between the parts of the data, and between weights."""
    function = homework.find("test.py", "test")
    parts = write_data(Path("data").absolute(), is_noise=False)
    nn_architecture = usual_architecture(homework.form)
    first = {name: np.array(value) for name, value in make_network(homework, nn_architecture).parameters.items()}
    parameters = distinct_parameters(homework.form, parts, first)
    np.savez("weights.npz", **parameters)  # type: ignore[arg-type]
    loader = {"path_dir": str(Path("data").absolute()), "n_valid": N_VALID, "batch_size": 8}
    if homework.adapter is None:
        watch_loading(function, str(loader["path_dir"]))
    result = homework.call("test", function, nn_architecture, "weights.npz", loader)
    got = number_of(result, "the result of test")
    right = scores(homework.form, parts, parameters)
    mistakes = {
        "this is the accuracy on the training images": right["train"],
        "this is the accuracy on the validation images": right["valid"],
        "it is in percent; return a fraction from 0 to 1": 100 * right["test"],
        "it is the fraction of wrong images": 1 - right["test"],
        "these are the weights of a new network; load those of the file": scores(homework.form, parts, first)["test"],
    }
    findings.add(*mistake_in("the test accuracy of known weights", got, right["test"], mistakes))


def scores(form: Form, parts: Parts, parameters: dict[str, Array]) -> dict[str, float]:
    """Return the accuracy of weights on each part of the data."""
    layers = usual_layers(form)
    return {name: accuracy(probabilities(parameters, x, layers), labels) for name, (x, labels) in parts.items()}


def distinct_parameters(form: Form, parts: Parts, first: dict[str, Array]) -> dict[str, Array]:
    """Return weights with another accuracy on each part, and another test accuracy than the `first` ones."""
    for seed in range(100):
        parameters = random_parameters(form, np.random.default_rng(seed))
        found = scores(form, parts, parameters)
        values = [*found.values(), 1 - found["test"], scores(form, parts, first)["test"]]
        if len({round(value, 3) for value in values}) == len(values) and 0.2 < found["test"] < 0.9:
            break
    return parameters


def check_files(homework: Homework, findings: Findings) -> None:
    """Check that weights come back from a file as they were."""
    save, load = homework.find("model.py", "save_weights"), homework.find("model.py", "load_weights")
    parameters = random_parameters(homework.form, np.random.default_rng(4))
    homework.call("save_weights", save, {name: value.copy() for name, value in parameters.items()}, "weights.npz")
    if not Path("weights.npz").is_file():
        there = ", ".join(sorted(path.name for path in Path().glob("*.np*")))
        hint = f"; there is {there}" if there else ""
        raise Wrong(f"save_weights(parameters, 'weights.npz') writes no file weights.npz{hint}")
    try:
        read_weights(homework, Path("weights.npz"), parameters)
    except Wrong as problem:
        findings.add(str(problem))
        return
    result = homework.call("load_weights", load, "weights.npz")
    if not isinstance(result, dict):
        kind = "None; is a return missing?" if result is None else type(result).__name__
        raise Wrong(f"load_weights must return a dictionary of arrays, got {kind}")
    for name, value in parameters.items():
        if name not in result:
            raise Wrong(f"load_weights returns no {name}; it returns {', '.join(map(str, result)) or 'nothing'}")
        found = array_of(result[name], value.shape, f"{name} of load_weights", flat=homework.adapter is not None)
        if not is_close(found, value):
            findings.add(f"load_weights returns other values of {name} than save_weights was given")


def read_weights(homework: Homework, path: Path, shapes: dict[str, Array]) -> dict[str, Array]:
    """Return the weights of a file that the student's code wrote."""
    try:
        with np.load(path) as arrays:
            found = {name: arrays[name] for name in arrays.files}
    except Exception:  # what a damaged file raises depends on its bytes
        raise Wrong(f"{path.name} is no .npz file of arrays; write it with np.savez(path, **parameters)") from None
    for name, value in shapes.items():
        if name not in found:
            hint = "; write np.savez(path, **parameters)" if "arr_0" in found else ""
            raise Wrong(f"{path.name} has no array {name}; it has {', '.join(found) or 'none'}{hint}")
        array_of(found[name], value.shape, f"{name} in {path.name}", flat=homework.adapter is not None)
    return found
