"""What commands print about runs whose networks learned nothing."""

from __future__ import annotations

import json

import pytest

SMALL = ("--data.n-valid", "60", "--batch-size", "30", "--hidden", "6", "--epochs", "2")


@pytest.fixture(scope="module")
def lost(barenet, data, tmp_path_factory):
    """A folder with a run at a rate of 1000, and what the command printed."""
    folder = tmp_path_factory.mktemp("lost")
    course = ("--recipe", "course", "--lr", "1000", "--trainer.eval-every", "1")
    return folder, barenet("train", "--data", data, *course, *SMALL, "--quiet", cwd=folder)


def test_train_says_that_a_network_learned_nothing_and_why_and_what_to_try_and_exits_with_0(lost):
    _, trained = lost
    assert trained.returncode == 0
    lines = trained.stdout.splitlines()
    told = lines[lines.index("this network learned nothing:") :]
    assert told[1].startswith("  - the validation accuracy, ")
    assert [line for line in told if "the loss rose from " in line]
    assert told[-1] == "  try: a learning rate much smaller, such as --lr 0.1"


def test_the_command_test_says_that_the_network_learned_nothing(lost, barenet):
    folder, _ = lost
    assert "these answers say nothing about the images" in barenet("test", "course-1", cwd=folder).stdout


def test_json_says_whether_a_network_learned_anything(lost, barenet, data):
    folder, _ = lost
    trained = barenet("train", "--data", data, *SMALL, "--lr", "1e-9", "--json", cwd=folder)
    assert trained.returncode == 0
    figures = json.loads(trained.stdout)
    assert figures["learned"] is False
    assert "training changed the weights by " in " ".join(figures["reasons"])
    assert figures["advice"][0] == "a larger learning rate, such as --lr 0.001"
    assert figures["trend"] is None


@pytest.mark.slow
def test_search_says_which_trials_learned_nothing(barenet, data, tmp_path):
    searched = ("search", "--data", data, "--recipe", "quick", *SMALL[:-1], "6", "--workers", "0")
    some = barenet(*searched, "--grid", "lr=1e-9,0.05,1e-8", cwd=tmp_path)
    assert "2 of 3 trials learned nothing: trial 0, trial 2" in some.stdout, some.stderr
    none = barenet(*searched, "--grid", "lr=1e-9,1e-8", "--json", cwd=tmp_path)
    assert json.loads(none.stdout)["learned_nothing"] == [0, 1]
