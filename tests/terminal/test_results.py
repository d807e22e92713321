"""What the terminal shows of a run that has ended."""

from __future__ import annotations

import pytest

import barenet
from barenet.terminal.results import show_result


@pytest.mark.parametrize(("n_seeds", "ending"), [(1, ""), (2, " on the clock: networks that train together share it")])
def test_the_seconds_of_training_of_several_networks_are_named(n_seeds, ending, arrays, capsys):
    settings = {"hidden_sizes": (3,), "epochs": 1, "n_valid": 60, "batch_size": 60, "output": None, "verbose": False}
    result = barenet.train(**arrays, **settings, n_seeds=n_seeds)
    show_result(result)
    line = " ".join(capsys.readouterr().out.split())
    of_all = f"precision, recall and confusion matrix of the average of all {n_seeds} networks' probabilities class"
    assert (of_all in line) == (n_seeds > 1)
    assert f" parameters a network, {result.training_seconds:.1f} s of training{ending}" in line
    assert ("on the clock" in line) == (n_seeds > 1)
