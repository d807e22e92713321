"""Read the models of the course project: `model_epoch_100.pkl` with `model_epoch_100.json` beside it.

The `.json` says which layers there are, the `.pkl` holds their weights: `layer_0_W`, `layer_0_b`, `layer_2_W`, ...
(the index counts linear and activation layers in turn). Consecutive numbers, 0, 1, 2, are read as well, with a
note. `barenet.pickles` reads the bytes and runs nothing; here each value is checked against the architecture. Such
files are read and never written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from barenet.course_files.plain_weights import PlainWeights, find_weights, read_npz_weights
from barenet.errors import CheckpointError, nearest
from barenet.messages import count, describe, one_line
from barenet.nn.activations import ACTIVATIONS, ALIASES
from barenet.pickles.opening import open_model_file
from barenet.pickles.reader import read_pickle

__all__ = ["CourseModel", "read_course_model"]

_MAX_JSON = 2**20
_KEYS = ("input_dim", "output_dim", "activation")


@dataclass(frozen=True)
class CourseModel:
    """A model of the course project, checked; each list has one entry for each linear layer."""

    architecture: list[dict[str, Any]]  # input_dim, output_dim, activation (`leakyrelu` and `linear` renamed)
    weights: list[np.ndarray]  # float64, (in, out) each; read-only where they are views of the file's bytes
    biases: list[np.ndarray]  # float64, (1, out) each
    epoch: int | None  # from the file's name, if it says so
    assumed: str = ""  # what the file does not say and was assumed, in a sentence


def read_course_model(path: str | Path) -> CourseModel:
    """Read a `.pkl` of the course project and the `.json` of the same stem, running no code from either.

    Also read the files of `plain_weights`: an `.npz`, or a `.pkl` with other names, with or without a `.json`.

    Raises CheckpointError for files that are missing, damaged, hostile or don't fit, MachineError when one
    cannot be opened.
    """
    path = Path(path)
    with open_model_file(path):  # a wrong path is reported before a missing .json
        pass
    name, beside = one_line(path), path.with_suffix(".json")
    if path.suffix.lower() == ".npz":
        return _from_plain(read_npz_weights(path), name, beside)
    arrays: Any = None
    if not beside.exists() and (arrays := read_pickle(path)) is not None:
        plain = find_weights(arrays, name) if isinstance(arrays, dict) and not _has_course_names(arrays) else None
        if plain is not None:
            return _from_plain(plain, name, beside)
    architecture = _read_architecture(beside)
    arrays = read_pickle(path)
    if not isinstance(arrays, dict):
        raise CheckpointError(f"{name} holds {describe(arrays)}, expected a dictionary with layer_0_W, layer_0_b")
    if not _has_course_names(arrays) and (plain := find_weights(arrays, name)) is not None:
        return _from_plain(plain, name, beside)
    numbers = _numbers(name, arrays, len(architecture))
    _check_names(name, arrays, [f"layer_{i}_{letter}" for i in numbers for letter in "Wb"])
    weights, biases = [], []
    for i, layer in zip(numbers, architecture, strict=True):
        # Popped one by one, so that the bytes of a layer are free once it is converted.
        n_in, n_out = layer["input_dim"], layer["output_dim"]
        weights.append(_checked(name, f"layer_{i}_W", arrays.pop(f"layer_{i}_W"), (n_in, n_out)))
        biases.append(_checked(name, f"layer_{i}_b", arrays.pop(f"layer_{i}_b"), (1, n_out)))
    assumed = ""
    if list(numbers) != _course_numbers(len(architecture)):
        assumed = f"{name} numbers its layers {_listed(numbers)}: taken in this order, one for each layer of its .json"
    return CourseModel(architecture, weights, biases, _epoch_of(path), assumed)


def _epoch_of(path: Path) -> int | None:
    """Return the epoch in a file's name, as in model_epoch_100.pkl."""
    epoch = re.search("epoch[_-]?([0-9]{1,9})$", path.stem)
    return int(epoch[1]) if epoch else None


def _course_numbers(n_layers: int) -> list[int]:
    """Return the numbers that the course project gives to linear layers."""
    return [2 * i for i in range(n_layers)]


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _numbers(name: str, arrays: dict[Any, Any], n_layers: int) -> list[int]:
    """Return the numbers of the layers in a file: 0, 2, 4 as in the course project, or consecutive numbers.

    Raises CheckpointError for other numbers, which may mean that a layer is missing.
    """
    found = sorted({int(match[1]) for key in arrays if (match := re.fullmatch(r"layer_(\d{1,9})_[Wb]", str(key)))})
    official = _course_numbers(n_layers)
    if len(found) != n_layers or found == official:
        return official  # `_check_names` reports a wrong number of layers
    if found != list(range(found[0], found[0] + n_layers)):
        raise CheckpointError(
            f"{name} numbers its layers {_listed(found)}, expected {_listed(official)} or {_listed(range(n_layers))}: "
            f"one may be missing; save the model again"
        )
    return found


def _has_course_names(arrays: dict[Any, Any]) -> bool:
    """Whether a dictionary has the course project's names."""
    return any(re.fullmatch(r"layer_\d+_[Wb]", str(name)) for name in arrays)


