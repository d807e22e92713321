"""Pictures of a study: which are drawn, the same bytes for the same study, and importances worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from families import slow

import barenet
from barenet.api import studies
from barenet.plots.search import draw_search_figures
from barenet.plots.search_scales import Scale, importances
from barenet.tuning.space.plan import Plan
from barenet.tuning.space.search_space import Space
from barenet.tuning.study.folder import RungRecord
from barenet.tuning.study.results import StudyResult
from barenet.tuning.study.trial import Trial


def study(points, accuracies):
    rungs = [[RungRecord("trained", 1, 0.5, accuracy)] for accuracy in accuracies]
    trials = [
        Trial(i, str(i), p, None, rungs=r, ended="finished") for i, (p, r) in enumerate(zip(points, rungs, strict=True))
    ]
    return StudyResult(None, Plan(), trials, [], "", 0.0, [])


def test_importance_is_the_share_of_variance_between_the_groups():
    space = Space.parse({"lr": [0.1, 0.2], "l2": [0.0, 0.5]})
    accuracies = [0.5, 0.7, 0.9, 0.7]  # lr: means 0.6 and 0.8; l2: 0.7 and 0.7
    result = study(list(space.grid()), accuracies)
    rows = dict(importances(result.trials, list(space), result))
    assert rows["lr"] == pytest.approx(0.01 / np.var(accuracies))
    assert rows["l2"] == pytest.approx(0.0)


def test_a_setting_that_no_compared_trial_has_explains_nothing():
    space = Space.parse({"n_hidden_layers": [1, 2], "hidden_size_2": {"low": 3, "high": 9}})
    result = study([{"n_hidden_layers": 1}] * 3, [0.5, 0.7, 0.9])
    assert dict(importances(result.trials, list(space), result)) == {"n_hidden_layers": 0.0, "hidden_size_2": 0.0}


def test_scales_are_logarithmic_where_values_differ_by_factors():
    space = Space.parse({"lr": [0.1, 0.01, 0.001], "batch_size": [32, 48], "activation": ["relu", "gelu"]})
    result = study(list(space.grid()), [0.5] * 12)
    lr, batch_size, activation = (Scale(dimension, result.trials) for dimension in space)
    assert lr.log
    assert lr.height(0.01) == pytest.approx(0.5)
    assert not batch_size.log
    assert batch_size.height(48) == 1
    assert [activation.place("relu"), activation.place("gelu")] == [0, 1]


@pytest.mark.parametrize(
    ("space", "options", "pictures"),
    [
        ({"lr": [0.02, 0.002], "l2": [0.0, 0.01]}, {}, "heat-map importance learning-curves parallel settings"),
        slow(({"lr": [0.02], "l2": [0.0]}, {}, "learning-curves")),
        slow(({"lr": [0.02, 1e30], "optimizer.name": ["sgd"]}, {}, "learning-curves")),
        slow(
            (
                {
                    "n_hidden_layers": [1, 2],
                    "hidden_size_2": {"low": 3, "high": 9},
                    "lr": {"low": 1e-4, "high": 1, "log": True},
                },
                {"trials": 9, "halving": True},
                "importance learning-curves parallel settings",
            )
        ),
    ],
)
def test_a_study_has_the_pictures_that_it_can_have_and_the_same_bytes_again(
    space, options, pictures, arrays, tmp_path, monkeypatch
):
    drawn = []

    def draw(*about):
        drawn.extend(about)
        return draw_search_figures(*about)

    monkeypatch.setattr(studies, "draw_search_figures", draw)
    common = {"n_valid": 100, "hidden_sizes": (8, 4), "batch_size": 48, "epochs": 3, "workers": 0, "verbose": False}
    folder = barenet.search(space, output=tmp_path, **arrays, **common, **options).folder / "figures"
    assert " ".join(sorted(path.stem for path in folder.glob("*.png"))) == pictures
    again = draw_search_figures(*drawn[:-1], tmp_path / "again")
    assert len(again) == len(pictures.split())
    for path in again:
        content = path.read_bytes()
        assert content.startswith(b"\x89PNG")
        assert (folder / path.name).read_bytes() == content
