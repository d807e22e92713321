"""The network: how it is built, its errors, its memory, and that a stack is the same as N networks alone."""

from __future__ import annotations

import numpy as np
import pytest
import textbook

from barenet.errors import ConfigError, ShapeError
from barenet.nn import ACTIVATIONS, MLP, SGD, Activation, LayerSpec, Workspace
from barenet.nn.layers import ActivationLayer, by_kind

COURSE = [
    {"input_dim": 6, "output_dim": 5, "activation": "relu"},
    {"input_dim": 5, "output_dim": 4, "activation": "sigmoid"},
    {"input_dim": 4, "output_dim": 3, "activation": "softmax"},
]


def batch(*shape, seed=0, dtype=np.float32, n_classes=3):
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape).astype(dtype), rng.integers(0, n_classes, shape[:-1])


def textbook_forward(mlp, x, names, network=...):
    """Return the output of one network of `mlp`, one activation after each dense layer, float64."""
    y = x.astype(np.float64)
    for i, name in enumerate(names, start=1):
        W, b = (mlp.parameters.views[f"{kind}{i}"][network].astype(np.float64) for kind in "Wb")
        z = np.einsum("bd,dh->bh", y, W) + b
        y = textbook.softmax(z) if name == "softmax" else textbook.apply(name, z)
    return y


# How it is built


def test_the_course_projects_dictionaries_build_the_network_they_describe():
    mlp = MLP.from_architecture(COURSE, seed=1)
    assert {name: view.shape for name, view in mlp.parameters.views.items()} == {
        "W1": (6, 5), "W2": (5, 4), "W3": (4, 3), "b1": (1, 5), "b2": (1, 4), "b3": (1, 3),
    }  # fmt: skip
    assert (mlp.n_inputs, mlp.n_classes, mlp.dtype) == (6, 3, np.float32)
    x, _ = batch(7, 6)
    expected = textbook_forward(mlp, x, ["relu", "sigmoid", "identity"])
    np.testing.assert_allclose(mlp.forward(x), expected, rtol=1e-5, atol=1e-6)


def test_the_rows_of_an_architecture_are_returned_unchanged():
    assert [row.as_dict() for row in MLP.from_architecture(COURSE).architecture.rows] == COURSE


def test_rows_may_be_layer_specs():
    rows = [LayerSpec(6, 5, ACTIVATIONS["tanh"]), COURSE[1], COURSE[2]]
    assert [row.activation.name for row in MLP.from_architecture(rows).architecture.rows] == [
        "tanh",
        "sigmoid",
        "softmax",
    ]


def test_the_short_form_and_the_long_form_are_the_same_network():
    short = MLP(6, (5, 4), 3, activation="tanh", seed=4)
    rows = [{**row, "activation": name} for row, name in zip(COURSE, ["tanh", "tanh", "softmax"], strict=True)]
    long = MLP.from_architecture(rows, seed=4)
    assert short.architecture == long.architecture
    assert short.parameters.values.tobytes() == long.parameters.values.tobytes()


def test_a_network_without_hidden_layers_is_softmax_regression():
    mlp = MLP(6, (), 3, seed=0)
    x, _ = batch(4, 6)
    np.testing.assert_allclose(mlp.forward(x), textbook_forward(mlp, x, ["identity"]), rtol=1e-5, atol=1e-6)
    assert mlp.parameters.size == 21


def test_the_course_projects_spelling_of_leaky_relu_is_understood():
    mlp = MLP(6, (5,), 3, activation="leakyrelu")
    assert mlp.architecture.rows[0].activation is ACTIVATIONS["leaky_relu"]


def test_softmax_on_the_last_layer_is_left_to_the_loss():
    mlp = MLP(6, (5,), 3, seed=2)
    x, _ = batch(4, 6)
    expected = textbook_forward(mlp, x, ["relu", "identity"])
    np.testing.assert_allclose(mlp.forward(x), expected, rtol=1e-5, atol=1e-6)
    assert np.ptp(mlp.forward(x).sum(axis=-1)) > 0.1  # no probabilities


