"""The description of a network: its shapes, its kinds of layers, what its last layer gives, and its errors."""

from __future__ import annotations

import pytest

from barenet.errors import ConfigError
from barenet.nn import MLP, Activation, Architecture
from barenet.nn.losses import LOSSES

ROWS = [
    {"input_dim": 6, "output_dim": 5, "activation": "relu"},
    {"input_dim": 5, "output_dim": 3, "activation": "softmax"},
]
CROSS_ENTROPY, MSE = LOSSES["cross_entropy"], LOSSES["mse"]


def test_sizes_and_rows_give_the_same_description():
    architecture = Architecture.from_sizes([6, 5, 3], ["relu", "softmax"])
    assert architecture == Architecture.from_rows(ROWS)
    assert architecture.as_dicts() == ROWS


def test_shapes_and_numbers_are_those_of_a_network_worked_out_by_hand():
    architecture = Architecture.from_rows(ROWS)
    assert architecture.weights == {"W1": (6, 5), "W2": (5, 3)}
    assert architecture.biases == {"b1": (1, 5), "b2": (1, 3)}
    assert (architecture.n_inputs, architecture.n_classes) == (6, 3)
    assert (architecture.n_weights, architecture.n_units) == (45, 8)  # 6 * 5 + 5 * 3, 5 + 3
    assert [row.n_parameters for row in architecture.rows] == [35, 18]
    assert architecture.hidden == architecture.rows[:1]


@pytest.mark.parametrize(
    ("activations", "loss", "in_logits", "kinds"),
    [
        (["relu", "softmax"], CROSS_ENTROPY, True, [("dense", "activation"), ("dense",)]),
        (["relu", "softmax"], MSE, False, [("dense", "activation"), ("dense", "activation")]),
        (["relu", "identity"], MSE, True, [("dense", "activation"), ("dense",)]),
        (["identity", "tanh"], CROSS_ENTROPY, True, [("dense",), ("dense", "activation")]),
        (["softmax", "softmax"], CROSS_ENTROPY, True, [("dense", "activation"), ("dense",)]),
    ],
)
def test_a_softmax_on_the_last_layer_is_left_to_cross_entropy_alone(activations, loss, in_logits, kinds):
    architecture = Architecture.from_sizes([6, 5, 3], activations)
    assert architecture.ends_in_logits(loss) == in_logits
    assert architecture.kinds(loss) == kinds
    mlp = MLP.from_architecture(architecture, loss=loss)
    assert [layer.kind for layer in mlp.layers] == [kind for row in kinds for kind in row]
    assert mlp.ends_in_logits == in_logits


def test_a_custom_activation_is_found_by_its_name():
    square = Activation.custom("square", lambda z: z * z, lambda da, z, a: 2 * z * da)
    rows = [{**ROWS[0], "activation": "custom:square"}, ROWS[1]]
    assert Architecture.from_rows(rows, [square]).rows[0].activation is square
    with pytest.raises(ConfigError, match="unknown activation 'custom:square'"):
        Architecture.from_rows(rows)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "at least one layer, got none"),
        ([{**ROWS[0], "output_dim": 0}], r"layer 1: output_dim must be a positive integer, got 0"),
        ([{**ROWS[0], "input_dim": True}], r"layer 1: input_dim must be a positive integer, got True"),
        ([ROWS[0], {**ROWS[1], "input_dim": 4}], "layer 1 gives 5 values, layer 2 expects 4"),
        ([{"input_dim": 6, "output_dim": 5}], "a layer needs exactly activation, input_dim, output_dim"),
        ([{**ROWS[0], "activation": "rleu"}], "did you mean 'relu'"),
    ],
)
def test_wrong_rows_are_refused_in_one_line(rows, message):
    with pytest.raises(ConfigError, match=message):
        Architecture.from_rows(rows)
