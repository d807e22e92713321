"""A trained network as one readable Python file that needs NumPy alone, and running that file as a person would.

What can be read comes first: what the file is, how it is used, the functions. The weights follow, base64 of
little-endian floats.
"""

from __future__ import annotations

import base64
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.deploy.exported import Exported
from barenet.deploy.numpy_template import FUNCTION_SOURCES, PREPARE, TEMPLATE
from barenet.errors import CheckpointError
from barenet.messages import one_line
from barenet.nn import MLP, by_kind
from barenet.training.input_range import source_of_rule

__all__ = ["build_source", "run_file"]

LINE = 100  # characters of base64 in a line
Layers = list[tuple[str, list[NDArray[Any]]]]


def build_source(exported: Exported, module: str) -> str:
    """Return the text of the file, which will be importable as `module`."""
    dtype = exported.dtype.newbyteorder("<")
    networks = [layers_of(network) for network in exported.networks]
    names = [name for layers in networks for name, _ in layers] + ["softmax"] * exported.ends_in_logits
    return TEMPLATE.format(
        version=exported.about["barenet_version"],
        module=module,
        inputs=textwrap.fill(describe_inputs(exported), 100),
        class_names=literal(exported.class_names),
        image_shape=repr(exported.image_shape),
        constants=constants(exported),
        about=literal(exported.about),
        prepare=PREPARE.format(steps=textwrap.indent(preparing_steps(exported), " " * 4)),
        rule=source_of_rule(exported.standardiser is None),
        n_inputs=exported.networks[0].n_inputs,
        last="softmax(a)" if exported.ends_in_logits else "a",
        functions="\n".join(FUNCTION_SOURCES[name].lstrip() + "\n" for name in dict.fromkeys(names)).rstrip() + "\n",
        dtype=dtype.str,
        shape_words=", ".join(map(str, exported.image_shape)),
        networks="\n".join(network_source(layers, dtype) for layers in networks),
    )


def literal(value: Any) -> str:
    """Return a list or a dictionary as Python source of ASCII characters, a line an element where there are several."""
    if isinstance(value, dict):
        return "{\n" + "".join(f"    {key!a}: {own!a},\n" for key, own in value.items()) + "}"
    return "[\n" + "".join(f"    {own!a},\n" for own in value) + "]"


def describe_inputs(exported: Exported) -> str:
    """Return what images are, in a sentence or two."""
    shape = " x ".join(map(str, exported.image_shape))
    if exported.input_dtype == "uint8":
        return f"Images are {shape} values: uint8 (0-255), or floats that were divided by 255 already."
    if exported.standardiser is not None:
        return f"An image is a row of {shape} features in the units of the training data; they are standardised here."
    if exported.trained:
        lowest, highest = exported.trained["values"]
        return f"Images are {shape} floats from {lowest:.6g} to {highest:.6g}, scaled as those that it was trained on."
    return f"Images are {shape} floats, scaled as those that the network was trained on."


def constants(exported: Exported) -> str:
    """Return the source of what the images are scaled by, if they are."""
    if exported.standardiser is not None:
        mean, deviation = exported.standardiser.mean.tolist(), exported.standardiser.deviation.tolist()
        fill = exported.standardiser.fill
        filling = "" if fill is None else f"FILL = np.array({literal(fill.tolist())})  # for missing numbers, NaN\n"
        return f"{filling}MEAN = np.array({literal(mean)})\nDEVIATION = np.array({literal(deviation)})\n"
    return (
        f"# How images are brought to the network: see fit_images.\n"
        f"PIXEL_SCALE = 1 / 255\n"
        f"TAKES_BYTES = {exported.input_dtype == 'uint8'}\n"
        f"SCALE = {exported.scale!r}\n"
        f"TRAINED_ON = {literal(exported.trained)}\n"
        f"TOLD = set()  # kinds of warnings that were given already\n"
    )


def preparing_steps(exported: Exported) -> str:
    """Return the source of what brings rows of numbers to the network's own floats, with the bits of barenet."""
    dtype = f"np.{exported.dtype.name}"
    if exported.standardiser is not None:
        steps = f"check_numbers(x)\nx = ((x - MEAN) / DEVIATION).astype({dtype})"
        if exported.standardiser.fill is None:
            return steps
        return f'if x.dtype.kind == "f":\n    x = np.where(np.isnan(x), FILL, x)\n{steps}'
    return (
        f"x, scale, told = fit_images(x, TAKES_BYTES, SCALE, TRAINED_ON)\n"
        f"for kind in told.keys() - TOLD:\n"
        f"    TOLD.add(kind)\n"
        f"    warnings.warn(told[kind], stacklevel=3)\n"
        f"x = x.astype({dtype}) * {dtype}(scale)"
    )


# The function and the parameters of each kind of layer; none for those that do nothing but in training.
LAYERS: dict[str, Callable[[Any], Layers]] = {
    "dense": lambda layer: [("dense", [layer.W, layer.b.reshape(-1)])],
    "activation": lambda layer: [(layer.activation.name, [])],
    "dropout": lambda layer: [],
}


def layers_of(network: MLP) -> Layers:
    """Return the functions of a network in order, by their names in the file, each with its parameters."""
    return [own for layer in network.layers for own in by_kind(LAYERS, layer, "the export to NumPy")(layer)]


def network_source(layers: Layers, dtype: np.dtype[Any]) -> str:
    """Return the source of one network's layers."""
    lines = ["    ["]
    for name, parameters in layers:
        arrays = [f"            {array_source(values, dtype)}," for values in parameters]
        lines += ["        (", f"            {name},", *arrays, "        ),"]
    return "\n".join([*lines, "    ],"])


def array_source(values: NDArray[Any], dtype: np.dtype[Any]) -> str:
    """Return the call that makes an array."""
    text = base64.b64encode(np.ascontiguousarray(values, dtype).tobytes()).decode()
    body = "\n".join(text[i : i + LINE] for i in range(0, len(text), LINE))
    return f'array(\n"""\n{body}\n""",\n            {", ".join(map(str, values.shape))},\n            )'


def run_file(source: str, images: NDArray[Any], module: str) -> NDArray[np.floating]:
    """Return the probabilities that the file gives, run by a fresh Python in an empty folder, as a program of its own.

    Raises:
        CheckpointError: it fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        program, given, result = (Path(folder) / name for name in (f"{module}.py", "images.npy", "probabilities.npy"))
        program.write_text(source, "utf-8")
        np.save(given, images)
        # -I: nothing of this environment's settings or of the folder that we are in takes part.
        command = [sys.executable, "-I", str(program), str(given), "--probabilities", str(result)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, encoding="utf-8", errors="replace")
        if done.returncode:
            last = one_line((done.stderr.strip() or "nothing on stderr").splitlines()[-1])
            raise CheckpointError(f"the export is not written: run as a program it failed: {last}")
        found: NDArray[np.floating] = np.load(result)
        return found