def test_softmax_on_the_last_layer_is_applied_when_fusing_is_off():
    x, _ = batch(4, 6)
    for mlp in (MLP(6, (5,), 3, seed=2, loss="mse"), MLP.from_architecture(COURSE, loss="mse")):
        names = [row.activation.name for row in mlp.architecture.rows]
        np.testing.assert_allclose(mlp.forward(x), textbook_forward(mlp, x, names), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(mlp.forward(x).sum(axis=-1), 1, rtol=1e-6)


def test_softmax_on_a_hidden_layer_is_applied():
    mlp = MLP(6, (5,), 3, activation="softmax", seed=2)
    x, _ = batch(4, 6)
    expected = textbook_forward(mlp, x, ["softmax", "identity"])
    np.testing.assert_allclose(mlp.forward(x), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) - {"softmax"}))
def test_another_activation_on_the_last_layer_is_applied(name):
    mlp = MLP(6, (5,), 3, output_activation=name, seed=2)
    x, _ = batch(4, 6)
    np.testing.assert_allclose(mlp.forward(x), textbook_forward(mlp, x, ["relu", name]), rtol=1e-5, atol=1e-6)


def test_a_custom_activation_is_used():
    mlp = MLP(6, (5,), 3, activation=Activation.custom("sine", np.sin, lambda da, z, a: da * np.cos(z)), seed=2)
    x, _ = batch(4, 6)
    W1, W2 = mlp.parameters.views["W1"], mlp.parameters.views["W2"]
    np.testing.assert_allclose(mlp.forward(x), np.sin(x @ W1) @ W2, rtol=1e-5, atol=1e-6)
    assert mlp.architecture.rows[0].as_dict()["activation"] == "custom:sine"


# What it refuses


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "at least one layer, got none"),
        ([COURSE[0], COURSE[2]], "layers do not fit: layer 1 gives 5 values, layer 2 expects 4"),
        ([{**COURSE[0], "output_dim": 0}], "layer 1: output_dim must be a positive integer, got 0"),
        ([{**COURSE[0], "input_dim": -3}], "layer 1: input_dim must be a positive integer, got -3"),
        ([{**COURSE[0], "input_dim": 6.0}], "layer 1: input_dim must be a positive integer, got 6.0"),
        ([{**COURSE[0], "input_dim": True}], "layer 1: input_dim must be a positive integer, got True"),
        ([{**COURSE[0], "input_dim": "6"}], "layer 1: input_dim must be a positive integer, got '6'"),
        ([{**COURSE[0], "activation": "rleu"}], "unknown activation 'rleu'; did you mean 'relu'"),
        ([{**COURSE[0], "activation": "ReLU"}], "unknown activation 'ReLU'; did you mean 'relu'"),
        ([{**COURSE[0], "activation": "zzz"}], "unknown activation 'zzz'; known: relu, leaky_relu, "),
        ([{**COURSE[0], "activation": None}], "unknown activation None; "),
        ([{**COURSE[0], "activation": ["relu"]}], r"unknown activation \['relu'\]; "),
        ([{"input_dim": 6, "activation": "relu"}], "needs exactly activation, input_dim, output_dim, got input_dim, "),
        ([{**COURSE[0], "bias": False}], "needs exactly activation, input_dim, output_dim, got .*bias"),
        ([{}], "got none"),
    ],
)
def test_an_impossible_architecture_is_refused_with_the_reason(rows, message):
    with pytest.raises(ConfigError, match=message) as caught:
        MLP.from_architecture(rows)
    assert "\n" not in str(caught.value)


def test_an_unknown_initializer_gets_the_nearest_known_one():
    with pytest.raises(ConfigError, match="unknown initializer 'xavier'"):
        MLP(6, (5,), 3, initializer="xavier")
    with pytest.raises(ConfigError, match="did you mean 'glorot'"):
        MLP(6, (5,), 3, initializer="glorott")


