from __future__ import annotations

from io import StringIO
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console
from told import listen

from barenet.run_folders.scores import make_scores
from barenet.terminal.learning import describe_answers, note_verdicts, show_verdicts
from barenet.training.learning.verdict import Verdict

EMPTY = Verdict(False, ["the accuracy is that of chance", "all units are dead"], ["a smaller --lr"])
RISING = Verdict(True, [], ["--patience 3"], "validation loss rises from epoch 9 on, from 0.3 to 0.4")
FINE = Verdict(True)


def networks(*verdicts):
    return [SimpleNamespace(seed=i, verdict=v, learned=v.learned) for i, v in enumerate(verdicts)]


def shown(*verdicts):
    stream = StringIO()
    show_verdicts(Console(file=stream, width=100), networks(*verdicts))
    return stream.getvalue().splitlines()


def test_the_words_about_a_network_that_learned_nothing_have_reasons_and_what_to_try():
    assert shown(EMPTY) == [
        "this network learned nothing:",
        "  - the accuracy is that of chance",
        "  - all units are dead",
        "  try: a smaller --lr",
    ]


def test_nothing_is_printed_about_a_network_that_learned_without_a_trend():
    assert shown(FINE) == []
    assert shown(FINE, FINE) == []


def test_networks_that_learned_nothing_are_counted_and_named():
    lines = shown(FINE, EMPTY, FINE, EMPTY)
    assert lines[0] == "2 of 4 networks learned nothing, seeds 1, 3; measured with seed 1:"
    assert shown(EMPTY, EMPTY)[0] == "all 2 networks learned nothing; measured with seed 0:"


def test_a_trend_is_printed_once_for_all_seeds_that_have_it():
    assert shown(RISING)[0] == "validation loss rises from epoch 9 on, from 0.3 to 0.4"
    lines = shown(RISING, FINE, RISING)
    assert lines[0] == "seeds 0, 2: validation loss rises from epoch 9 on, from 0.3 to 0.4 (figures of seed 0)"
    assert lines[1:] == ["  try: --patience 3"]


def test_notes_have_the_same_words_in_one_line():
    notes = listen()
    note_verdicts(networks(EMPTY, RISING))
    assert notes == [
        "1 of 2 networks learned nothing, seed 0; measured with seed 0: the accuracy is that of chance; all units are "
        "dead; try: a smaller --lr",
        "seed 1: validation loss rises from epoch 9 on, from 0.3 to 0.4; try: --patience 3",
    ]


@pytest.mark.parametrize(
    ("labels", "is_told"),
    [
        (np.arange(200) % 4, True),
        (np.zeros(200, np.int64), False),  # one class is not enough to decide
        (np.arange(8) % 2, False),  # a few images are not enough either
    ],
)
def test_a_sentence_says_that_all_answers_are_the_same_if_there_are_enough_images(labels, is_told):
    shares = np.tile([0.7, 0.1, 0.1, 0.1], (len(labels), 1))
    told = describe_answers(make_scores(shares, 1.4, labels, list("abcd"), 1), labels)
    assert bool(told) == is_told
    if is_told:
        assert told.startswith("the test accuracy, 0.2500, is within the noise (± 0.0946) of 0.2500, the share")


def test_there_is_no_sentence_about_good_answers():
    labels = np.arange(200) % 4
    assert describe_answers(make_scores(np.eye(4)[labels] * 0.6 + 0.1, 0.4, labels, list("abcd"), 1), labels) == ""
