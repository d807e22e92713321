"""The results of a run in the terminal."""

from __future__ import annotations

from io import StringIO

import numpy as np
import pytest
from rich.console import Console

import barenet
from barenet.run_folders.scores import make_scores
from barenet.terminal.output import output_console
from barenet.terminal.results import show_classes, show_result


@pytest.mark.parametrize(
    ("columns", "what"), [(30, "precision, recall and confusion matrix"), (27, "precision and recall")]
)
def test_the_table_of_several_networks_says_what_it_shows(columns, what):
    console = Console(file=StringIO(), width=columns, soft_wrap=True)
    scores = make_scores(np.eye(4), 0.0, np.arange(4), list("abcd"), 1)
    show_classes(console, scores, list("abcd"), n_networks=3)
    assert console.file.getvalue().startswith(f"{what} of the average of all 3 networks' probabilities\n")
    assert ("columns: the predicted" in console.file.getvalue()) == ("matrix" in what)


def test_without_a_terminal_each_sentence_is_one_line(capsys):
    sentence = " ".join(["word"] * 60)
    output_console().print(sentence)
    assert capsys.readouterr().out == sentence + "\n"


@pytest.mark.parametrize(("n_seeds", "ending"), [(1, ""), (2, ", which networks that train together share")])
def test_the_words_after_the_seconds_of_training_depend_on_the_number_of_networks(n_seeds, ending, arrays, capsys):
    settings = {"hidden_sizes": (3,), "epochs": 1, "n_valid": 60, "batch_size": 60, "output": None, "verbose": False}
    result = barenet.train(**arrays, **settings, n_seeds=n_seeds)
    show_result(result)
    line = " ".join(capsys.readouterr().out.split())
    of_all = f"precision, recall and confusion matrix of the average of all {n_seeds} networks' probabilities class"
    assert (of_all in line) == (n_seeds > 1)
    assert f" parameters per network, {result.training_seconds:.1f} s of training{ending}" in line
    assert ("train together" in line) == (n_seeds > 1)
