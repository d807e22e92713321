"""Results print in a few lines, also if they hold large arrays and lists."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import barenet
from barenet.analysis.saved_run import read_saved_run
from barenet.plots.inspection import look
from barenet.printing.shown import Shown, short
from barenet.run_folders.checkpoint import read_model


@dataclass(frozen=True, repr=False)
class Result(Shown):
    weights: np.ndarray
    rows: list[Any]
    name: str


def test_a_result_prints_its_fields_in_a_few_words():
    result = Result(np.zeros((784, 256), np.float32), list(range(1000)), "x" * 500)
    assert repr(result) == f"Result(weights=<float32 (784, 256)>, rows=<list of 1000>, name='{'x' * 59}...)"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.1 + 0.2, "0.3"),
        (np.float32(0.5), "0.5"),
        (np.int64(7), "np.int64(7)"),
        (None, "None"),
        (True, "True"),
        ([1, 2.5, "a"], "[1, 2.5, 'a']"),
        ((), "()"),
        ([1] * 5, "<list of 5>"),
        ({"lr": 0.1}, "{'lr': 0.1}"),
        (dict.fromkeys(range(9)), "<dict of 9>"),
        (Path("runs/quick-1"), "runs/quick-1"),
        ("line\nbreak", r"'line\nbreak'"),
        (object(), "<object>"),
        ([Result(np.zeros(3), [], "")] * 2, "<list of 2 Result>"),
    ],
)
def test_values_are_short(value, words):
    assert short(value) == words


def test_results_of_a_run_print_in_a_few_lines(make_run):
    folder, dataset = make_run("plain")
    model = read_model(folder / "best.safetensors")
    saved = read_saved_run(folder, dataset=dataset)
    found = look(saved)
    results = [dataset, model, model.info, model.mlp, saved, saved.validation, saved.history[0], found]
    results += [found.layers[0], found.portrait, barenet.load(folder)]
    for result in results:
        assert repr(result).startswith(type(result).__name__)
        assert len(repr(result)) < 1000, repr(result)
        assert "array(" not in repr(result)
        assert "object at 0x" not in repr(result)
    assert (
        repr(barenet.load(folder))
        == f"Predictor({folder / 'best.safetensors'}: 64-12-7-4, gelu, batch normalization; 4 classes)"
    )


def test_a_gradient_check_prints_an_error_a_parameter():
    mlp = barenet.MLP(4, (3,), 2, dtype=np.float64)
    printed = repr(barenet.check_gradients(mlp, np.eye(4), np.array([0, 1, 0, 1])))
    assert printed.startswith("GradientReport(passed=True, relative errors W1 ")
    assert len(printed) < 200


def test_names_listed_in_the_package_are_those_for_its_users():
    assert set(barenet.__all__) <= set(dir(barenet))
    assert not {"Any", "TYPE_CHECKING", "import_module", "annotations", "_LAZY"} & set(dir(barenet))