def test_a_wrong_number_of_seeds_is_refused():
    with pytest.raises(ShapeError, match="2 seeds for 3 networks"):
        MLP(6, (5,), 3, seed=[1, 2], n_networks=3)


@pytest.mark.parametrize(
    ("shape", "n_networks", "message"),
    [
        ((4, 7), None, r"inputs must be \(B, 6\), got \(4, 7\)"),
        ((6,), None, r"inputs must be \(B, 6\), got \(6,\)"),
        ((2, 4, 6), None, r"inputs must be \(B, 6\), got \(2, 4, 6\)"),
        ((4, 4, 6), 3, r"inputs must be \(B, 6\) or \(3, B, 6\), got \(4, 4, 6\)"),
        ((3, 4, 5), 3, r"inputs must be \(B, 6\) or \(3, B, 6\), got \(3, 4, 5\)"),
    ],
)
def test_inputs_of_a_wrong_shape_are_refused(shape, n_networks, message):
    mlp = MLP(6, (5,), 3, n_networks=n_networks)
    with pytest.raises(ShapeError, match=message):
        mlp.forward(np.zeros(shape, np.float32), Workspace(mlp, 8))


@pytest.mark.parametrize("dtype", [np.float64, np.uint8, np.int64])
def test_inputs_of_a_wrong_dtype_are_refused(dtype):
    with pytest.raises(ShapeError, match=f"inputs must be float32 like the network, got {np.dtype(dtype)}"):
        MLP(6, (5,), 3).forward(np.zeros((4, 6), dtype))


def test_a_batch_beyond_the_capacity_of_a_workspace_is_refused():
    mlp = MLP(6, (5,), 3)
    with pytest.raises(ShapeError, match="9 images does not fit a workspace made for 8"):
        mlp.forward(np.zeros((9, 6), np.float32), Workspace(mlp, 8))


# Its first weights


@pytest.mark.parametrize("initializer", ["he", "glorot", "lecun"])
def test_a_seed_gives_the_same_weights_in_a_stack_as_alone(initializer):
    seeds = [3, 0, 11]
    stack = MLP(6, (5, 4), 3, seed=seeds, n_networks=3, initializer=initializer)
    for row, seed in zip(stack.parameters.values, seeds, strict=True):
        assert row.tobytes() == MLP(6, (5, 4), 3, seed=seed, initializer=initializer).parameters.values.tobytes()


def test_one_seed_for_a_stack_gives_all_networks_the_same_weights():
    values = MLP(6, (5,), 3, seed=7, n_networks=3).parameters.values
    assert values[0].tobytes() == values[1].tobytes() == values[2].tobytes()


@pytest.mark.parametrize("seeds", [range(3), (0, 1, 2), np.arange(3)], ids=["range", "tuple", "array"])
def test_seeds_may_come_as_any_row_of_integers(seeds):
    values = MLP(6, (5,), 3, seed=seeds, n_networks=3).parameters.values
    for seed in range(3):
        assert values[seed].tobytes() == MLP(6, (5,), 3, seed=seed).parameters.values.tobytes()


def test_a_generator_is_drawn_from_as_a_seed_would_be():
    drawn = MLP(6, (5,), 3, seed=np.random.default_rng(5))
    assert drawn.parameters.values.tobytes() == MLP(6, (5,), 3, seed=5).parameters.values.tobytes()


def test_weights_are_random_and_biases_zero():
    parameters = MLP(6, (5, 4), 3, seed=0, n_networks=2).parameters
    assert np.count_nonzero(parameters.values[:, : parameters.n_decayed]) == 2 * (30 + 20 + 12)
    assert not parameters.values[:, parameters.n_decayed :].any()


def test_without_an_initializer_all_weights_are_zero():
    assert not MLP(6, (5,), 3, initializer=None).parameters.values.any()


