"""Spaces that are a list of points: what a person may write, what it means, and each mistake."""

from __future__ import annotations

import pytest
from told import listen

from barenet.errors import ConfigError
from barenet.schema import SchemaError
from barenet.tuning.space.listed import list_points
from barenet.tuning.space.points import describe
from barenet.tuning.space.prepared import prepare_search
from barenet.tuning.space.request import make_request
from barenet.tuning.space.space_file import write_space_file

SGD = {"name": "SGD", "lr": 0.1}
ADAMW = {"optimizer": "adamw", "learning_rate": 0.003, "model": {"hidden_sizes": [6, 6]}, "clip_norm": None}
TABLES = """recipe = "quick"
[search]
repeats = 2
[trainer]
epochs = 3
[data]
n_valid = 100

[[points]]
name = "SGD"
optimizer.name = "sgd"
lr = 0.1

[[points]]
hidden_sizes = [6, 6]
clip_norm = "none"

[[points]]
"""


def test_points_are_tried_as_they_are_listed_and_the_first_name_of_a_setting_is_used_in_all():
    space = list_points({"points": [SGD, ADAMW, {}]})
    words = "optimizer=adamw lr=0.003 model.hidden_sizes=6-6 clip_norm=none"
    assert list(space.grid()) == [
        {"name": "SGD", "lr": 0.1},
        {"name": words, "optimizer": "adamw", "lr": 0.003, "model.hidden_sizes": "6-6", "clip_norm": None},
        {"name": "base settings"},
    ]
    assert [describe(point, ["name"]) for point in space.grid()] == ["SGD", words, "base settings"]
    assert space.check_grid(3) == 3
    assert (space.varied, space.has_ranges) == (["name"], False)
    assert set(space.targets) == {
        *("optimizer.learning_rate", "optimizer.name", "model.hidden_sizes", "optimizer.clip_norm"),
    }


def test_a_setting_counts_for_the_points_that_have_it_with_their_values():
    name, rate, optimizer, *_ = list_points({"points": [SGD, ADAMW]})
    assert (name.name, rate.choices, optimizer.choices) == ("name", (0.1, 0.003), ("adamw",))
    assert rate.is_active({"name": "SGD"})
    assert not optimizer.is_active({"name": "SGD"})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"name": "SGD", "lr": 0.2}, "lr is 0.2, which is not searched"),
        ({"name": "SGD", "lr": 0.003}, "'SGD' has other settings than its point in the list"),
        ({"name": "SGD"}, "lr is missing"),
        ({"name": "GD", "lr": 0.1}, "name is 'GD', which is not searched"),
    ],
)
def test_a_point_that_is_not_in_the_list_is_noticed(changed, message):
    space = list_points({"points": [SGD, {"lr": 0.003}]})
    space.check_point(SGD)
    with pytest.raises(SchemaError) as error:
        space.check_point(changed)
    assert str(error.value) == message


def test_a_file_of_points_may_have_settings_for_all_and_its_written_form_asks_for_the_same(tmp_path):
    path = tmp_path / "ladder.toml"
    path.write_text(TABLES, "utf-8")
    request = make_request(path, None, None, {})
    config = request.base.config()
    assert (request.base.recipe, request.prefix, request.plan.repeats) == ("quick", "ladder", 2)
    assert (config.trainer.epochs, config.data.n_valid) == (3, 100)
    assert list(request.space.grid()) == [
        {"name": "SGD", "optimizer.name": "sgd", "lr": 0.1},
        {"name": "hidden_sizes=6-6 clip_norm=none", "hidden_sizes": "6-6", "clip_norm": None},
        {"name": "base settings"},
    ]
    path.write_text(write_space_file(request.table, request.plan, request.base), "utf-8")
    again = make_request(path, None, None, {})
    assert list(request.differences(again)) == []
    assert again.table == request.table


