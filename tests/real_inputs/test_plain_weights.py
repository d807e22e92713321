"""Weights that people saved by themselves, in an .npz file or a pickled dictionary, are a model."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

import barenet
from barenet.errors import CheckpointError, InputWarning

RNG = np.random.default_rng(0)
WEIGHTS = [RNG.normal(size=shape) for shape in ((16, 5), (5, 4), (4, 3))]
BIASES = [RNG.normal(size=n) for n in (5, 4, 3)]
X = RNG.integers(0, 256, (7, 4, 4)).astype(np.uint8)


def expected(act):
    """Return the probabilities by the formulas of a lecture."""
    (W1, W2, W3), (b1, b2, b3) = WEIGHTS, BIASES
    z = act(act(X.reshape(7, 16) / 255 @ W1 + b1) @ W2 + b2) @ W3 + b3
    exponentials = np.exp(z - z.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def relu(z):
    return np.maximum(z, 0)


def named(weight, bias, change=lambda array: array):
    """Return the arrays by names made from the numbers 1, 2, 3."""
    own = {weight.format(i): change(W) for i, W in enumerate(WEIGHTS, start=1)}
    return own | {bias.format(i): change(b) for i, b in enumerate(BIASES, start=1)}


LAYOUTS = {
    "the lecture's": named("W{}", "b{}"),
    "backwards": dict(reversed(named("W{}", "b{}").items())),
    "float32, small letters": named("w_{}", "b_{}", lambda array: array.astype(np.float32)),
    "rows of biases": named("layer{}_W", "layer{}_b", np.atleast_2d),
    "columns of biases": named("W{}", "b{}", lambda array: array if array.ndim == 2 else array[:, None]),
    "of PyTorch": named("fc{}.weight", "fc{}.bias", lambda array: array.T),
    "of Keras": named("dense_{}/kernel:0", "dense_{}/bias:0"),
    "with moments of Adam": named("W{}", "b{}") | named("mW{}", "mb{}", np.negative),
}
LAYOUTS["with a last layer without a number"] = {
    {"fc3.weight": "out.weight", "fc3.bias": "out.bias"}.get(name, name): array
    for name, array in LAYOUTS["of PyTorch"].items()
}


def saved(path, arrays):
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    else:
        path.write_bytes(pickle.dumps({**arrays, "epoch": 3}))
    return path


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("suffix", [".npz", ".pkl"])
def test_weights_by_name_are_a_model_and_assumptions_are_noted(layout, suffix, tmp_path):
    if suffix == ".npz" and "Keras" in layout:
        pytest.skip("a file in a zip archive cannot have such a name")
    path = saved(tmp_path / f"model{suffix}", LAYOUTS[layout])
    with pytest.warns(InputWarning, match=r"layers 16-5-4-3 by the shapes of its arrays.*relu is assumed"):
        predictor = barenet.load(path)
    np.testing.assert_allclose(predictor.predict_proba(X), expected(relu), rtol=1e-5, atol=1e-7)


def test_a_json_beside_the_file_names_the_activations(tmp_path):
    path = saved(tmp_path / "model.pkl", LAYOUTS["the lecture's"])
    rows = [(16, 5, "tanh"), (5, 4, "tanh"), (4, 3, "softmax")]
    layers = [dict(zip(("input_dim", "output_dim", "activation"), row, strict=True)) for row in rows]
    (tmp_path / "model.json").write_text(json.dumps(layers), "utf-8")
    np.testing.assert_allclose(barenet.load(path).predict_proba(X), expected(np.tanh), rtol=1e-5, atol=1e-7)
    (tmp_path / "model.json").write_text(json.dumps(layers[1:]), "utf-8")
    with pytest.raises(CheckpointError, match="its \\.json others; pair the right files"):
        barenet.load(path)


@pytest.mark.parametrize(
    ("arrays", "fault"),
    [
        ({"W1": WEIGHTS[0], "b1": BIASES[0], "W2": WEIGHTS[2], "b2": BIASES[2]}, "weights do not fit one another: W1"),
        ({"W1": WEIGHTS[0] * np.nan, "b1": BIASES[0]}, "W1 holds NaN or infinity"),
        ({"W1": WEIGHTS[0], "W2": WEIGHTS[1]}, "expected W1, b1, W2, b2"),
        ({"x_train": X, "y_train": np.arange(7)}, "expected W1, b1, W2, b2"),
    ],
)
def test_arrays_that_are_no_network_are_refused(arrays, fault, tmp_path):
    with pytest.raises(CheckpointError, match=fault):
        barenet.load(saved(tmp_path / "model.npz", arrays))
