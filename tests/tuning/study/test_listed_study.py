"""Searches over a list of points: each is trained with its settings; repeats, halving and resuming work as usual."""

from __future__ import annotations

import csv

import pytest

import barenet
import barenet.errors
from barenet.tuning.study.observer import SearchObserver

POINTS = [
    {"name": "SGD", "lr": 0.05},
    {"name": "SGD, momentum", "lr": 0.02, "momentum": 0.9},
    {"optimizer": "adamw", "lr": 0.01, "weight_decay": 0.1, "schedule": "cosine", "warmup_epochs": 1},
    {"name": "two layers of 6", "hidden_sizes": [6, 6], "activation": "gelu"},
]
WORDS = "optimizer=adamw lr=0.01 weight_decay=0.1 schedule=cosine warmup_epochs=1"


@pytest.fixture
def search_points(small_search):
    return lambda **values: small_search(POINTS, lr=0.03, epochs=2, **values)


def by_number(result):
    return sorted(result.trials, key=lambda trial: trial.number)


@pytest.mark.slow
def test_each_point_is_the_run_that_train_gives_with_its_settings(search_points, arrays):
    result = search_points()
    assert [trial.point["name"] for trial in by_number(result)] == ["SGD", "SGD, momentum", WORDS, "two layers of 6"]
    base = {"hidden_sizes": (8, 4), "lr": 0.03, "n_valid": 100, "batch_size": 48, "epochs": 2, "label_smoothing": 0}
    for trial, point in zip(by_number(result), POINTS, strict=True):
        settings = {**base, **{name: value for name, value in point.items() if name != "name"}}
        run = barenet.train(**arrays, recipe="course", **settings, eval_every=1, output=None, verbose=False, threads=1)
        assert trial.last.valid_loss == run.networks[0].history[-1].valid_loss
    with (result.folder / "results.csv").open(encoding="utf-8") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert [rows[name]["momentum"] for name in ("SGD", "SGD, momentum")] == ["", "0.9"]
    assert (rows[WORDS]["optimizer"], rows["two layers of 6"]["hidden_sizes"]) == ("adamw", "6-6")


@pytest.mark.slow
def test_all_points_can_be_repeated_and_every_score_is_kept(search_points):
    result = search_points(repeats=2, repeat_best=9)
    assert [repeated.n for repeated in result.repeated] == [2] * 4
    for repeated, row in zip(result.repeated, result.as_dict()["repeats"], strict=True):
        assert sum(repeated.scores) / 2 == pytest.approx(repeated.mean)
        assert row["scores"] == list(repeated.scores)
        assert row["settings"]["name"] == repeated.trial.point["name"]


class Stop(SearchObserver):
    """Ends a search, as Ctrl-C does, after the first finished stack."""

    def finished(self, stack, rung):
        raise KeyboardInterrupt


@pytest.mark.slow
def test_a_stopped_list_goes_on_with_workers_as_if_it_had_never_stopped(
    search_points, small_search, contents, tmp_path
):
    options = {"halving": True, "eta": 2, "min_epochs": 1, "repeats": 1, "stack": 1}
    whole = search_points(**options, name="whole")
    assert sorted(trial.ended for trial in whole.trials) == ["finished"] * 2 + ["stopped"] * 2
    with pytest.raises(KeyboardInterrupt):
        search_points(**options, name="part", observer=Stop())
    part = small_search(resume=tmp_path / "studies" / "part", workers=2)
    assert contents(part.folder) == contents(whole.folder)


@pytest.mark.slow
def test_the_space_file_of_a_list_asks_for_the_same_study(search_points, contents, arrays, tmp_path):
    first = search_points()
    again = barenet.search(first.folder / "space.toml", **arrays, workers=0, verbose=False, output=tmp_path)
    assert contents(again.folder) == contents(first.folder)


@pytest.mark.slow
def test_another_list_does_not_go_on_with_a_study(search_points, small_search):
    folder = search_points().folder
    assert small_search(POINTS, resume=folder).best.number == small_search(resume=folder).best.number
    with pytest.raises(barenet.errors.RunError, match="was made from another space: it searches the point"):
        small_search([*POINTS[1:], POINTS[0]], resume=folder)
