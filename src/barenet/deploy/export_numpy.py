"""Export a trained network as one readable Python file that needs only NumPy, and run that file as a program.

The readable part comes first: what the file is, how to use it, and the functions. The weights follow as base64 of
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
Layers = list[tuple[str, list[Any]]]  # names of functions, each with its parameters: arrays or inner layers


def build_source(exported: Exported, module: str) -> str:
    """Return the text of the file, which can be imported as `module`."""
    dtype = exported.dtype.newbyteorder("<")
    networks = [layers_of(network) for network in exported.networks]
    in_logits = [network.ends_in_logits for network in exported.networks]
    if any(in_logits) and not all(in_logits):  # in an ensemble, members that end in logits get a softmax layer
        rows = zip(networks, in_logits, strict=True)
        networks = [[*layers, ("softmax", [])] if lacks else layers for layers, lacks in rows]
    names = [name for layers in networks for name in names_of(layers)] + ["softmax"] * all(in_logits)
    return TEMPLATE.format(
        version=exported.about["barenet_version"],
        module=module,
        inputs="\n".join(textwrap.fill(text, 100) for text in describe_inputs(exported)),
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
    """Return the parts of the text that differ between files for images, rows of a table, or images in a table."""
    steps = textwrap.indent(preparing_steps(exported), " " * 4)
    shape = ", ".join(map(str, exported.image_shape))
    help_text = f"array of shape (n, {shape}), as numpy.save writes it"
    imports, load, errors = ["argparse", "base64", "warnings"], "np.load(file)", "OSError, ValueError"
    found, file = {"given": "images", "one": "image"}, "images.npy"
    if exported.columns is not None:
        help_text = f"text file with the names of its columns in the first line, or .npy: {help_text}"
        imports = ["argparse", "base64", "csv", *(["warnings"] if exported.rows_of is None else [])]
        load = f'{load} if file.endswith(".npy") else read_csv(file, COLUMNS, TABLE)'
        errors += ", csv.Error"
        file = "table.csv"
    first = PREPARE_PIXELS if exported.columns is not None else ""
    found["prepare"] = PREPARE.format(first=first, steps=steps)
    if exported.rows_of is not None:
        found |= {"given": "rows", "one": "row", "prepare": PREPARE_ROWS.format(steps=steps)}
    typing = "\nfrom pathlib import Path\nfrom typing import Any" if exported.columns is not None else ""
    found["imports"] = "\n".join(f"import {name}" for name in imports) + typing
    found["usage"] = usage(module, file, found["given"], found["one"])
    return {**found, "help": ascii(help_text), "load": load, "errors": errors}


def usage(module: str, file: str, given: str, one: str) -> str:
    """Return how the file is used, one line for each way."""
    lines = {
        f"{module}.predict({given})": f"the number of the most probable class of each {one}",
        f"{module}.predict_proba({given})": "the probability of each class",
        f"{module}.CLASS_NAMES": "the names of the classes by their numbers",
        f"python {module}.py {file}": f"prints class and probability of each {one}, one in a line",
    }
    width = max(map(len, lines))
    *calls, program = [f"    {call:{width}}    # {what}" for call, what in lines.items()]
    return "\n".join([*calls, "", program])


def rules(exported: Exported) -> list[str]:
    """Return the source of the functions of barenet that the file holds unchanged."""
    found = [source_of_rule(exported.standardiser is None)]
    return found if exported.columns is None else [source_of_rows(), *found]


def literal(value: Any) -> str:
    """Return a list or a dictionary as Python source of ASCII characters, with one line for each element."""
    if isinstance(value, dict):
        return "{\n" + "".join(f"    {key!a}: {one!a},\n" for key, one in value.items()) + "}"
    return "[\n" + "".join(f"    {one!a},\n" for one in value) + "]"


def describe_inputs(exported: Exported) -> list[str]:
    """Return a description of the images or rows, in paragraphs."""
    shape = " x ".join(map(str, exported.image_shape))
    if exported.rows_of:
        return [*ROWS, UNKNOWN_TEXT[exported.unknown]]
    table = [f"They may be rows of a table, with a column for each pixel. {CSV}"] if exported.columns else []
    if exported.input_dtype == "uint8":
        return [f"Images are {shape} values: uint8 (0-255), or floats that are divided by 255 already.", *table]
    if exported.standardiser is not None:
        return [f"An image is a row of {shape} features in the units of the training data; they are standardised here."]
    if exported.trained:
        lowest, highest = exported.trained["values"]
        words = f"Images are {shape} floats from {lowest:.6g} to {highest:.6g}, scaled like the training images."
        return [words, *table]
    return [f"Images are {shape} floats, scaled like the training images."]


def constants(exported: Exported) -> str:
    """Return the source of the constants about images or rows."""
    columns = table_source(exported.columns, exported.unknown) if exported.columns else ""
    if exported.standardiser is not None:
        mean, deviation = exported.standardiser.mean.tolist(), exported.standardiser.deviation.tolist()
        fill = exported.standardiser.fill
        shape = columns or f"IMAGE_SHAPE = {exported.image_shape!r}\n"
        filling = "" if fill is None else f"FILL = np.array({literal(fill.tolist())})  # for missing numbers, NaN\n"
        return f"{shape}{filling}MEAN = np.array({literal(mean)})\nDEVIATION = np.array({literal(deviation)})\n"
    return (
        f"{columns}IMAGE_SHAPE = {exported.image_shape!r}\n"
        f"# How images are scaled: see fit_images.\n"
        f"PIXEL_SCALE = 1 / 255\n"
        f"TAKES_BYTES = {exported.input_dtype == 'uint8'}\n"
        f"SCALE = {exported.scale!r}\n"
        f"TRAINED_ON = {literal(exported.trained)}\n"
        f"WARNED = set()  # kinds of warnings that were given already\n"
    )


def preparing_steps(exported: Exported) -> str:
    """Return the source that converts rows of numbers to the network's floats, with the same bits as barenet."""
    dtype = f"np.{exported.dtype.name}"
    if exported.standardiser is not None:
        as_in_training = f"x = x.astype(np.{exported.input_dtype})\n" if exported.columns else ""
        steps = f"check_numbers(x)\nx = ((x - MEAN) / DEVIATION).astype({dtype})"
        if exported.standardiser.fill is None:
            return as_in_training + steps
        return f'{as_in_training}if x.dtype.kind == "f":\n    x = np.where(np.isnan(x), FILL, x)\n{steps}'
    return (
        f"x, scale, notes = fit_images(x, TAKES_BYTES, SCALE, TRAINED_ON)\n"
        f"for kind in notes.keys() - WARNED:\n"
        f"    WARNED.add(kind)\n"
        f"    warnings.warn(notes[kind], stacklevel=3)\n"
        f"x = x.astype({dtype}) * {dtype}(scale)"
    )