def _from_plain(plain: PlainWeights, name: str, beside: Path) -> CourseModel:
    """Return weights that somebody saved, with the activations of a .json; without one relu, which `assumed` says."""
    sizes = [plain.weights[0].shape[0], *(matrix.shape[1] for matrix in plain.weights)]
    rows = [{"input_dim": a, "output_dim": b, "activation": "relu"} for a, b in pairwise(sizes)]
    rows[-1]["activation"] = "softmax"
    if beside.exists():
        architecture = _read_architecture(beside)
        if [(row["input_dim"], row["output_dim"]) for row in architecture] != list(pairwise(sizes)):
            raise CheckpointError(f"{name} has layers of sizes {sizes}, its .json others; pair the right files")
        return CourseModel(architecture, plain.weights, plain.biases, _epoch_of(beside))
    turned = ", the weights as (outputs, inputs)" if plain.were_turned else ""
    assumed = (
        f"{name}: layers {'-'.join(map(str, sizes))} by the shapes of its arrays{turned}; it does not say the "
        f"activations: relu is assumed, and softmax at the end; a .json beside it can name others"
    )
    return CourseModel(rows, plain.weights, plain.biases, _epoch_of(beside), assumed)


def _check_names(name: str, arrays: dict[str, object], expected: Sequence[str]) -> None:
    if missing := [key for key in expected if key not in arrays]:
        raise CheckpointError(
            f"{name} has no {missing[0]}, but its .json lists {count(len(expected) // 2, 'layer')}; "
            f"pair the right files"
        )
    known = set(expected)
    if extra := [key for key in arrays if key not in known]:
        raise CheckpointError(
            f"{name} also holds {describe(extra[0])}, and its .json lists {count(len(expected) // 2, 'layer')}; "
            "pair the right files"
        )


def _checked(name: str, key: str, value: object, shape: tuple[int, int]) -> np.ndarray:
    """Return a finite float64 array of `shape`; a native float64 array is not copied."""
    where = f"{name}: {key}"
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or value.itemsize < 4:
        got = f"an array of {value.dtype}" if isinstance(value, np.ndarray) else describe(value)
        raise CheckpointError(f"{where} is {got}, expected an array of float64 or float32; save the model again")
    if value.shape != shape:
        got = one_line(value.shape, 80)
        raise CheckpointError(f"{where} has shape {got}, its .json says {shape}; pair the right files")
    # min and max show NaN and infinities, without the array of booleans that isfinite makes.
    with np.errstate(invalid="ignore"):  # a signalling NaN
        extremes = value.min(), value.max()
    for extreme in extremes:
        if not np.isfinite(extreme):
            raise CheckpointError(f"{where} holds {extreme}, expected finite numbers; use an earlier epoch")
    return np.ascontiguousarray(value, dtype=np.float64)


def _read_architecture(path: Path) -> list[dict[str, Any]]:
    name = one_line(path)
    with open_model_file(path, _MAX_JSON) as (file, _):
        raw = file.read(_MAX_JSON)
    try:
        layers = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{name} is not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{name} is not JSON: {one_line(error, 200)}; save it again") from None
    if not isinstance(layers, list) or not layers:
        got = describe(layers) if layers != [] else "an empty list"
        raise CheckpointError(f"{name} holds {got}, expected a list with {', '.join(_KEYS)} for each layer")
    architecture = [_layer(f"{name}: layer {i}", layer) for i, layer in enumerate(layers, start=1)]
    for i, (left, right) in enumerate(pairwise(architecture), start=1):
        if left["output_dim"] != right["input_dim"]:
            raise CheckpointError(
                f"{name}: layer {i} has output_dim {left['output_dim']} and layer {i + 1} has input_dim "
                f"{right['input_dim']}; make them equal"
            )
    return architecture


def _layer(where: str, layer: object) -> dict[str, Any]:
    if not isinstance(layer, dict):
        raise CheckpointError(f"{where} is {describe(layer)}, expected an object with {', '.join(_KEYS)}")
    for key in layer:
        if key not in _KEYS:
            hint = nearest(key[:80], _KEYS)
            raise CheckpointError(f"{where} has the unknown key {describe(key)}; {hint}")
    for key in _KEYS:
        if key not in layer:
            raise CheckpointError(f"{where} has no {key}; give each layer {', '.join(_KEYS)}")
    for key in _KEYS[:2]:
        size = layer[key]
        if type(size) is not int or not 0 < size < 2**31:
            raise CheckpointError(f"{where}: {key} is {describe(size)}, expected a positive whole number")
    activation = layer["activation"]
    if activation not in (*ACTIVATIONS, *ALIASES):
        hint = (
            nearest(activation[:80], (*ACTIVATIONS, *ALIASES))
            if isinstance(activation, str)
            else "name one, like 'relu'"
        )
        raise CheckpointError(f"{where}: activation is {describe(activation)}, which is not known; {hint}")
    return {key: layer[key] for key in _KEYS} | {"activation": ALIASES.get(activation, activation)}