def test_initializing_again_gives_a_fresh_network():
    mlp = MLP(6, (5,), 3, seed=0)
    mlp.parameters.values += 1
    mlp.initialize("he", 1)
    assert mlp.parameters.values.tobytes() == MLP(6, (5,), 3, seed=1).parameters.values.tobytes()


# Forward and backward


def test_forward_without_a_workspace_returns_new_memory_and_the_same_bits():
    mlp = MLP(6, (5, 4), 3, seed=0)
    workspace, (x, _) = Workspace(mlp, 8), batch(8, 6)
    in_workspace = mlp.forward(x, workspace)
    first, second = mlp.forward(x), mlp.forward(x)
    assert first.tobytes() == second.tobytes() == in_workspace.tobytes()
    assert not np.shares_memory(first, second)
    assert mlp.forward(x, workspace) is in_workspace


def test_images_are_left_as_they_were():
    for name in ACTIVATIONS:
        mlp = MLP(6, (5,), 3, activation=name, seed=0)
        x, labels = batch(8, 6)
        before = x.copy()
        mlp.loss_and_gradients(x, labels)
        assert x.tobytes() == before.tobytes()


def test_backward_overwrites_previous_gradients():
    mlp = MLP(6, (5, 4), 3, seed=0)
    workspace, (x, labels) = Workspace(mlp, 8), batch(8, 6)
    results = []
    for before in (0.0, 1e6, np.nan):
        mlp.parameters.grads[...] = before
        mlp.forward(x, workspace, training=True)
        workspace.dlogits[...] = np.eye(3, dtype=np.float32)[labels]
        mlp.backward(workspace)
        results.append(mlp.parameters.grads.tobytes())
    assert results[0] == results[1] == results[2]
    assert np.isfinite(mlp.parameters.grads).all()


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_parameter_gradients_can_be_computed_after_backward_has_passed_all_layers(activation, dropout):
    mlp = MLP(7, (9, 6), 4, activation=activation, dropout=dropout, input_dropout=dropout)
    x = np.random.default_rng(0).random((5, 7), np.float32)
    workspace = Workspace(mlp, 5)
    mlp.forward(x, workspace, training=True)
    workspace.dlogits[...] = np.random.default_rng(1).random((5, 4))
    mlp.backward(workspace)
    expected = mlp.parameters.grads.copy()
    mlp.parameters.grads[...] = np.nan
    slots = workspace.current
    dys = [slot.dx for slot in slots[1:]] + [workspace.dlogits]
    for layer, slot, dy in zip(mlp.layers, slots, dys, strict=True):
        layer.parameter_gradients(slot, dy)
    assert mlp.parameters.grads.tobytes() == expected.tobytes()


def test_backward_follows_a_batch_of_another_size():
    mlp = MLP(6, (5, 4), 3, seed=0)
    workspace = Workspace(mlp, 8)
    for n in (8, 3, 8, 1, 3):
        x, labels = batch(n, 6, seed=n)
        mlp.forward(x, workspace, training=True)
        assert workspace.dlogits.shape == (n, 3)
        workspace.dlogits[...] = np.eye(3, dtype=np.float32)[labels]
        mlp.backward(workspace)
        expected = {"b3": np.bincount(labels, minlength=3)[None]}  # the sum of the one-hot rows
        np.testing.assert_allclose(mlp.parameters.grad_views["b3"], expected["b3"])


@pytest.mark.parametrize("n_networks", [None, 2])
def test_no_gradient_is_computed_with_respect_to_the_images(n_networks):
    mlp = MLP(6, (5, 4), 3, n_networks=n_networks)
    slots = Workspace(mlp, 8).slots(np.zeros((8, 6), np.float32))
    assert [slot.dx is None for slot in slots] == [True] + [False] * (len(mlp.layers) - 1)


