"""Plots of weights before and after training: histograms, heat maps, the first layer's neurons as images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.nn.mlp import MLP
from barenet.plots.appearance import BLUE, GREY, INK, new_figure, png, style, whole_numbers
from barenet.plots.letters import cut
from barenet.plots.rasters import colour_numbers, diverging_colours, pool, span, tile, weights_as_pixels

__all__ = [
    "NeuronSheet",
    "draw_heat_maps",
    "draw_histograms",
    "draw_neurons",
    "heat_map",
    "neuron_sheet",
    "show_histogram",
    "start_word",
]

Array = NDArray[np.floating]

HISTOGRAM_BINS = 61
MAX_TILES = 256
TILES_WIDTH = 8.5  # inches; the width of the tiles of neurons
NOW = "after training"  # the name of weights that a validation chose
MAP_SIZE = (256, 392)  # the largest number of rows and columns of a heat map
MAX_NAMED = 30  # a heat map names at most so many classes


def start_word(is_redrawn: bool) -> str:
    """Return the name of the weights before training."""
    return "initialisation drawn again" if is_redrawn else "at initialisation"


def draw_histograms(initial: MLP, trained: MLP, is_redrawn: bool, *, now: str = NOW) -> bytes:
    """Return one plot with a row for each layer: its weights and its biases, before training and `now`."""
    n_layers = len(trained.architecture.rows)
    with new_figure(9, 2.3 * n_layers + 0.5) as figure:
        panels = figure.subplots(n_layers, 2, squeeze=False)
        for i in range(n_layers):
            for axes, kind in zip(panels[i], "Wb", strict=True):
                show_histogram(axes, initial, trained, f"{kind}{i + 1}", is_redrawn, now=now)
        handles, labels = panels[0][0].get_legend_handles_labels()
        for column in panels.T:
            figure.align_ylabels(column)
        figure.legend(handles, labels, loc="outside upper right", ncols=2, frameon=False, labelcolor=INK)
        return png(figure)


def show_histogram(axes: Any, initial: MLP, trained: MLP, name: str, is_redrawn: bool, *, now: str = NOW) -> None:
    """Draw histograms of one parameter's values, before training and `now`."""
    before, after = (mlp.parameters.views[name].ravel() for mlp in (initial, trained))
    low, high = float(min(before.min(), after.min())), float(max(before.max(), after.max()))
    if not high > low:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, min(HISTOGRAM_BINS, 2 + after.size // 2) + 1)
    start = start_word(is_redrawn)
    if np.ptp(before) > 0:
        axes.stairs(*np.histogram(before, edges), fill=True, color=GREY, alpha=0.45, label=start)
    else:
        axes.axvline(float(before[0]), color=GREY, linewidth=2, label=start)
    axes.stairs(*np.histogram(after, edges), linewidth=1.5, color=BLUE, label=now)
    shape = " × ".join(str(size) for size in trained.parameters.shapes[name] if name[0] == "W" or size != 1)
    one, many = ("weight", "weights") if name[0] == "W" else ("bias", "biases")
    all_same = "" if np.ptp(before) > 0 else f", all {before[0]:g} before"
    style(axes, f"{name}: {shape} {many}{all_same}", x=f"value of a {one}", y=f"number of {many}")
    axes.locator_params(axis="x", nbins=6)
    whole_numbers(axes, "y", most=5)


def heat_map(matrix: Array, limit: float) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Return the raster of a weight matrix (D, H), with a row for each neuron and a column for each input; and the
    size of its blocks.
    """
    values, block = pool(matrix.T, *MAP_SIZE)
    return colour_numbers(values, limit), block


def draw_heat_maps(
    initial: MLP, trained: MLP, layer: int, is_redrawn: bool, class_names: Sequence[str] = (), *, now: str = NOW
) -> bytes:
    """Return the weight matrix of one layer (from 1) before training and `now`, on one scale of colours.

    The rows of the last layer are classes, and have their names if these are given and few enough.
    """
    matrices = [mlp.parameters.views[f"W{layer}"] for mlp in (initial, trained)]
    limit = span(*matrices)
    n_inputs, n_outputs = matrices[1].shape
    height = min(4.5, max(1.6, 4.2 * n_outputs / n_inputs)) + 1
    is_named = layer == len(trained.architecture.rows) and len(class_names) == n_outputs <= MAX_NAMED
    if is_named:
        height = max(height, 0.2 * n_outputs + 1)  # a line of text for each class
    with new_figure(11, height) as figure:
        panels = figure.subplots(1, 2)
        block = (1, 1)
        for axes, matrix, when in zip(panels, matrices, (start_word(is_redrawn), now), strict=True):
            numbers, block = heat_map(matrix, limit)
            extent = (-0.5, n_inputs - 0.5, n_outputs - 0.5, -0.5)
            axes.imshow(diverging_colours()[numbers], aspect="auto", interpolation="nearest", extent=extent)
            style(axes, f"W{layer}, {when}", x="input", y="class" if is_named else "neuron", grid=False)
            whole_numbers(axes, "x", "y")
            if is_named:
                axes.set_yticks(range(n_outputs), [cut(name, 16) for name in class_names], fontsize=8)
        add_scale(figure, panels, limit)
        if block != (1, 1):
            text = f"each dot is the strongest of {block[1]} × {block[0]} weights"
            panels[0].set_title(text, loc="right", fontsize=9, color=GREY)
        return png(figure)


@dataclass(frozen=True)
class NeuronSheet:
    """The first layer's neurons as a raster of tiles, largest norm first, with full colour at ± `limit`.

    units: the number of each tile's neuron. places: (left, top) of each tile, in pixels of the raster.
    """

    numbers: NDArray[np.uint8]
    limit: float
    units: list[int]
    places: list[tuple[int, int]]

    @property
    def names(self) -> list[str]:
        """The name of each tile's neuron, as `--neuron` takes it."""
        return [f"1:{unit}" for unit in self.units]

    def which(self, n: int) -> str:
        """Return in words which of the layer's `n` neurons have a tile."""
        left_out = n - len(self.units)
        if not left_out:
            return f"all {n}, largest norm first"
        return f"the largest {len(self.units)} of {n}, largest norm first; {left_out} are left out"


def neuron_sheet(mlp: MLP, shape: tuple[int, ...], headroom: float = 0.0, most: int = MAX_TILES) -> NeuronSheet:
    """Return the first layer's neurons as tiles.

    `shape` is that of the images; for colour images a tile shows the mean over the channels. `headroom`: the space
    above each tile for its name, as a share of its width. `most`: the largest number of tiles.
    """
    weights = mlp.parameters.views["W1"].T
    order = np.argsort(-np.linalg.norm(weights, axis=1), kind="stable")[:most]
    tiles = weights_as_pixels(weights[order], shape)
    limit, columns = span(tiles), max(1, math.ceil(math.sqrt(len(order))))
    sheet, places = tile(tiles, columns, gap=2, above=math.ceil(headroom * shape[1]))
    return NeuronSheet(colour_numbers(sheet, limit), limit, order.tolist(), places)


def draw_neurons(mlp: MLP, shape: tuple[int, ...]) -> bytes:
    """Return a plot of the first layer's neurons as tiles, each with the name that `--neuron` takes."""
    n = mlp.architecture.rows[0].output_dim
    columns = math.ceil(math.sqrt(min(n, MAX_TILES)))
    tile_width = 72 * TILES_WIDTH / columns  # points
    size = min(8.0, 0.19 * tile_width)
    sheet = neuron_sheet(mlp, shape, headroom=1.3 * size / tile_width)
    height, width = sheet.numbers.shape
    with new_figure(TILES_WIDTH + 0.9, max(2.0, TILES_WIDTH * height / width + 0.45)) as figure:
        axes = figure.subplots()
        axes.imshow(diverging_colours()[sheet.numbers], interpolation="nearest")
        for name, (left, top) in zip(sheet.names, sheet.places, strict=True):
            axes.text(left - 0.5, top - 0.8, name, fontsize=size, color=INK, va="bottom", ha="left")
        style(axes, f"Weights of the first layer's neurons ({sheet.which(n)}), with their names for --neuron")
        axes.set_axis_off()
        add_scale(figure, [axes], sheet.limit)
        return png(figure)


def add_scale(figure: Any, panels: Any, limit: float) -> None:
    """Add a colour bar, centred on zero."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    mappable = ScalarMappable(Normalize(-limit, limit), ListedColormap(diverging_colours() / 255))
    bar = figure.colorbar(mappable, ax=panels, fraction=0.025, pad=0.01)
    bar.outline.set_visible(False)
    bar.set_label("value of a weight", color=INK)
