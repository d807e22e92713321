"""Model files are exact and deterministic, and a message of one line names any damage."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import pathlib
import struct
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from waiting import PATIENCE

from barenet.data.tables.columns import Column, Columns
from barenet.engine.state import TrainingState
from barenet.errors import CheckpointError, MachineError, ShapeError
from barenet.nn import make_loss
from barenet.run_folders.checkpoint import ModelInfo, read_model, read_state, write_model
from barenet.storage.files import replace_file

INFO = ModelInfo(
    architecture=[
        {"input_dim": 6, "output_dim": 3, "activation": "tanh"},
        {"input_dim": 3, "output_dim": 2, "activation": "softmax"},
    ],
    loss="cross_entropy",
    label_smoothing=0.1,
    image_shape=[2, 3],
    scale=1 / 255,
    input_dtype="uint8",
    class_names=["shirt", "衬衫"],
    epoch=12,
    step=5160,
    seed=3,
    data_name="arrays",
    data_fingerprint="sha256:0123",
    metrics={"validation_accuracy": 0.875, "validation_loss": 0.3},
)
SHAPES = {"W1": (6, 3), "W2": (3, 2), "b1": (1, 3), "b2": (1, 2)}


def parameters() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in SHAPES.items()}


def state(average: bool) -> TrainingState:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(1, 29)).astype(np.float32)
    begun = TrainingState.start(values, ["first_moment", "second_moment"], average, keep_best=3)
    begun.slots["first_moment"][...] = rng.normal(size=(1, 29))
    return begun.with_validation(np.array([0.5]), values)


def saved(folder: pathlib.Path, own_state: TrainingState | None = None) -> pathlib.Path:
    path = folder / "model.safetensors"
    write_model(path, INFO, parameters(), own_state)
    return path


def refusal(path, read=read_model) -> str:
    with pytest.raises(CheckpointError) as caught:
        read(path)
    message = str(caught.value)
    assert message.isprintable()
    assert str(path) in message
    return message


def test_a_model_reads_back_exactly(tmp_path):
    model = read_model(saved(tmp_path))
    assert model.info == INFO
    for name, array in parameters().items():
        np.testing.assert_array_equal(model.mlp.parameters.views[name], array)
    assert model.mlp.dtype == np.float32


def test_a_model_is_shown_in_one_short_line(tmp_path):
    loaded = read_model(saved(tmp_path))
    assert repr(loaded) == str(loaded)
    assert repr(loaded).startswith("SavedModel(mlp=FastMLP(6-3-2, tanh), info=<ModelInfo>, loss=<Loss>, path=")
    assert len(repr(loaded)) < 300


@pytest.mark.parametrize("average", [False, True])
def test_a_state_reads_back_exactly(tmp_path, average):
    before = state(average)
    info, after = read_state(saved(tmp_path, before))
    assert info == INFO
    assert before.arrays().keys() == after.arrays().keys()
    for name, array in before.arrays().items():
        assert after.arrays()[name].dtype == array.dtype
        np.testing.assert_array_equal(after.arrays()[name], array)
    assert (after.average is None) is not average


def test_other_programs_read_the_weights(tmp_path):
    arrays = load_file(saved(tmp_path))
    assert set(arrays) == set(SHAPES)
    np.testing.assert_array_equal(arrays["W1"], parameters()["W1"])


def write_byte(path: pathlib.Path, position: int, byte: int) -> None:
    with path.open("r+b") as file:
        file.seek(position)
        file.write(bytes([byte]))


@pytest.mark.slow
def test_every_flipped_byte_is_noticed_or_changes_nothing(tmp_path):
    path = saved(tmp_path, state(average=True))
    content = path.read_bytes()
    n_header = struct.unpack("<Q", content[:8])[0]
    assert len(content) > n_header + 8 > 1000
    harmless, messages = 0, []
    for position, byte in enumerate(content):
        write_byte(path, position, byte ^ 1 << position % 8)
        try:
            info, after = read_state(path)
        except CheckpointError as error:
            messages.append(str(error))
        else:
            # Such as 1e-3 that became 1E-3: the header means the same.
            harmless += 1
            assert position < n_header + 8
            assert info == INFO
            for name, array in state(average=True).arrays().items():
                assert after.arrays()[name].tobytes() == array.tobytes()
        write_byte(path, position, byte)
    assert harmless < 20
    assert all(message.isprintable() for message in messages)


@pytest.mark.parametrize("keep", [0, 1, 7, 8, 9, 100, -1, -4])
def test_a_truncated_file_is_refused(tmp_path, keep):
    path = saved(tmp_path)
    path.write_bytes(path.read_bytes()[:keep])
    assert "damaged or not a safetensors file" in refusal(path)


@pytest.mark.parametrize("content", [b"PK\x03\x04 a zip", b"\x80\x04\x95 a pickle", b"not a model " * 50])
def test_another_kind_of_file_is_refused(tmp_path, content):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    assert "not a safetensors file" in refusal(path)


def test_a_missing_file_is_named(tmp_path):
    assert "no model file" in refusal(tmp_path / "nothing.safetensors")


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_weights_of_another_program_are_refused(tmp_path, metadata):
    path = tmp_path / "model.safetensors"
    save_file(parameters(), path, metadata=metadata)
    assert "was not written by barenet" in refusal(path)


def rewritten(path: pathlib.Path, change) -> pathlib.Path:
    """Change the metadata of a file as another program would, with the right length of the header."""
    content = path.read_bytes()
    n_header = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + n_header])
    metadata = json.loads(header["__metadata__"]["barenet"])
    change(metadata)
    header["__metadata__"]["barenet"] = json.dumps(metadata)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + n_header :])
    return path


def test_a_newer_format_is_refused_with_a_remedy(tmp_path):
    path = rewritten(saved(tmp_path), lambda metadata: metadata.update(format=2))
    assert "has format 2, newer than the 1 that this barenet reads; update barenet" in refusal(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda metadata: metadata["info"].update(scale=1.0),
        lambda metadata: metadata["info"]["class_names"].reverse(),
        lambda metadata: metadata["info"].pop("epoch"),
        lambda metadata: metadata.pop("info"),
        lambda metadata: metadata.update(checksums={}),
        lambda metadata: metadata.update(format=0),
        lambda metadata: metadata.clear(),
    ],
)
def test_changed_metadata_are_refused(tmp_path, change):
    assert "is damaged" in refusal(rewritten(saved(tmp_path), change))


def test_metadata_that_were_written_again_unchanged_are_read(tmp_path):
    assert read_model(rewritten(saved(tmp_path), lambda metadata: None)).info == INFO


def test_weights_that_do_not_fit_the_architecture_are_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    write_model(path, INFO, parameters() | {"W2": np.zeros((3, 3), np.float32)})
    assert "W2 must have shape (3, 2) by the architecture, found (3, 3)" in refusal(path)
    write_model(path, INFO, {"W1": parameters()["W1"]})
    assert "W2 must have shape (3, 2) by the architecture, found none" in refusal(path)


def test_a_model_without_a_state_cannot_be_resumed_from(tmp_path):
    assert "holds a model but no training state" in refusal(saved(tmp_path), read_state)


@pytest.mark.parametrize(
    ("name", "change", "found"),
    [
        ("values", lambda a: a[:, :-1], "float32 and shape (1, 28), expected (1, 29)"),
        ("average", lambda a: a.astype(np.int32), "int32 and shape (1, 29), expected (1, 29)"),
        ("best_values", lambda a: a[0], "float32 and shape (29,), expected (1, 29)"),
        ("slots.second_moment", lambda a: a[:, :1], "float32 and shape (1, 1), expected (1, 29)"),
        ("best_epochs", lambda a: a[:, :2], "int64 and shape (1, 2), expected (1, 3)"),
        ("epoch", lambda a: a / 2, "float64 and shape (1,), expected (1,)"),
        ("n_steps", lambda a: a.reshape(1, 1), "int64 and shape (1, 1), expected (1,)"),
        ("statistics", lambda a: np.zeros((1, 4), np.float32), "float32 and shape (1, 4), expected (1, 0)"),
        ("begun_seconds", lambda a: a.astype(np.int64), "int64 and shape (1,), expected (1,)"),
    ],
)
def test_an_undamaged_file_whose_state_fits_no_network_is_refused(name, change, found, tmp_path):
    arrays = {f"state.{name}": array for name, array in state(average=True).arrays().items()}
    arrays[f"state.{name}"] = np.ascontiguousarray(change(arrays[f"state.{name}"]))
    write_model(tmp_path / "model.safetensors", INFO, {**parameters(), **arrays})
    assert f"(state.{name} is of {found}): use another checkpoint" in refusal(
        tmp_path / "model.safetensors", read_state
    )


def test_whole_numbers_are_no_weights(tmp_path):
    path = tmp_path / "model.safetensors"
    write_model(path, INFO, parameters() | {"W2": np.ones((3, 2), np.int64)})
    assert "W2 holds NaN, infinity or no numbers" in refusal(path)


def test_the_message_about_a_missing_custom_loss_or_activation_says_to_pass_it_again(tmp_path):
    path = tmp_path / "model.safetensors"
    write_model(path, dataclasses.replace(INFO, loss="mine"), parameters())
    with pytest.raises(CheckpointError, match="was trained with the loss 'mine'; pass it again"):
        read_model(path)
    loss = make_loss("cross_entropy", 0.0)
    assert read_model(path, loss=loss).loss is loss
    layers = [INFO.architecture[0] | {"activation": "mine"}, INFO.architecture[1]]
    write_model(path, dataclasses.replace(INFO, architecture=layers), parameters())
    assert "pass custom activations again" in refusal(path)


@pytest.mark.slow
def test_the_same_content_gives_the_same_bytes_in_every_process(tmp_path):
    script = (
        "import sys; sys.path[:0] = sys.argv[2:]; import pathlib, test_checkpoint as t;"
        "p = pathlib.Path(sys.argv[1]); p.mkdir(); t.saved(p, t.state(True))"
    )
    processes = []
    for seed in ("1", "2"):
        folders = [str(folder) for folder in pathlib.Path(__file__).parents[:2]]
        arguments = [sys.executable, "-c", script, str(tmp_path / seed), *folders]
        processes.append(subprocess.Popen(arguments, env={**os.environ, "PYTHONHASHSEED": seed}))
    assert [process.wait(timeout=PATIENCE) for process in processes] == [0, 0]
    contents = {(tmp_path / seed / "model.safetensors").read_bytes() for seed in ("1", "2")}
    assert contents == {saved(tmp_path, state(average=True)).read_bytes()}


# ---------------------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("moment", ["writing", "renaming"])
def test_an_interrupted_replacement_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, moment):
    path = saved(tmp_path)
    before = path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(*((os, "fsync", full) if moment == "writing" else (pathlib.Path, "replace", full)))
    with pytest.raises(MachineError, match=f"cannot write .*: {os.strerror(errno.ENOSPC)}") as caught:
        write_model(path, INFO, {name: array * 2 for name, array in parameters().items()})
    assert caught.value.exit_code == 3
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.safetensors"]


def test_a_missing_folder_is_an_error_of_the_machine(tmp_path):
    with pytest.raises(MachineError, match="cannot write"):
        replace_file(tmp_path / "gone" / "file", "text")


def test_text_is_written_as_utf_8(tmp_path):
    replace_file(tmp_path / "file", "衬衫\n")
    assert (tmp_path / "file").read_bytes() == "衬衫\n".encode()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_model_whose_weights_are_not_finite_is_refused(value, tmp_path):
    weights = parameters()
    weights["W2"][1, 0] = value
    write_model(tmp_path / "model.safetensors", INFO, weights)
    assert "W2 holds NaN, infinity or no numbers" in refusal(tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"architecture": []}, "architecture has no layers"),
        ({"architecture": [{"input_dim": "6", "output_dim": 2, "activation": "relu"}]}, "input_dim is '6'"),
        ({"class_names": ["shirt"]}, "class_names has 1 name, and the last layer gives 2"),
        ({"class_names": ["shirt", "\udc80"]}, "is no text of UTF-8"),
        ({"image_shape": [2, 2]}, "image_shape is '[2, 2]'"),
        ({"scale": float("nan")}, "scale is nan"),
        ({"settings": {"another": {}}}, "the unknown table 'another'"),
        ({"settings": {"data": {"drop": 3}}}, "drop is 3"),
        ({"preprocessing": {"values": [0.0]}}, "preprocessing.values does not hold 2 finite numbers"),
        (
            {"preprocessing": {"mean": [0.0] * 6, "deviation": [0.0] * 6}},
            "deviation holds a number that is not above 0",
        ),
        ({"preprocessing": {"mean": ["a"] * 6, "deviation": [1.0] * 6}}, "mean.0 is 'a'"),
        ({"preprocessing": {"columns": {"columns": 1, "has_header": True, "n_columns": 6}}}, "columns is 1"),
    ],
)
def test_an_undamaged_file_with_an_impossible_description_is_refused(wrong, fault, tmp_path):
    write_model(tmp_path / "model.safetensors", dataclasses.replace(INFO, **wrong), parameters())
    assert fault in refusal(tmp_path / "model.safetensors")


# ------------------------------------------------------------------------------------- what comes to a trained network


def model_of(folder, **changed):
    path = folder / "model.safetensors"
    write_model(path, dataclasses.replace(INFO, **changed), parameters())
    return read_model(path)


@pytest.mark.parametrize(
    ("shape", "size", "is_color"),
    [([6], None, False), ([2, 3], (2, 3), False), ([28, 14, 3], (28, 14), True), ([28, 14, 4], (28, 14), False)],
)
def test_pictures_are_read_in_the_size_and_the_colours_that_the_model_was_trained_on(shape, size, is_color):
    options = dataclasses.replace(INFO, image_shape=shape).reading()
    assert (options["image_size"], options["color"]) == (size, is_color)


def test_files_are_read_in_the_same_way_as_for_training():
    plain = {"image_size": (2, 3), "color": False, "trained_on": "sha256:0123"}
    assert INFO.reading() == {**plain, "skip_broken": False, "transpose": None, "value_range": None}
    data = {"skip_broken": True, "transpose": True, "label": "kind", "drop": ["id"], "n_valid": 5}
    info = dataclasses.replace(INFO, settings={"data": data}, preprocessing={"value_range": [0.0, 4095.0]})
    assert info.reading() == {
        **plain,
        **{"skip_broken": True, "transpose": True, "value_range": (0.0, 4095.0), "label": "kind", "drop": ["id"]},
    }
    columns = Columns((Column("length", 1), Column("colour", 0, is_text=True, values=("", "red"))), True, 3, 2, "kind")
    remembered = dataclasses.replace(info, preprocessing={"columns": columns.as_dict()})
    assert remembered.columns() == {
        **{"label": "kind", "drop": ["id"], "columns": columns, "class_names": ["shirt", "衬衫"]},
    }


def test_a_network_that_was_trained_on_bytes_gets_the_same_inputs_from_bytes_and_floats(tmp_path):
    images = np.random.default_rng(2).integers(0, 256, (30, 6)).astype(np.uint8)
    model = model_of(tmp_path)
    for given in (images, (images / 255).astype(np.float32)):
        inputs = model.inputs(given)
        np.testing.assert_allclose(inputs.values * inputs.scale, images / 255, atol=1e-6)
        assert inputs.notes == {}
    with pytest.raises(ShapeError, match="images must be finite"):
        model.inputs(np.full((1, 6), np.nan, np.float32))


def test_a_network_that_was_trained_on_floats_gets_floats_unchanged(tmp_path):
    images = np.random.default_rng(2).normal(0, 300, (30, 6)).astype(np.float32)
    model = model_of(tmp_path, input_dtype="float32", scale=1.0)
    inputs = model.inputs(images)
    np.testing.assert_array_equal(inputs.values * inputs.scale, images)


def test_features_are_standardised_as_in_training_and_those_of_other_units_are_named(tmp_path):
    columns = Columns(tuple(Column(name, i) for i, name in enumerate("abcdef")), True, 6)
    mean, deviation, fill = [1.0, 2, 3, 4, 5, 6], [2.0, 2, 2, 4, 4, 4], [1.0, 2, 3, 8, 5, 6]
    remembered = {"mean": mean, "deviation": deviation, "columns": columns.as_dict(), "has_float64": True}
    model = model_of(tmp_path, input_dtype="float32", scale=1.0, image_shape=[6], preprocessing=remembered)
    inputs = model.inputs(np.array([[3.0, 2, 3, 4, 5, 206]]))
    assert (inputs.values.tolist(), inputs.scale) == ([[1, 0, 0, 0, 0, 50]], 1)
    assert inputs.notes["unusual"].endswith("of the rows trained on: f (50); they may have other units")
    missing = np.array([[3.0, 2, 3, np.nan, 5, 6]])
    with pytest.raises(ShapeError, match="must be finite"):
        model.inputs(missing)
    filled = model_of(
        tmp_path, input_dtype="float32", scale=1.0, image_shape=[6], preprocessing={**remembered, "fill": fill}
    )
    assert filled.inputs(missing).values.tolist() == [[1, 0, 0, 1, 0, 0]]
    with pytest.raises(ShapeError, match="must be finite"):
        filled.inputs(np.array([[3.0, 2, 3, np.inf, 5, 6]]))


def test_features_of_a_table_without_names_are_counted(tmp_path):
    remembered = {"mean": [0.0] * 6, "deviation": [1.0] * 6}
    model = model_of(tmp_path, input_dtype="float32", scale=1.0, image_shape=[6], preprocessing=remembered)
    assert model.feature_names == [f"feature {i}" for i in range(1, 7)]