# The function and the parameters of each kind of layer; none for those that only act in training. In prediction, the
# weights and biases hold the batch normalisation.
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
        yield from names_of([inner for inner in parameters if isinstance(inner, tuple)])


def network_source(layers: Layers, dtype: np.dtype[Any]) -> str:
    """Return the source of one network's layers."""
    return "\n".join(["    [", *(line for layer in layers for line in layer_source(layer, dtype, 8)), "    ],"])


def layer_source(layer: tuple[str, list[Any]], dtype: np.dtype[Any], indent: int) -> Iterator[str]:
    """Yield the lines of one layer."""
    (name, parameters), space = layer, " " * indent
    yield f"{space}("
    yield f"{space}    {name},"
    for parameter in parameters:
        if isinstance(parameter, tuple):
            yield from layer_source(parameter, dtype, indent + 4)
        else:
            yield f"{space}    {array_source(parameter, dtype)},"
    yield f"{space}),"


def array_source(values: NDArray[Any], dtype: np.dtype[Any]) -> str:
    """Return the call that makes an array."""
    text = base64.b64encode(np.ascontiguousarray(values, dtype).tobytes()).decode()
    body = "\n".join(text[i : i + LINE] for i in range(0, len(text), LINE))
    return f'array(\n"""\n{body}\n""",\n            {", ".join(map(str, values.shape))},\n            )'


def run_file(source: str, given: NDArray[Any] | str, module: str) -> NDArray[np.floating]:
    """Run the file as a program, in a new Python process and an empty folder, and return its probabilities.

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
        # -I: Python ignores environment variables and the current folder.
        command = [sys.executable, "-I", str(program), str(file), "--probabilities", str(result)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, encoding="utf-8", errors="replace")
        if done.returncode:
            last = one_line((done.stderr.strip() or "nothing on stderr").splitlines()[-1])
            raise CheckpointError(f"the export is not written: run as a program it failed: {last}")
        found: NDArray[np.floating] = np.load(result)
        return found
