"""Step 8: is the accuracy that of the saved weights on the test images?"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from barenet.kit.checks.datasets import N_VALID, Parts, write_data
from barenet.kit.checks.formulas import accuracy, probabilities
from barenet.kit.checks.network import make_network
from barenet.kit.checks.numbers import Array, mistake_in, number_of
from barenet.kit.checks.training import random_parameters, usual_architecture, usual_layers
from barenet.kit.findings import Findings
from barenet.kit.form import Form
from barenet.kit.homework import Homework

__all__ = ["check_testing"]


def check_testing(homework: Homework, findings: Findings) -> None:
    """Call test with weights whose accuracy differs between the parts of the data, and between weights."""
    function = homework.find("test.py", "test")
    parts = write_data(Path("data").absolute(), is_noise=False)
    nn_architecture = usual_architecture(homework.form)
    first = {name: np.array(value) for name, value in make_network(homework, nn_architecture).parameters.items()}
    parameters = distinct_parameters(homework.form, parts, first)
    np.savez("weights.npz", **parameters)  # type: ignore[arg-type]
    loader = {"path_dir": str(Path("data").absolute()), "n_valid": N_VALID, "batch_size": 8}
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
