"""Spaces: what a person may write, the points of a grid, and each mistake."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import barenet
from barenet.errors import ConfigError
from barenet.tuning.space.plan import Plan
from barenet.tuning.space.points import Base
from barenet.tuning.space.search_space import COURSE_GRID, Space
from barenet.tuning.space.space_file import parse_flags, read_space_file, write_space_file
from barenet.tuning.workers.rung import split_stacks


def grid(table, n_hidden=2):
    return list(Space.parse(table, n_hidden=n_hidden).grid())


def test_the_course_projects_grid_is_the_product_in_its_order():
    names = list(COURSE_GRID)
    wanted = [dict(zip(names, values, strict=True)) for values in itertools.product(*COURSE_GRID.values())]
    assert len(wanted) == 16
    assert grid(COURSE_GRID) == wanted


def test_ranges_in_a_grid_are_divided_evenly_or_by_equal_factors():
    even = {"low": 0.0, "high": 0.9, "points": 4}
    factors = {"low": 0.001, "high": 0.1, "log": True, "points": 3}
    points = grid({"momentum": even, "lr": factors})
    assert sorted({point["momentum"] for point in points}) == pytest.approx([0.0, 0.3, 0.6, 0.9])
    assert sorted({point["lr"] for point in points}) == pytest.approx([0.001, 0.01, 0.1])
    assert [p["batch_size"] for p in grid({"batch_size": {"low": 3, "high": 6}})] == [3, 4, 5, 6]


def test_a_layer_counts_only_where_the_network_has_it():
    points = grid({"hidden_size_2": [8, 4], "n_hidden_layers": [1, 2], "activation_1": ["relu", "tanh"]})
    assert len(points) == 2 + 2 * 2
    assert all(("hidden_size_2" in point) == (point["n_hidden_layers"] == 2) for point in points)


def test_a_condition_leaves_points_out():
    space = {"momentum": {"choices": [0.5, 0.9], "when": {"optimizer.name": "sgd"}}, "optimizer.name": ["sgd", "adam"]}
    assert len(grid(space)) == 3


def test_tables_lists_of_sizes_and_single_values_are_understood():
    points = grid({"model": {"hidden_sizes": [[128, 32], [64]]}, "optimizer": {"lr": 0.1}})
    assert points == [
        {"model.hidden_sizes": "128-32", "optimizer.lr": 0.1},
        {"model.hidden_sizes": "64", "optimizer.lr": 0.1},
    ]


def test_equal_values_count_once():
    assert len(grid({"lr": [0.1, 0.1, 0.10]})) == 1


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "names no setting to search"),
        ({"lr": []}, "lr needs at least one value, got []"),
        ({"learning_rte": [0.1]}, "unknown setting 'learning_rte'; did you mean 'learning_rate'?"),
        ({"hidden_szie_1": [8]}, "unknown setting 'hidden_szie_1'; did you mean 'hidden_size_1'?"),
        ({"optimizer.learning_rte": [1]}, "did you mean 'optimizer.learning_rate'?"),
        ({"hidden_size_3": [8]}, "there is no hidden_size_3: the network has 2 hidden layers"),
        ({"activation_4": ["relu"]}, "there is no activation_4: the network has 2 hidden layers"),
        (
            {"n_hidden_layers": [1, 2], "hidden_size_3": [8]},
            "there is no hidden_size_3: the network has 2 hidden layers",
        ),
        ({"lr": {"low": 0.1, "high": 0.01}}, "lr goes from low = 0.1 to high = 0.01; low must be less than high"),
        ({"lr": {"low": 0.1}}, "lr needs low and high, two numbers, or a list of choices; got high = None"),
        ({"l2": {"low": 0, "high": 1.0, "log": True}}, "l2 with log = True must begin above 0, got low = 0"),
        ({"batch_size": {"low": 1.5, "high": 3}}, "batch_size takes whole numbers"),
        ({"lr": {"low": 0.1, "high": 1.0, "points": 1}}, "points of lr must be a whole number, 2 or more, got 1"),
        ({"lr": {"low": 0.1, "hihg": 1.0}}, "lr has an unknown 'hihg'; did you mean 'high'?"),
        ({"lr": [0.1], "learning_rate": [0.2]}, "'lr' and 'learning_rate' are the same setting"),
        ({"hidden_sizes": [[8]], "hidden_size_1": [8]}, "'hidden_sizes' and 'hidden_size_1' both decide the layers"),
        ({"split_seed": [0, 1]}, "split_seed cannot be searched: all trials share one split"),
        ({"teacher": ["a", "b"]}, "teacher cannot be searched: all trials have one teacher; name it by --teacher"),
        ({"n_seeds": [2]}, "--repeats trains the best settings with several seeds"),
        ({"momentum": {"choices": [0.5], "when": {"optimzer.name": "sgd"}}, "lr": [1]}, "which is not searched"),
        ({"lr": [{"a": 1}]}, "a value of lr must be a number, a text or true or false"),
    ],
)
def test_a_wrong_space_gives_one_line_that_names_the_mistake(table, message):
    with pytest.raises(ConfigError) as error:
        Space.parse(table, n_hidden=2)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_grid_of_a_million_points_needs_a_limit():
    rates = [0.001 * i for i in range(1, 101)]
    space = Space.parse({"lr": rates, "l2": rates, "momentum": [0.009 * i for i in range(100)]})
    with pytest.raises(ConfigError, match="1,000,000 points and 10,000 are allowed; raise that by --limit"):
        space.check_grid(10_000)
    assert space.check_grid(1_000_000) == 1_000_000


def test_a_range_of_real_numbers_is_no_grid():
    with pytest.raises(ConfigError, match="a grid takes single values of lr"):
        Space.parse({"lr": {"low": 0.1, "high": 1.0}}).check_grid(10)


SETTINGS = st.sampled_from(["lr", "l2", "momentum", "clip_norm"])


@settings(deadline=None)  # 0.2 s an example is too little beside other programs
@given(st.dictionaries(SETTINGS, st.lists(st.floats(0.1, 0.9), min_size=1), min_size=1))
def test_a_grid_has_as_many_points_as_it_says_and_none_twice(table):
    space = Space.parse(table)
    points = [tuple(point.values()) for point in space.grid()]
    assert len(points) == len(set(points)) == space.check_grid(10**9)


# Files and flags


def test_a_written_space_file_asks_for_the_same_in_the_same_order(tmp_path):
    table = {
        "lr": {"low": 0.001, "high": 0.1, "log": True},
        "clip_norm": [None, 1.0],
        "n_hidden_layers": [1, 2],
        "hidden_sizes": [[8, 4], [6]],
        "optimizer.name": ["sgd", "adam"],
        "momentum": {"choices": [0.0, 0.9], "when": {"optimizer.name": "sgd"}},
        "activation": ['re"lu'],
    }
    base = Base("course", {"trainer.epochs": 3, "data.path": "a b", "optimizer.clip_norm": None})
    path = tmp_path / "space.toml"
    path.write_text(write_space_file(table, Plan(strategy="tpe", trials=7, halving=True), base), "utf-8")
    space, search, given = read_space_file(path)
    assert space == table
    assert list(space) == list(table)
    assert search == {"strategy": "tpe", "trials": 7, "halving": True, "recipe": "course"}
    assert given == {"trainer.epochs": 3, "data.path": "a b"}


def test_the_message_about_a_misspelt_table_names_search_and_space(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[serch]\nstrategy = 'tpe'\n[space]\nlr = [0.1]\n", "utf-8")
    with pytest.raises(ConfigError, match=r"unknown table \[serch\]; did you mean 'search'"):
        read_space_file(path)


@pytest.mark.parametrize(("parent", "value"), [(["sgd", "adam"], "sdg"), (["sgd", "adam"], ["sgd", "adamw"])])
def test_a_condition_on_a_value_that_is_not_searched_is_an_error(parent, value):
    table = {"optimizer.name": parent, "momentum": {"choices": [0.0, 0.9], "when": {"optimizer.name": value}}}
    with pytest.raises(ConfigError, match=r"momentum counts when optimizer\.name is '.*', but it takes sgd, adam"):
        Space.parse(table)


def test_a_condition_on_a_range_must_lie_in_it():
    table = {"batch_size": {"low": 8, "high": 64}, "momentum": {"choices": [0.0, 0.9], "when": {"batch_size": [16]}}}
    assert Space.parse(table).names == ["batch_size", "momentum"]
    table["momentum"]["when"] = {"batch_size": [65]}
    with pytest.raises(ConfigError, match="is 65, but it takes 8 to 64"):
        Space.parse(table)


def test_a_space_file_holds_the_space_the_search_and_settings(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        "[search]\nstrategy = 'tpe'\n[space]\nlr = {low = 0.001, high = 0.1, log = true}\nclip_norm = ['none', 1.0]\n"
        "[trainer]\nepochs = 3\n",
        "utf-8",
    )
    space, search, given = read_space_file(path)
    assert space == {"lr": {"low": 0.001, "high": 0.1, "log": True}, "clip_norm": [None, 1.0]}
    assert search == {"strategy": "tpe"}
    assert given == {"trainer.epochs": 3}
    path.write_text("lr = [0.1, 0.01]\n[model]\nactivation = ['relu', 'gelu']\n", "utf-8")
    assert read_space_file(path) == ({"lr": [0.1, 0.01], "model": {"activation": ["relu", "gelu"]}}, {}, {})


@pytest.mark.parametrize(
    ("grids", "ranges", "message"),
    [
        (["lr"], [], "--grid takes NAME=VALUES"),
        (["lr=0.1", "lr=0.2"], [], "lr was given twice"),
        ([], ["lr=0.1"], "--range takes NAME=LOW:HIGH"),
        ([], ["lr=0.1:1:lin"], "--range takes NAME=LOW:HIGH"),
        ([], ["lr=a:b"], "--range takes NAME=LOW:HIGH"),
    ],
)
def test_the_message_about_a_wrong_flag_shows_how_to_write_it(grids, ranges, message):
    with pytest.raises(ConfigError, match=message):
        parse_flags(grids, ranges)


# From points to settings


@pytest.fixture(scope="module")
def configure(dataset):
    def make(point, recipe="course", **given):
        base = Base(recipe, {"data.n_valid": 100, **given})
        resolved, data = base.prepare(dataset, "acc")
        return base.resolve(point, resolved, dataset, data.n_train)

    return make


def test_the_course_projects_words_change_the_settings_that_they_name(configure):
    point = {"hidden_size_2": 5, "lr": 0.3, "ld": 0.02, "decay_rate": 0.5, "decay_step": 7, "input_dim": 64}
    config = configure(point)
    assert config.model.hidden_sizes == (128, 5)
    assert (config.optimizer.learning_rate, config.optimizer.l2) == (0.3, 0.02)
    assert (config.schedule.decay_rate, config.schedule.decay_step) == (0.5, 7)


def test_activations_of_single_layers_make_an_architecture(configure):
    rows = configure({"activation_2": "tanh", "hidden_size_1": 9}).model.layers
    assert [(row.input_dim, row.output_dim, row.activation) for row in rows] == [
        (64, 9, "relu"),
        (9, 32, "tanh"),
        (32, 4, "softmax"),
    ]
    same = configure({"activation_1": "tanh", "activation_2": "tanh"})
    assert same.model.layers is None
    assert same.model.activation == "tanh"


def test_further_layers_of_a_deeper_network_have_the_last_size(configure):
    assert configure({"n_hidden_layers": 3, "hidden_size_2": 7}).model.hidden_sizes == (128, 7, 32)
    assert configure({"n_hidden_layers": 0}).model.hidden_sizes == ()


def test_a_recipes_settings_of_its_optimizer_do_not_apply_to_another(configure):
    assert configure({"optimizer.name": "sgd"}, recipe="quick").optimizer.weight_decay == 0


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ({"input_dim": 784}, "input_dim must be 64, the number of pixels"),
        ({"batch_size": 501}, "data.batch_size must be at most the 500 training images, got 501"),
        (
            {"batch_size": 499, "normalization": "batch"},
            "with data.batch_size = 499 the last of an epoch has one alone",
        ),
        ({"residual": True}, "residual connections between unequal widths: 128, 32"),
        ({"lr": -1.0}, "optimizer.learning_rate must be greater than 0, got -1.0"),
        ({"hidden_size_1": 0}, "model.hidden_sizes: entry 1 must be greater than 0, got 0"),
        ({"activation_1": "rulu"}, "unknown activation 'rulu'; did you mean 'relu'?"),
    ],
)
def test_settings_that_cannot_be_trained_are_named(point, message, configure):
    with pytest.raises(ConfigError) as error:
        configure(point)
    assert message in str(error.value)


# Plans


def test_rungs_are_parts_of_the_epochs_and_whole_validations():
    assert Plan(halving=True).rungs(81, 1, 100) == [3, 9, 27, 81]
    assert Plan(halving=True, eta=2).rungs(8, 1, 4) == [2, 4, 8]
    assert Plan(halving=True).rungs(100, 10, 64) == [10, 30, 100]
    assert Plan(halving=True, min_epochs=5).rungs(81, 1, 100) == [9, 27, 81]
    assert Plan(halving=True).rungs(9, 1, 2) == [9]
    assert Plan().rungs(9, 1, 64) == [9]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"metric": "accuracy"}, "search.metric must be 'acc' or 'loss', got 'accuracy'"),
        ({"trials": 0}, "search.trials must be greater than 0, got 0"),
        ({"strategy": "bayes"}, "search.strategy must be"),
        ({"halvin": True}, "unknown setting search.halvin; did you mean 'halving'?"),
    ],
)
def test_a_wrong_plan_gives_one_line(values, message):
    with pytest.raises(ConfigError) as error:
        Plan.make(values)
    assert message in str(error.value)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(1, 5), st.integers(1, 6))
def test_stacks_hold_every_trial_once_none_too_large_and_keep_the_workers_busy(sizes, largest, n_workers):
    trials = iter(range(sum(sizes)))
    groups = [list(itertools.islice(trials, size)) for size in sizes]
    stacks = split_stacks(groups, largest, n_workers)
    assert sorted(i for stack in stacks for i in stack) == list(range(sum(sizes)))
    assert max(map(len, stacks)) <= largest
    assert len(stacks) >= min(n_workers, sum(sizes))
    assert all(any(set(stack) <= set(group) for group in groups) for stack in stacks)


@pytest.mark.parametrize("name", Plan.model_fields)
def test_python_s_search_names_each_setting_of_a_search(name):
    described = " ".join(barenet.search.__doc__.partition("**values:")[2].split())
    assert re.search(rf"\b{name}\b", described)
