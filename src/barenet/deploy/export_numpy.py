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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.deploy.exported import Exported
from barenet.deploy.numpy_template import FUNCTION_SOURCES, PREPARE, PREPARE_PIXELS, PREPARE_ROWS, TEMPLATE
from barenet.deploy.tables.source import CSV, ROWS, UNKNOWN_TEXT, source_of_rows, table_source
from barenet.errors import CheckpointError
from barenet.messages import one_line
from barenet.nn import MLP, by_kind
from barenet.training.inputs.input_range import source_of_rule

__all__ = ["build_source", "run_file"]

LINE = 100  # characters of base64 in a line
Layers = list[tuple[str, list[Any]]]  # names of functions, each with its parameters: arrays, or such layers again


def build_source(exported: Exported, module: str) -> str:
    """Return the text of the file, which will be importable as `module`."""
    dtype = exported.dtype.newbyteorder("<")
    networks = [layers_of(network) for network in exported.networks]
    in_logits = [network.ends_in_logits for network in exported.networks]
    if any(in_logits) and not all(in_logits):  # members of an ensemble: softmax is a layer of those that lack it
        rows = zip(networks, in_logits, strict=True)
        networks = [[*layers, ("softmax", [])] if lacks else layers for layers, lacks in rows]
    names = [name for layers in networks for name in names_of(layers)] + ["softmax"] * all(in_logits)
    return TEMPLATE.format(
        version=exported.about["barenet_version"],
        module=module,
        inputs="\n".join(textwrap.fill(own, 100) for own in describe_inputs(exported)),
        class_names=literal(exported.class_names),
        constants=constants(exported),
        about=literal(exported.about),
        rule="\n\n".join(rules(exported)),
        n_inputs=exported.networks[0].n_inputs,
        last="softmax(a)" if all(in_logits) else "a",
        functions="\n".join(FUNCTION_SOURCES[name].lstrip() + "\n" for name in dict.fromkeys(names)).rstrip() + "\n",
        dtype=dtype.str,
        networks="\n".join(network_source(layers, dtype) for layers in networks),
        **words(exported, module),
    )


def words(exported: Exported, module: str) -> dict[str, str]:
    """Return what differs between files that take images, rows of a table, or images that lie in a table."""
    steps = textwrap.indent(preparing_steps(exported), " " * 4)
    shape = ", ".join(map(str, exported.image_shape))
    help_text = f"array of shape (n, {shape}), as numpy.save writes it"
    imports, load, errors = ["argparse", "base64", "warnings"], "np.load(file)", "OSError, ValueError"
    own, file = {"given": "images", "one": "image"}, "images.npy"
    if exported.columns is not None:
        help_text = f"text file with the names of its columns in the first line, or .npy: {help_text}"
        imports = ["argparse", "base64", "csv", *(["warnings"] if exported.rows_of is None else [])]
        load = f'{load} if file.endswith(".npy") else read_csv(file, COLUMNS, TABLE)'
        errors += ", csv.Error"
        file = "table.csv"
    first = PREPARE_PIXELS if exported.columns is not None else ""
    own["prepare"] = PREPARE.format(first=first, steps=steps)
    if exported.rows_of is not None:
        own |= {"given": "rows", "one": "row", "prepare": PREPARE_ROWS.format(steps=steps)}
    typing = "\nfrom pathlib import Path\nfrom typing import Any" if exported.columns is not None else ""
    own["imports"] = "\n".join(f"import {name}" for name in imports) + typing
    own["usage"] = usage(module, file, own["given"], own["one"])
    return {**own, "help": ascii(help_text), "load": load, "errors": errors}


def usage(module: str, file: str, given: str, one: str) -> str:
    """Return how the file is used, a line each way."""
    lines = {
        f"{module}.predict({given})": f"the number of the most probable class of each {one}",
        f"{module}.predict_proba({given})": "the probability of each class",
        f"{module}.CLASS_NAMES": "what the numbers mean",
        f"python {module}.py {file}": f"class and probability of each {one}, a line each",
    }
    width = max(map(len, lines))
    *calls, program = [f"    {call:{width}}    # {what}" for call, what in lines.items()]
    return "\n".join([*calls, "", program])


def rules(exported: Exported) -> list[str]:
    """Return the source of the functions of barenet that the file holds as they are."""
    found = [source_of_rule(exported.standardiser is None)]
    return found if exported.columns is None else [source_of_rows(), *found]


def literal(value: Any) -> str:
    """Return a list or a dictionary as Python source of ASCII characters, a line an element where there are several."""
    if isinstance(value, dict):
        return "{\n" + "".join(f"    {key!a}: {own!a},\n" for key, own in value.items()) + "}"
    return "[\n" + "".join(f"    {own!a},\n" for own in value) + "]"


def describe_inputs(exported: Exported) -> list[str]:
    """Return what images or rows are, a paragraph or several."""
    shape = " x ".join(map(str, exported.image_shape))
    if exported.rows_of:
        return [*ROWS, UNKNOWN_TEXT[exported.unknown]]
    table = [f"They may lie in a table, a pixel a column. {CSV}"] if exported.columns else []
    if exported.input_dtype == "uint8":
        return [f"Images are {shape} values: uint8 (0-255), or floats that were divided by 255 already.", *table]
    if exported.standardiser is not None:
        return [f"An image is a row of {shape} features in the units of the training data; they are standardised here."]
    if exported.trained:
        lowest, highest = exported.trained["values"]
        words = f"Images are {shape} floats from {lowest:.6g} to {highest:.6g}, scaled as those that it was trained on."
        return [words, *table]
    return [f"Images are {shape} floats, scaled as those that the network was trained on."]