def test_two_workspaces_of_one_network_do_not_disturb_each_other():
    mlp = MLP(6, (5, 4), 3, activation="gelu", seed=0)
    train, evaluate = Workspace(mlp, 8), Workspace(mlp, 8)
    x, labels = batch(8, 6)
    _, expected = mlp.loss_and_gradients(x, labels)
    mlp.forward(x, train, training=True)
    mlp.forward(batch(8, 6, seed=9)[0], evaluate)
    p = textbook.softmax(train.current[-1].y)
    train.dlogits[...] = (p - np.eye(3)[labels]) / 8
    mlp.backward(train)
    for name, gradient in mlp.parameters.grad_views.items():
        np.testing.assert_allclose(gradient, expected[name], rtol=1e-5, atol=1e-7)


def test_loss_and_gradients_agree_with_the_textbook_network():
    mlp = MLP(6, (5, 4), 3, seed=0, dtype=np.float64)
    mlp.parameters.values[mlp.parameters.n_decayed :] = np.random.default_rng(1).normal(size=12)
    views = mlp.parameters.views
    reference = textbook.ReluNetwork([views[f"W{i}"] for i in (1, 2, 3)], [views[f"b{i}"] for i in (1, 2, 3)])
    x, labels = batch(9, 6, dtype=np.float64)
    loss, gradients = mlp.loss_and_gradients(x, labels)
    expected_loss, d_weights, d_biases = reference.gradients(x, labels)
    assert float(loss) == pytest.approx(expected_loss, rel=1e-13)
    for i in (1, 2, 3):
        np.testing.assert_allclose(gradients[f"W{i}"], d_weights[i - 1], rtol=1e-11, atol=1e-15)
        np.testing.assert_allclose(gradients[f"b{i}"][0], d_biases[i - 1], rtol=1e-11, atol=1e-15)


def test_loss_and_gradients_returns_copies_and_changes_no_weight():
    mlp = MLP(6, (5,), 3, seed=0)
    before = mlp.parameters.values.copy()
    x, labels = batch(8, 6)
    _, gradients = mlp.loss_and_gradients(x, labels)
    assert list(gradients) == ["W1", "W2", "b1", "b2"]
    assert not any(np.shares_memory(gradient, mlp.parameters.grads) for gradient in gradients.values())
    assert mlp.parameters.values.tobytes() == before.tobytes()


def test_views_share_memory_with_the_buffers_and_are_never_rebound_by_training():
    mlp = MLP(6, (5, 4), 3, seed=0, n_networks=2)
    parameters, workspace = mlp.parameters, Workspace(mlp, 8)
    optimizer = SGD(parameters.values, parameters.n_decayed, momentum=0.9, l2=0.01)
    held = [parameters.values, parameters.grads, *parameters.views.values(), *parameters.grad_views.values()]
    start = parameters.values.copy()
    x, labels = batch(8, 6)
    for _ in range(3):
        mlp.forward(x, workspace, training=True)
        workspace.dlogits[...] = 1 + np.eye(3, dtype=np.float32)[labels]
        mlp.backward(workspace)
        optimizer.step(parameters.grads, 0.1)
    now = [parameters.values, parameters.grads, *parameters.views.values(), *parameters.grad_views.values()]
    assert all(a is b for a, b in zip(held, now, strict=True))
    assert (parameters.values != start).any(axis=1).all()
    for i, (name, view) in enumerate(parameters.views.items()):
        assert np.shares_memory(view, parameters.values), name
        assert np.shares_memory(parameters.grad_views[name], parameters.grads), name
        layer = [layer for layer in mlp.layers if hasattr(layer, "W")][i % 3]
        assert (layer.W if name.startswith("W") else layer.b) is view


# A stack is N networks alone


