"""One activation for each hidden layer: how it is written, kept and refused."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest
import tomli_w

import barenet
from barenet.cli.flags import flag_of
from barenet.config.sources import build_config
from barenet.errors import ConfigError
from barenet.nn import MLP, Activation
from barenet.training.preparation import architecture_of

TWO = {"model.hidden_sizes": (16, 8)}


def names_of(config) -> list[str]:
    return [row.activation.name for row in architecture_of(config, 64, 4).rows]


@pytest.mark.parametrize("value", ["relu,tanh", "relu-tanh", " relu , tanh ", ["relu", "tanh"], ("relu", "tanh")])
def test_each_layer_has_its_activation(value):
    config = build_config(flags={**TWO, "model.activation": value})
    assert config.model.activation == ("relu", "tanh")
    assert names_of(config) == ["relu", "tanh", "softmax"]


def test_names_with_an_underscore_and_other_spellings_are_read():
    config = build_config(flags={**TWO, "model.activation": "leakyrelu-leaky_relu"})
    assert config.model.activation == "leaky_relu"  # the same in all layers is one name
    mixed = build_config(flags={**TWO, "model.activation": "linear,leaky_relu"})
    assert mixed.model.activation == ("identity", "leaky_relu")


def test_files_hold_a_list_and_read_it_again(tmp_path):
    config = build_config(flags={**TWO, "model.activation": "relu,tanh"})
    text = tomli_w.dumps(config.as_tables())
    assert tomllib.loads(text)["model"]["activation"] == ["relu", "tanh"]
    path = tmp_path / "mine.toml"
    path.write_text(text, "utf-8")
    assert build_config(file=path).model_dump() == config.model_dump()


def test_the_same_activation_in_all_layers_is_one_word_in_files():
    assert build_config(flags=TWO | {"model.activation": "relu,relu"}).as_tables()["model"]["activation"] == "relu"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("relu,tanh,gelu", "3 activations (relu, tanh, gelu) for 2 hidden layers; give one for all"),
        (["relu"], "1 activation (relu) for 2 hidden layers"),
        ([], "0 activations for 2 hidden layers"),
        ("relu,tahn", "unknown activation 'tahn'; did you mean 'tanh'?"),
        ("leaky-relu", "unknown activation 'leaky-relu'; did you mean 'leaky_relu'?"),
        ([3, 4], "unknown activation 3"),
    ],
)
def test_a_wrong_count_or_name_is_refused_in_one_line(value, message):
    with pytest.raises(ConfigError) as caught:
        build_config(flags={**TWO, "model.activation": value})
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


def test_another_number_of_layers_than_the_file_has_activations_is_refused(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('[model]\nhidden_sizes = [16, 8]\nactivation = ["relu", "tanh"]\n', "utf-8")
    with pytest.raises(ConfigError, match=r"2 activations \(relu, tanh\) for 1 hidden layer;"):
        build_config(file=path, flags={"model.hidden_sizes": "64"})


def test_a_network_takes_one_activation_for_each_layer():
    rows = MLP(4, (3, 2), 2, activation=("relu", "tanh")).architecture.rows
    assert [row.activation.name for row in rows] == ["relu", "tanh", "softmax"]
    with pytest.raises(ConfigError, match="1 activation"):
        MLP(4, (3, 2), 2, activation=("relu",))


def test_the_list_may_hold_custom_functions(arrays):
    double = Activation.custom("double", lambda z: 2 * z, lambda da, z, a: 2 * da)
    values = {"hidden_sizes": (6, 5), "epochs": 1, "batch_size": 64, "n_valid": 60}
    result = barenet.train(**arrays, activation=[double, "tanh"], output=None, verbose=False, **values)
    assert result.config.model.activation == ("custom:double", "tanh")


def test_the_estimator_takes_one_activation_for_each_layer():
    estimator = pytest.importorskip("barenet.sklearn").BarenetClassifier
    X, y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2
    fitted = estimator((5, 4), activation=("relu", "tanh"), epochs=1, random_state=0).fit(X, y)
    rows = fitted._network.architecture().rows
    assert [row.activation.name for row in rows] == ["relu", "tanh", "softmax"]
    with pytest.raises(ConfigError, match="unknown activation 'tahn'"):
        estimator((5, 4), activation=("relu", "tahn"), epochs=1).fit(X, y)
    with pytest.raises(ConfigError, match=r"2 activations .* for 1 hidden layer;"):
        estimator((5,), activation=("relu", "tanh"), epochs=1).fit(X, y)


def test_new_activations_apply_to_the_layers_that_a_file_lists(tmp_path):
    path = tmp_path / "mine.toml"
    rows = [(784, 6, "relu"), (6, 5, "relu"), (5, 4, "relu"), (4, 10, "softmax")]
    lines = ", ".join(f'{{input_dim = {a}, output_dim = {b}, activation = "{name}"}}' for a, b, name in rows)
    path.write_text(f"[model]\nlayers = [{lines}]\n", "utf-8")
    config = build_config(file=path, flags={"model.activation": "tanh,relu,gelu"})
    assert (config.model.hidden_sizes, config.model.activation) == ((6, 5, 4), ("tanh", "relu", "gelu"))
    assert config.model.layers is None


def test_the_optimizer_and_the_schedule_have_short_flags():
    assert (flag_of("optimizer"), flag_of("schedule"), flag_of("activation")) == (
        "--optimizer",
        "--schedule",
        "--activation",
    )
