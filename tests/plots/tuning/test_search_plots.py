"""Pictures of a study: which are drawn, the same bytes for the same study, and importances worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from families import full, slow

import barenet
from barenet.api import searching
from barenet.plots.appearance import new_figure
from barenet.plots.tuning import heat_map, parallel, points, settings
from barenet.plots.tuning.curves import Tints, draw_curves, setting_to_colour
from barenet.plots.tuning.parallel import side_by_side
from barenet.plots.tuning.points import Row, draw_rows, row_of
from barenet.plots.tuning.scales import Scale, colour_range, importances, limits
from barenet.plots.tuning.search import write_search_plots
from barenet.tuning.space.listed import list_points
from barenet.tuning.space.plan import Plan
from barenet.tuning.space.search_space import Space
from barenet.tuning.study.folder import RungRecord
from barenet.tuning.study.results import Repeated, StudyResult, noise_of
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


# How sure: the noise, and colours that span it


@pytest.mark.parametrize(
    ("heights", "ends"),
    [
        ([100.0, 100.0], (99, 101)),
        ([99.96, 100.0], (98.96, 101)),
        ([50.0, 100.0], (47, 103)),
        ([0.0, 0.0], (-1e-6, 1e-6)),
    ],
)
def test_an_axis_of_equal_figures_has_room_for_readable_numbers(heights, ends):
    result = SimpleNamespace(plan=Plan(metric="acc"))
    assert limits(result, heights) == pytest.approx(ends)


def test_noise_of_accuracies_is_twice_the_standard_error_of_their_difference():
    result = study([{"lr": 1}, {"lr": 2}], [0.9, 0.8])
    expected = 2 * math.sqrt(2 * 0.9 * 0.1 / 5000)
    assert noise_of(result.trials, [], result.plan, 5000) == pytest.approx(expected, rel=1e-3)
    assert noise_of(result.trials, [], Plan(metric="loss"), 5000) is None


def test_with_repeats_noise_is_at_least_what_the_seeds_make():
    result = study([{"lr": 1}, {"lr": 2}], [0.9, 0.8])
    repeated = [Repeated(trial, 3, 0.9, std) for trial, std in zip(result.trials, (0.03, 0.04), strict=True)]
    for metric in ("acc", "loss"):
        noise = noise_of(result.trials, repeated, Plan(metric=metric), 5000)
        assert noise == pytest.approx(2 * math.sqrt(0.03**2 + 0.04**2))


@pytest.mark.parametrize(
    ("values", "noise", "ends", "words"),
    [
        ([88.0, 88.5], 0.02, (87.25, 89.25), "differences below 2 points are within the noise; all of these are"),
        ([80.0, 88.0], 0.02, (80, 88), "differences below 2 points are within the noise"),
        ([88.0, math.nan], 0.02, (87, 89), "all of these are"),
        ([88.0, 88.0], None, (88, 89), "--repeats would measure the noise"),
    ],
)
def test_colours_of_a_heat_map_span_at_least_the_noise_and_say_so(values, noise, ends, words):
    result = replace(study([], []), noise=noise)
    *found, said = colour_range(np.array([values]), result)
    assert found == pytest.approx(ends)
    assert words in said


def test_a_heat_map_has_a_bar_from_end_to_end_of_its_colours():
    space = Space.parse({"lr": [0.1, 0.2], "l2": [0.0, 0.5]})
    result = replace(study(list(space.grid()), [0.880, 0.881, 0.882, 0.883]), noise=0.02)
    with new_figure(5, 4) as figure:
        heat_map.draw_heat_map(figure, result.trials, list(space), result)
        heat, bar = figure.axes
        assert heat.images[0].get_clim() == pytest.approx((87.15, 89.15))
        assert bar.get_ylabel() == "validation accuracy, %"
        assert "88.00" in [text.get_text() for text in heat.texts]


# Listed points: a row each


def listed(scores, **changes):
    """Return a study of points a, b, ... and its space."""
    space = list_points({"points": [{"name": name, "lr": 0.1 + i} for i, name in enumerate("abcdefgh"[: len(scores)])]})
    return replace(study(list(space.grid()), scores), **changes), space


def test_a_repeated_point_is_drawn_at_the_mean_of_its_repeats_with_their_deviation():
    result, _ = listed([0.5, 0.7])
    first, second = result.trials
    result = replace(result, repeated=[Repeated(second, 3, 0.8, 0.1, (0.7, 0.8, 0.9))])
    row = row_of(second, result)
    assert (row.scores, row.words, row.is_best) == ((70, 80, 90), "80.00 ± 10.00", True)
    assert row_of(first, result) == Row("a", (50,), "50.00")
    with new_figure(5, 2) as figure:
        axes = figure.subplots()
        draw_rows(axes, [row_of(first, result), row])
        bars = [line.get_xdata() for line in axes.lines if len(line.get_xdata()) == 2]
        assert bars == [pytest.approx([70, 90])]
        assert [tick.get_text() for tick in axes.get_yticklabels()] == ["a", "b"]
        assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first on top


def test_a_point_that_was_stopped_is_hollow_and_one_that_was_lost_has_its_word():
    result, _ = listed([0.5, 0.7, 0.6])
    result.trials[1].ended = "stopped"
    result.trials[2].rungs = [RungRecord("diverged", 1, reason="diverged in epoch 1")]
    result.trials[2].ended = "diverged"
    rows = [row_of(trial, result) for trial in result.trials]
    assert [row.words for row in rows] == ["50.00", "70.00, stopped", "diverged"]
    assert [row.is_whole for row in rows] == [True, False, True]
    assert rows[2].scores == ()


def test_a_list_has_two_pictures_and_of_a_long_one_the_best(tmp_path, monkeypatch):
    result, space = listed([0.5, 0.7, 0.6, 0.8])
    monkeypatch.setattr(points, "MOST_ROWS", 2)
    with new_figure(5, 2) as figure:
        points.draw_points(figure, result.trials, result)
        (axes,) = figure.axes
        assert [tick.get_text() for tick in axes.get_yticklabels()] == ["b", "d"]
        assert axes.get_title(loc="left") == "The best 2 of 4 points"
    paths = write_search_plots(result, space, {}, tmp_path)
    assert [path.name for path in paths] == ["learning-curves.png", "points.png"]


# Parallel coordinates: no line lies on another


def test_lines_at_one_value_lie_side_by_side_the_best_on_top_and_never_reach_the_next_value():
    space = Space.parse({"lr": [0.05, 0.01], "hidden_sizes": ["128-32", "256-64"], "seed": [1, 2, 3]})
    result = study(list(space.grid()), [0.80 + 0.01 * i for i in range(12)])
    for dimension in space:
        scale = Scale(dimension, result.trials)
        heights = side_by_side(scale, result.trials, result)
        assert len(set(heights)) == 12
        means = [scale.height(scale.place(trial.point[dimension.name])) for trial in result.trials]
        assert np.max(np.abs(np.subtract(heights, means))) <= parallel.SPREAD + 1e-9
        for place in set(means):
            members = [i for i, mean in enumerate(means) if mean == place]
            assert sorted(members, key=lambda i: heights[i]) == members  # scores rise with the number here
        assert heights == side_by_side(scale, result.trials, result)


def test_a_trial_that_lacks_a_setting_runs_below_all_values():
    space = Space.parse({"n_hidden_layers": [1, 2], "hidden_size_2": {"low": 3, "high": 9}})
    points = [{"n_hidden_layers": 1}, {"n_hidden_layers": 2, "hidden_size_2": 3}, {"n_hidden_layers": 1}]
    result = study(points, [0.5, 0.6, 0.7])
    heights = side_by_side(Scale(list(space)[1], result.trials), result.trials, result)
    assert heights[0] < heights[2] < 0 < heights[1]


# Curves, coloured by a setting


def test_curves_are_coloured_by_the_setting_that_explains_most():
    space = Space.parse({"l2": [0.0, 0.5, 0.7], "lr": [0.1, 0.2]})
    points = list(space.grid())
    chosen = setting_to_colour(study(points, [0.5 + p["lr"] for p in points]), list(space))
    assert chosen is not None
    assert chosen.name == "lr"
    alike = setting_to_colour(study(points, [0.5] * 6), list(space))  # the most varied where none explains anything
    assert alike is not None
    assert alike.name == "l2"
    assert setting_to_colour(study(points, [0.5] * 6), []) is None


def test_trials_of_one_value_have_one_colour_and_the_legend_names_each():
    space = Space.parse({"lr": [0.1, 0.2], "l2": [0.0, 0.5]})
    result = study(list(space.grid()), [0.5, 0.6, 0.8, 0.9])
    tints = Tints(Scale(next(iter(space)), result.trials))
    found = {trial.point["lr"]: set() for trial in result.trials}
    for trial in result.trials:
        found[trial.point["lr"]].add(tuple(tints.of(trial)))
    assert [len(colours) for colours in found.values()] == [1, 1]
    assert found[0.1] != found[0.2]
    assert list(tints.legend) == ["0.1", "0.2"]


def test_a_range_of_many_numbers_has_a_bar_of_colours_in_place_of_a_legend():
    space = Space.parse({"lr": {"low": 1e-4, "high": 1, "log": True}})
    result = study([{"lr": 10.0**-i} for i in range(8)], [0.5 + 0.01 * i for i in range(8)])
    histories = {i: [SimpleNamespace(epoch=e, valid_accuracy=0.1 * e) for e in (1, 2)] for i in range(8)}
    with new_figure(5, 3) as figure:
        draw_curves(figure, list(space), result, histories)
        curves, bar = figure.axes
        assert len({tuple(line.get_color()) for line in curves.lines}) == 8
        assert bar.get_ylabel() == "lr"
        assert bar.get_yscale() == "log"
        assert [text.get_text() for text in figure.legends[0].get_texts()] == ["best: trial 0"]


def test_the_cross_of_a_trial_that_was_stopped_has_the_colour_of_its_setting():
    space = Space.parse({"lr": [0.1, 0.2]})
    result = study([{"lr": 0.1}, {"lr": 0.2}], [0.6, 0.5])
    result.trials[1].ended = "stopped"
    histories = {i: [SimpleNamespace(epoch=1, valid_accuracy=0.5)] for i in range(2)}
    with new_figure(5, 3) as figure:
        draw_curves(figure, list(space), result, histories)
        [cross] = [line for line in figure.axes[0].lines if line.get_marker() == "x"]
        tints = Tints(Scale(next(iter(space)), result.trials))
        assert tuple(cross.get_color()) == tuple(tints.of(result.trials[1]))


def test_curves_of_a_single_epoch_stand_at_a_whole_number():
    result = study([{"lr": 1}, {"lr": 2}], [0.5, 0.6])
    histories = {i: [SimpleNamespace(epoch=1, valid_accuracy=0.5)] for i in range(2)}
    with new_figure(5, 3) as figure:
        draw_curves(figure, [], result, histories)
        assert figure.axes[0].get_xlim() == (0, 2)


# Means of settings


def test_groups_are_the_trials_of_each_value_or_of_each_quarter_of_many_numbers():
    few = Space.parse({"lr": [0.1, 0.2], "l2": [0.0, 0.5]})
    result = study(list(few.grid()), [0.5, 0.6, 0.8, 0.9])
    scale = Scale(next(iter(few)), result.trials)
    assert [group.tolist() for group in scale.groups(np.array([True, True, True, False]))] == [[0, 1], [2]]
    many = Space.parse({"lr": {"low": 0.1, "high": 0.9}})
    scale = Scale(next(iter(many)), study([{"lr": 0.1 * i} for i in range(1, 9)], [0.5] * 8).trials)
    assert [len(group) for group in scale.groups(np.ones(8, bool))] == [2, 2, 2, 2]


def test_settings_show_the_mean_and_the_deviation_of_each_value():
    space = Space.parse({"lr": [0.1, 0.2], "l2": [0.0, 0.5]})
    result = study(list(space.grid()), [0.5, 0.7, 0.8, 0.9])
    with new_figure(6, 3) as figure:
        settings.draw_settings(figure, result.trials, list(space), result)
        bars = [container for container in figure.axes[0].containers if container.has_yerr]
        middles = [float(bar.lines[0].get_ydata()[0]) for bar in bars]
        assert middles == pytest.approx([60, 85])
        low, high = bars[0].lines[2][0].get_segments()[0][:, 1]
        assert (high - low) / 2 == pytest.approx(10 * math.sqrt(2))  # of 50 and 70 around 60, n - 1
        assert "mean ± standard deviation" in figure.get_supxlabel()


@pytest.mark.parametrize(
    ("space", "options", "pictures"),
    [
        ({"lr": [0.02, 0.002], "l2": [0.0, 0.01]}, {}, "heat-map importance learning-curves parallel settings"),
        full(({"lr": [0.02], "l2": [0.0]}, {}, "learning-curves")),
        full(({"lr": [0.02, 1e30], "optimizer.name": ["sgd"]}, {}, "learning-curves")),
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
@pytest.mark.slow
def test_a_study_has_the_pictures_that_it_can_have_and_the_same_bytes_again(
    space, options, pictures, arrays, tmp_path, monkeypatch
):
    drawn = []

    def draw(*about):
        drawn.extend(about)
        return write_search_plots(*about)

    monkeypatch.setattr(searching, "write_search_plots", draw)
    common = {"n_valid": 100, "hidden_sizes": (8, 4), "batch_size": 48, "epochs": 3, "workers": 0, "verbose": False}
    folder = barenet.search(space, output=tmp_path, **arrays, **common, **options).folder / "figures"
    assert " ".join(sorted(path.stem for path in folder.glob("*.png"))) == pictures
    again = write_search_plots(*drawn[:-1], tmp_path / "again")
    assert len(again) == len(pictures.split())
    for path in again:
        content = path.read_bytes()
        assert content.startswith(b"\x89PNG")
        assert (folder / path.name).read_bytes() == content