@pytest.mark.parametrize("shared", [True, False], ids=["shared inputs", "own inputs"])
@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_a_stack_computes_the_bits_that_each_network_computes_alone(name, shared):
    seeds = [0, 1, 2]
    stack = MLP(24, (33, 17), 10, activation=name, output_activation=name, seed=seeds, n_networks=3)
    workspace = Workspace(stack, 16)
    for n in (16, 5, 1):  # a full batch and ragged ones in the same workspace
        x, labels = batch(*(() if shared else (3,)), n, 24, seed=n, n_classes=10)
        logits = stack.forward(x, workspace, training=True).copy()
        loss, gradients = stack.loss_and_gradients(x, labels)
        for i, seed in enumerate(seeds):
            alone = MLP(24, (33, 17), 10, activation=name, output_activation=name, seed=seed)
            own_x, own_labels = (x, labels) if shared else (x[i].copy(), labels[i])
            assert logits[i].tobytes() == alone.forward(own_x).tobytes()
            own_loss, own_gradients = alone.loss_and_gradients(own_x, own_labels)
            assert loss[i].tobytes() == own_loss.tobytes()
            for parameter, gradient in own_gradients.items():
                assert gradients[parameter][i].tobytes() == gradient.tobytes(), parameter


def test_a_stack_of_one_computes_the_bits_of_a_single_network():
    x, labels = batch(16, 24, n_classes=10)
    stack, alone = MLP(24, (33,), 10, seed=[5], n_networks=1), MLP(24, (33,), 10, seed=5)
    loss, gradients = stack.loss_and_gradients(x, labels)
    own_loss, own_gradients = alone.loss_and_gradients(x, labels)
    assert loss.shape == (1,)
    assert own_loss.shape == ()
    assert loss.tobytes() == own_loss.tobytes()
    assert all(gradients[name].tobytes() == own_gradients[name].tobytes() for name in own_gradients)


@pytest.mark.parametrize("labels", [[15, 1], [-1, 1]])
def test_labels_that_are_no_class_are_refused_in_public_functions(labels):
    with pytest.raises(ShapeError, match="labels must be from 0 to 4, got"):
        MLP(3, (4,), 5).loss_and_gradients(np.zeros((2, 3), np.float32), np.array(labels))


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_a_trace_has_z_and_a_of_each_layer_and_changes_nothing(loss):
    mlp = MLP.from_architecture(COURSE, seed=1, loss=loss, dropout=0.5, input_dropout=0.5, dtype=np.float64)
    x = np.random.default_rng(2).normal(size=(7, COURSE[0]["input_dim"]))
    before = x.copy()
    passed = mlp.trace(x)
    a = x
    for i, (row, (z, found)) in enumerate(zip(COURSE, passed, strict=True), start=1):
        expected = a @ mlp.parameters.views[f"W{i}"] + mlp.parameters.views[f"b{i}"]
        np.testing.assert_allclose(z, expected, rtol=1e-12, atol=1e-12)
        name = "identity" if i == len(COURSE) and loss == "cross_entropy" else row["activation"]
        a = textbook.softmax(expected) if name == "softmax" else textbook.apply(name, expected)
        np.testing.assert_allclose(found, a, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(passed[-1][1], mlp.forward(x))
    for start in range(1, len(COURSE)):
        np.testing.assert_array_equal(mlp.trace(passed[start - 1][1], start)[-1][1], passed[-1][1])


def test_a_copy_has_the_same_weights_in_another_dtype_and_no_dropout():
    mlp = MLP(6, (5,), 3, seed=1, dropout=0.5, n_networks=2)
    copied = mlp.copy(np.float64)
    assert copied.dtype == np.float64
    np.testing.assert_array_equal(copied.parameters.values, mlp.parameters.values)
    assert [layer.kind for layer in copied.layers] == ["dense", "activation", "dense"]
    copied.parameters.values[...] = 0
    assert mlp.parameters.values.any()


def test_a_kind_of_layer_that_an_export_does_not_know_is_named():
    class Bias(ActivationLayer):
        kind = "bias"

    layer = Bias(ACTIVATIONS["relu"], 3)
    with pytest.raises(ConfigError, match="the export to ONNX knows no layer of kind 'bias', only dense, activation"):
        by_kind({"dense": 1, "activation": 2}, layer, "the export to ONNX")