def test_a_list_in_another_order_or_with_other_settings_is_another_space():
    first, turned, other = (
        make_request(points, None, None, {}) for points in ([SGD, {}], [{}, SGD], [{**SGD, "lr": 0.2}, {}])
    )
    assert list(first.differences(first)) == []
    assert len(list(first.differences(turned))) == 2
    assert list(first.differences(other)) == [
        "was made from another space: it searches the point {'name': 'SGD', 'lr': 0.1}, not the point {'name': 'SGD', "
        "'lr': 0.2}"
    ]


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([], "the list of points is empty"),
        ([SGD, {"lrr": 0.1}], "point 2: unknown setting 'lrr'; did you mean 'lr'?"),
        ([{"name": "bad", "n_valid": 3}], "point 1 (bad): n_valid cannot be searched: all trials share one split"),
        ([{"lr": 0.1}, {"learning_rate": 0.1}], "point 2 is point 1 again (lr=0.1); leave one out"),
        ([SGD, {"name": "SGD", "lr": 0.2}], "points 1 and 2 have one name, 'SGD'; change one"),
        ([{"lr": [0.1, 0.2]}], "point 1: a point has one value of lr, got [0.1, 0.2]; list a point for each"),
        ([{"lr": {"low": 0.1}}], "point 1: a value of lr must be a number, a text or true or false"),
        ([{"lr": 0.1, "learning_rate": 0.2}], "point 1: 'lr' and 'learning_rate' are the same setting"),
        ([{"hidden": 4, "hidden_size_1": 4}], "point 1: 'hidden' and 'hidden_size_1' both decide the layers"),
        ([{"name": 5}], "the name of point 1 must be a text of one line, got 5"),
        ([{"name": "a\nb"}], "the name of point 1 must be a text of one line, got 'a\\nb'"),
        ([0.1], "point 1 is 0.1, expected settings by their names, such as lr = 0.1"),
        ({"points": 5}, "points must be a list of points, each settings by their names, got 5"),
        ({"points": SGD}, "points is one table; write [[points]], with two brackets, above each point"),
        ({"points": [SGD], "l2": [0, 1]}, "l2 cannot be searched beside a list of points; write it into each point"),
        ((point for point in [SGD]), "the space is a value of type generator, expected values by the names of"),
    ],
)
def test_a_wrong_list_gives_one_line_that_names_the_mistake(points, message):
    with pytest.raises(ConfigError) as error:
        make_request(points, None, None, {})
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[points]]\nlr = 0.1\n[space]\nlr = [0.1]\n", "a space is [space] or [[points]], not both"),
        ("lr = [0.1]\n[[points]]\nl2 = 0.1\n", "lr cannot be searched beside a list of points"),
        ("[trainr]\nepochs = 1\n[[points]]\nl2 = 0.1\n", "unknown table [trainr]; did you mean 'trainer'?"),
    ],
)
def test_a_file_of_points_may_have_nothing_else_but_settings(text, message, tmp_path):
    path = tmp_path / "points.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as error:
        make_request(path, None, None, {})
    assert str(error.value).startswith(f"{path}: {message}")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"strategy": "tpe"}, "all points of a list are tried: leave out --strategy tpe"),
        ({"trials": 3}, "a grid has as many trials as points"),
        ({"halving": True}, "halving decides how many epochs a trial gets"),
    ],
)
def test_all_points_of_a_list_are_tried(values, message):
    with pytest.raises(ConfigError, match=message):
        make_request([{"epochs": 2}, SGD], None, None, values)


# With the data


def check(points, dataset, **values):
    request = make_request(points, None, None, {"n_valid": 100, "batch_size": 50, **values})
    prepare_search(request, dataset).check()


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([SGD, {"name": "bad", "lr": -1}], "optimizer.learning_rate must be greater than 0, got -1 (at the point bad)"),
        (
            [SGD, {"weight_decay": 0.1}],
            "optimizer.weight_decay = 0.1 belongs to adamw; sgd has l2: leave it out (at the point weight_decay=0.1)",
        ),
        ([{"name": "bad", "hidden_size_3": 4}], "there is no hidden_size_3: the network has 2 hidden layers (at the"),
        ([SGD, {"name": "again", "lr": 0.1}], "the points 'SGD' and 'again' have the same settings; leave one out"),
        ([{"lr": 0.05}, {}], "the points 'lr=0.05' and 'base settings' have the same settings; leave one out"),
    ],
)
def test_a_point_that_cannot_be_trained_or_equals_another_is_named(points, message, dataset):
    with pytest.raises(ConfigError) as error:
        check(points, dataset)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_points_may_differ_in_optimizer_and_schedule_and_in_their_settings(dataset):
    notes = listen()
    decay = {"schedule": "exponential", "decay_rate": 0.9, "decay_step": 10}
    adamw = {"optimizer": "adamw"}
    check([{}, adamw, {**adamw, "weight_decay": 0.1}, {**decay, "momentum": 0.9}], dataset)
    note = "optimizer adamw in place of sgd: learning rate 0.001, the default of adamw, in place of 0.05"
    assert [found for found in notes if "adamw" in found] == [note]


def test_more_points_than_the_limit_are_refused(dataset):
    with pytest.raises(ConfigError, match="the list has 2 points and 1 are allowed; raise that by --limit"):
        check([SGD, {}], dataset, limit=1)