def constants(exported: Exported) -> str:
    """Return the source of what the file knows of its images or rows."""
    columns = table_source(exported.columns, exported.unknown) if exported.columns else ""
    if exported.standardiser is not None:
        mean, deviation = exported.standardiser.mean.tolist(), exported.standardiser.deviation.tolist()
        fill = exported.standardiser.fill
        shape = columns or f"IMAGE_SHAPE = {exported.image_shape!r}\n"
        filling = "" if fill is None else f"FILL = np.array({literal(fill.tolist())})  # for missing numbers, NaN\n"
        return f"{shape}{filling}MEAN = np.array({literal(mean)})\nDEVIATION = np.array({literal(deviation)})\n"
    return (
        f"{columns}IMAGE_SHAPE = {exported.image_shape!r}\n"
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
        as_in_training = f"x = x.astype(np.{exported.input_dtype})\n" if exported.columns else ""
        steps = f"check_numbers(x)\nx = ((x - MEAN) / DEVIATION).astype({dtype})"
        if exported.standardiser.fill is None:
            return as_in_training + steps
        return f'{as_in_training}if x.dtype.kind == "f":\n    x = np.where(np.isnan(x), FILL, x)\n{steps}'
    return (
        f"x, scale, told = fit_images(x, TAKES_BYTES, SCALE, TRAINED_ON)\n"
        f"for kind in told.keys() - TOLD:\n"
        f"    TOLD.add(kind)\n"
        f"    warnings.warn(told[kind], stacklevel=3)\n"
        f"x = x.astype({dtype}) * {dtype}(scale)"
    )


# The function and the parameters of each kind of layer; none for those that do nothing but in training. What batch
# normalisation does in prediction, weights and biases hold.
LAYERS: dict[str, Callable[[Any], Layers]] = {
    "residual_start": lambda layer: [("residual_start", [])],
    "dense": lambda layer: [("dense", [layer.W, layer.b.reshape(-1)])],
    "layer_norm": lambda layer: [("layer_norm", [])],
    "batch_norm": lambda layer: [],
    "activation": lambda layer: [(layer.activation.name, [])],
    "residual_sum": lambda layer: [("residual_sum", [])],
    "dropout": lambda layer: [],
}


def layers_of(network: MLP) -> Layers:
    """Return the functions of a network in order, by their names in the file, each with its parameters."""
    outer: Layers = []
    inner = outer
    for layer in network.layers:
        for name, parameters in by_kind(LAYERS, layer, "the export to NumPy")(layer):
            if name == "residual_start":
                inner = []
            elif name == "residual_sum":
                outer.append(("residual", inner))
                inner = outer
            else:
                inner.append((name, parameters))
    return outer


def names_of(layers: Layers) -> Iterator[str]:
    """Yield the names of all functions."""
    for name, parameters in layers:
        yield name
        yield from names_of([own for own in parameters if isinstance(own, tuple)])


def network_source(layers: Layers, dtype: np.dtype[Any]) -> str:
    """Return the source of one network's layers."""
    return "\n".join(["    [", *(line for layer in layers for line in layer_source(layer, dtype, 8)), "    ],"])


def layer_source(layer: tuple[str, list[Any]], dtype: np.dtype[Any], indent: int) -> Iterator[str]:
    """Yield the lines of one layer."""
    (name, parameters), space = layer, " " * indent
    yield f"{space}("
    yield f"{space}    {name},"
    for own in parameters:
        if isinstance(own, tuple):
            yield from layer_source(own, dtype, indent + 4)
        else:
            yield f"{space}    {array_source(own, dtype)},"
    yield f"{space}),"


def array_source(values: NDArray[Any], dtype: np.dtype[Any]) -> str:
    """Return the call that makes an array."""
    text = base64.b64encode(np.ascontiguousarray(values, dtype).tobytes()).decode()
    body = "\n".join(text[i : i + LINE] for i in range(0, len(text), LINE))
    return f'array(\n"""\n{body}\n""",\n            {", ".join(map(str, values.shape))},\n            )'


def run_file(source: str, given: NDArray[Any] | str, module: str) -> NDArray[np.floating]:
    """Return the probabilities that the file gives, run by a fresh Python in an empty folder, as a program of its own.

    `given` are images, or the text of a table. Raises CheckpointError where it fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        program, result = Path(folder) / f"{module}.py", Path(folder) / "probabilities.npy"
        program.write_text(source, "utf-8")
        if isinstance(given, str):
            file = Path(folder) / "table.csv"
            file.write_bytes(given.encode())
        else:
            file = Path(folder) / "images.npy"
            np.save(file, given)
        # -I: nothing of this environment's settings or of the folder that we are in takes part.
        command = [sys.executable, "-I", str(program), str(file), "--probabilities", str(result)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, encoding="utf-8", errors="replace")
        if done.returncode:
            last = one_line((done.stderr.strip() or "nothing on stderr").splitlines()[-1])
            raise CheckpointError(f"the export is not written: run as a program it failed: {last}")
        found: NDArray[np.floating] = np.load(result)
        return found
