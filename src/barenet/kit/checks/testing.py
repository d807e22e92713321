"""Step 8: is the accuracy that of the saved weights on the test images?"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from barenet.kit.checks.datasets import N_VALID, Parts, write_data
from barenet.kit.checks.formulas import accuracy, architecture, probabilities
from barenet.kit.checks.network import make_network
from barenet.kit.checks.numbers import Array, mistake_in, number_of
from barenet.kit.checks.training import HIDDEN, SIZES, random_parameters
from barenet.kit.findings import Findings
from barenet.kit.homework import Homework

__all__ = ["check_testing"]


def check_testing(homework: Homework, findings: Findings) -> None:
    """Call test with weights whose accuracy differs between the parts of the data, and between weights."""
    function = homework.find("test.py", "test")
    parts = write_data(Path("data").absolute(), is_noise=False)
    nn_architecture = architecture(SIZES, HIDDEN)
    first = {name: np.array(value) for name, value in make_network(homework, nn_architecture).parameters.items()}
    parameters = distinct_parameters(parts, first)
    np.savez("weights.npz", **parameters)  # type: ignore[arg-type]
    loader = {"path_dir": str(Path("data").absolute()), "n_valid": N_VALID, "batch_size": 8}
    result = homework.call("test", function, nn_architecture, "weights.npz", loader)
    got = number_of(result, "the result of test")
    right = scores(parts, parameters)
    mistakes = {
        "this is the accuracy on the training images": right["train"],
        "this is the accuracy on the validation images": right["valid"],
        "it is in percent; return a fraction from 0 to 1": 100 * right["test"],
        "it is the fraction of wrong images": 1 - right["test"],
        "these are the weights of a new network; load those of the file": scores(parts, first)["test"],
    }
    findings.add(*mistake_in("the test accuracy of known weights", got, right["test"], mistakes))


def scores(parts: Parts, parameters: dict[str, Array]) -> dict[str, float]:
    """Return the accuracy of weights on each part of the data."""
    return {name: accuracy(probabilities(parameters, x, HIDDEN), labels) for name, (x, labels) in parts.items()}


def distinct_parameters(parts: Parts, first: dict[str, Array]) -> dict[str, Array]:
    """Return weights with another accuracy on each part, and another test accuracy than the `first` ones."""
    for seed in range(100):
        parameters = random_parameters(np.random.default_rng(seed))
        found = scores(parts, parameters)
        values = [*found.values(), 1 - found["test"], scores(parts, first)["test"]]
        if len({round(value, 3) for value in values}) == len(values) and 0.2 < found["test"] < 0.9:
            break
    return parameters
