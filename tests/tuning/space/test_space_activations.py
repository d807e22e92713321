"""Activations in a search: one for all layers, or one for each, written with a dash."""

from __future__ import annotations

import pytest

from barenet.errors import ConfigError
from barenet.training.preparation import architecture_of
from barenet.tuning.space.points import Base
from barenet.tuning.space.search_space import Space
from barenet.tuning.space.space_file import parse_flags


def layers_of(base: Base, point, dataset):
    resolved, _ = base.prepare(dataset, "acc")
    config = base.resolve(point, resolved, dataset, 400)
    rows = architecture_of(config, dataset.n_inputs, dataset.n_classes).rows
    return [(row.output_dim, row.activation.name) for row in rows]


def test_a_comma_separates_values_and_a_dash_separates_layers():
    (dimension,) = Space.parse(parse_flags(["activation=relu-tanh,gelu"], []))
    assert dimension.choices == ("relu-tanh", "gelu")
    (listed,) = Space.parse({"activation": [["relu", "leaky_relu"], "tanh"]})
    assert listed.choices == ("relu-leaky_relu", "tanh")


def test_a_point_gives_each_layer_its_activation(dataset):
    base = Base("course", {"data.n_valid": 100, "model.hidden_sizes": [16, 8]})
    assert layers_of(base, {"activation": "relu-tanh"}, dataset) == [(16, "relu"), (8, "tanh"), (4, "softmax")]


def test_activations_of_each_layer_go_with_the_sizes_of_single_layers(dataset):
    base = Base("course", {"data.n_valid": 100})
    point = {"n_hidden_layers": 3, "hidden_size_1": 16, "activation": "relu-tanh-gelu"}
    found = layers_of(base, point, dataset)
    assert found == [(16, "relu"), (32, "tanh"), (32, "gelu"), (4, "softmax")]


@pytest.mark.parametrize(
    ("given", "point"),
    [
        ({}, {"n_hidden_layers": 3, "activation": "relu-tanh"}),
        ({}, {"hidden": "16-8-4", "activation": "relu-tanh"}),
        ({"model.activation": ["relu", "tanh"]}, {"n_hidden_layers": 3}),
        ({"model.activation": ["relu", "tanh"]}, {"hidden": "16-8-4"}),
    ],
)
def test_another_number_of_layers_is_refused(dataset, given, point):
    base = Base("course", {"data.n_valid": 100, **given})
    with pytest.raises(ConfigError, match=r"2 activations \(relu, tanh\) for 3 hidden layers"):
        layers_of(base, point, dataset)
