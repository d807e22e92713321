"""Models of the course project load exactly, or a one-line error says what is wrong."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import pickle
import tracemalloc
from itertools import product

import numpy as np
import pytest
from families import case

from barenet.course_files.model import read_course_model
from barenet.errors import CheckpointError, MachineError

PROTOCOLS = range(6)
LAYERS = [
    {"input_dim": 5, "output_dim": 4, "activation": "relu"},
    {"input_dim": 4, "output_dim": 3, "activation": "tanh"},
    {"input_dim": 3, "output_dim": 2, "activation": "softmax"},
]


def arrays(dtype: str = "f8", order: str = "C") -> dict[str, object]:
    rng = np.random.default_rng(3)
    found: dict[str, object] = {}
    for i, layer in enumerate(LAYERS):
        n_in, n_out = layer["input_dim"], layer["output_dim"]
        found[f"layer_{2 * i}_W"] = rng.normal(size=(n_in, n_out)).astype(dtype, order=order)
        found[f"layer_{2 * i}_b"] = rng.normal(size=(1, n_out)).astype(dtype, order=order)
    return found


def saved(folder, weights=None, layers=LAYERS, *, protocol=4, stem="model_epoch_100") -> pathlib.Path:
    path = folder / f"{stem}.pkl"
    path.write_bytes(pickle.dumps(arrays() if weights is None else weights, protocol))
    raw = layers if isinstance(layers, bytes) else json.dumps(layers).encode()
    path.with_suffix(".json").write_bytes(raw)
    return path


def refusal(path) -> str:
    with pytest.raises(CheckpointError) as caught:
        read_course_model(path)
    message = str(caught.value)
    assert message.isprintable()  # so it is one line
    assert len(message) < 1_000
    return message


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_model_is_read_exactly(tmp_path, protocol):
    for dtype, order in product(("<f8", ">f8", "<f4", ">f4"), "CF"):
        with case(dtype, order):
            check_reading(tmp_path, protocol, arrays(dtype, order))


def check_reading(tmp_path, protocol, expected):
    """Check that a model of these arrays is read exactly."""
    model = read_course_model(saved(tmp_path, expected, protocol=protocol))
    assert model.architecture == LAYERS
    assert model.epoch == 100
    for i in range(3):
        for found, key in ((model.weights[i], f"layer_{2 * i}_W"), (model.biases[i], f"layer_{2 * i}_b")):
            assert found.dtype == np.dtype("f8")
            assert found.dtype.isnative
            assert found.flags.c_contiguous
            np.testing.assert_array_equal(found, expected[key], strict=False)
            assert found.shape == expected[key].shape


def test_a_path_may_be_text(tmp_path):
    assert read_course_model(str(saved(tmp_path))).epoch == 100


@pytest.mark.parametrize(
    ("stem", "epoch"),
    [
        ("model_epoch_7", 7),
        ("model_epoch_0", 0),
        ("best-epoch-12", 12),
        ("model", None),
        ("model_epoch_", None),
        ("model_epoch_7_copy", None),
        ("model_7", None),
        ("\u6a21\u578b_epoch_3", 3),
    ],
)
def test_the_epoch_comes_from_the_name(tmp_path, stem, epoch):
    assert read_course_model(saved(tmp_path, stem=stem)).epoch == epoch


@pytest.mark.parametrize(("theirs", "ours"), [("leakyrelu", "leaky_relu"), ("linear", "identity"), ("gelu", "gelu")])
def test_activations_get_our_names(tmp_path, theirs, ours):
    layers = [LAYERS[0] | {"activation": theirs}, *LAYERS[1:]]
    assert read_course_model(saved(tmp_path, layers=layers)).architecture[0]["activation"] == ours


def test_a_byte_order_mark_is_accepted(tmp_path):
    path = saved(tmp_path, layers=b"\xef\xbb\xbf" + json.dumps(LAYERS).encode())
    assert read_course_model(path).architecture == LAYERS


def test_the_model_is_frozen(tmp_path):
    model = read_course_model(saved(tmp_path))
    with pytest.raises(dataclasses.FrozenInstanceError):
        model.epoch = 3


def changed(layer: int, **settings: object) -> list[dict[str, object]]:
    return [LAYERS[i] | settings if i == layer else LAYERS[i] for i in range(3)]


BAD_JSON: dict[str, tuple[object, str]] = {
    "not JSON": (b"[{", "is not JSON"),
    "empty": (b"", "0 bytes"),
    "not UTF-8": (json.dumps(LAYERS).encode("utf-16"), "is not UTF-8 at byte 0"),
    "nested without end": (b"[" * 200_000, "is not JSON"),
    "nested": (b"[" * 500 + b"]" * 500, "layer 1 is a value of type list"),
    "a number too long": (b"[" + b"1" * 5_000 + b"]", "is not JSON"),
    "too large": (b" " * (2**20 + 1), "1,048,577 bytes"),
    "a dict": (LAYERS[0], "a value of type dict"),
    "a number": (3, "holds 3"),
    "no layers": ([], "an empty list"),
    "a layer that is text": (["re\nlu"], r"layer 1 is 're\nlu'"),
    "no activation": ([{"input_dim": 5, "output_dim": 4}], "layer 1 has no activation"),
    "no input_dim": ([{"output_dim": 4, "activation": "relu"}], "layer 1 has no input_dim"),
    "a misspelt key": (changed(1, input_dims=4), "did you mean 'input_dim'?"),
    "a key of many lines": (changed(1, **{"a\n\u2028" * 99: 4}), r"unknown key 'a\n\u2028"),
    "a zero": (changed(0, input_dim=0), "layer 1: input_dim is 0"),
    "a negative": (changed(2, output_dim=-2), "layer 3: output_dim is -2"),
    "a bool": (changed(0, input_dim=True), "input_dim is True"),
    "a fraction": (changed(0, input_dim=5.0), "input_dim is 5.0"),
    "text": (changed(0, input_dim="5"), "input_dim is '5'"),
    "null": (changed(0, input_dim=None), "input_dim is None"),
    "a huge number": (changed(0, input_dim=10**4000), "input_dim is a value of type int"),
    "a large number": (changed(0, input_dim=2**31), "input_dim is 2147483648"),
    "infinity": (changed(0, input_dim=float("inf")), "input_dim is inf"),
    "layers that do not fit": (
        changed(1, input_dim=5),
        "layer 1 has output_dim 4 and layer 2 has input_dim 5",
    ),
    "a misspelt activation": (changed(1, activation="relus"), "did you mean 'relu'?"),
    "capitals": (changed(1, activation="ReLU"), "did you mean 'relu'?"),
    "an unknown activation": (changed(1, activation="maxout!"), "activation is 'maxout!', which is not known; "),
    "an activation of many lines": (changed(1, activation="\n" * 10_000), "activation is"),
    "an activation that is a list": (changed(1, activation=["relu"]), "activation is a value of type list"),
    "another width": (
        [LAYERS[0] | {"output_dim": 6}, LAYERS[1] | {"input_dim": 6}, LAYERS[2]],
        "layer_0_W has shape (5, 4), its .json says (5, 6)",
    ),
    "fewer layers": (LAYERS[:2], "also holds 'layer_4_W', and its .json lists 2 layers"),
    "more layers": ([*LAYERS, {"input_dim": 2, "output_dim": 2, "activation": "relu"}], "has no layer_6_W"),
}


def test_a_bad_architecture_gives_a_one_line_error(tmp_path):
    for label, (layers, said) in BAD_JSON.items():
        with case(label):
            message = refusal(saved(tmp_path, layers=layers))
            assert said in message
            assert "model_epoch_100" in message


def without(key: str) -> dict[str, object]:
    return {name: value for name, value in arrays().items() if name != key}


def spoiled(value: float) -> np.ndarray:
    weights = np.zeros((4, 3))
    weights[3, 1] = value
    return weights


BAD_WEIGHTS: dict[str, tuple[object, str]] = {
    "a list": ([1], "holds a value of type list"),
    "an array": (np.zeros(3), "holds a value of type ndarray"),
    "nothing": ({}, "has no layer_0_W"),
    "no last bias": (without("layer_4_b"), "has no layer_4_b"),
    "odd numbers": (
        {key.replace("2", "1"): value for key, value in arrays().items()},
        "numbers its layers 0, 1, 4, expected 0, 2, 4 or 0, 1, 2: one may be missing",
    ),
    "another key": (arrays() | {"layer_6_W": np.zeros((2, 2))}, "also holds 'layer_6_W'"),
    "a key of many lines": (arrays() | {"a\nb": 1}, r"also holds 'a\nb'"),
    "a list for an array": (arrays() | {"layer_0_W": [[0.0] * 4] * 5}, "layer_0_W is a value of type list"),
    "a number for an array": (arrays() | {"layer_0_b": 1.5}, "layer_0_b is 1.5"),
    "a NumPy number": (arrays() | {"layer_0_b": np.float64(1.5)}, "layer_0_b is np.float64(1.5)"),
    "integers": (arrays() | {"layer_2_W": np.zeros((4, 3), int)}, "layer_2_W is an array of int64"),
    "half precision": (arrays() | {"layer_2_W": np.zeros((4, 3), "f2")}, "layer_2_W is an array of float16"),
    "a turned matrix": (arrays() | {"layer_2_W": np.zeros((3, 4))}, "shape (3, 4), its .json says (4, 3)"),
    "a flat bias": (arrays() | {"layer_2_b": np.zeros(3)}, "shape (3,), its .json says (1, 3)"),
    "a bias column": (arrays() | {"layer_2_b": np.zeros((3, 1))}, "shape (3, 1), its .json says (1, 3)"),
    "three axes": (arrays() | {"layer_2_W": np.zeros((4, 3, 1))}, "shape (4, 3, 1)"),
    "no elements": (arrays() | {"layer_2_W": np.zeros((0, 3))}, "shape (0, 3)"),
    "NaN": (arrays() | {"layer_2_W": spoiled(np.nan)}, "layer_2_W holds nan"),
    "infinity": (arrays() | {"layer_2_W": spoiled(np.inf)}, "layer_2_W holds inf"),
    "minus infinity": (arrays() | {"layer_2_W": spoiled(-np.inf)}, "layer_2_W holds -inf"),
    "an object": (arrays() | {"layer_2_W": pathlib.PurePosixPath("x")}, "nothing in the file was run"),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_bad_weights_give_a_one_line_error(tmp_path, protocol):
    for label, (weights, said) in BAD_WEIGHTS.items():
        with case(label):
            message = refusal(saved(tmp_path, weights, protocol=protocol))
            assert said in message
            assert "model_epoch_100" in message


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", ">f8"])
def test_a_signalling_nan_is_refused_without_a_warning(tmp_path, dtype):
    weights = np.zeros((4, 3), dtype)
    bits = weights.view(dtype.replace("f", "u"))
    bits[0, 0] = 0x7F800001 if dtype[-1] == "4" else 0x7FF0000000000001
    assert "layer_2_W holds nan" in refusal(saved(tmp_path, arrays() | {"layer_2_W": weights}))


def test_a_call_in_the_file_is_not_made(tmp_path, monkeypatch):
    class Hostile:
        def __reduce__(self):
            return os.mkdir, ("ran",)

    path = saved(tmp_path, arrays() | {"layer_0_W": Hostile()})
    monkeypatch.chdir(tmp_path)
    message = refusal(path)
    assert f"global '{os.mkdir.__module__}.mkdir'" in message
    assert "nothing in the file was run" in message
    assert not (tmp_path / "ran").exists()
    pickle.loads(path.read_bytes())  # the call in the file really works
    assert (tmp_path / "ran").exists()


def test_shared_arrays_do_not_multiply_the_memory(tmp_path):
    width, depth = 200, 60  # 60 layers of the same float32 bytes would become 19 MB from 160 kB
    layers = [{"input_dim": width, "output_dim": width, "activation": "relu"}] * depth
    matrix, bias = np.zeros((width, width), "f4"), np.zeros((1, width), "f4")
    weights = {f"layer_{2 * i}_{k}": v for i in range(depth) for k, v in (("W", matrix), ("b", bias))}
    path = saved(tmp_path, weights, layers)
    tracemalloc.start()
    try:
        message = refusal(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "larger than the file" in message
    assert peak < path.stat().st_size + 2_000_000


def test_missing_files_are_named(tmp_path):
    assert "model.pkl does not exist" in refusal(tmp_path / "model.pkl")
    path = saved(tmp_path)
    path.with_suffix(".json").unlink()
    assert "model_epoch_100.json does not exist" in refusal(path)
    assert "is not a file" in refusal(tmp_path)
    assert "is not a file" in refusal("")


@pytest.mark.parametrize("suffix", [".pkl", ".json"])
def test_a_file_that_may_not_be_opened_is_a_machine_error(tmp_path, monkeypatch, suffix):
    path = saved(tmp_path)
    really_open = pathlib.Path.open

    def refuse(self: pathlib.Path, *args, **keywords):
        if self.suffix == suffix:
            raise PermissionError(13, "Permission denied")
        return really_open(self, *args, **keywords)

    monkeypatch.setattr(pathlib.Path, "open", refuse)
    with pytest.raises(MachineError, match=f"{suffix} cannot be read .Permission denied") as caught:
        read_course_model(path)
    assert caught.value.exit_code == 3
