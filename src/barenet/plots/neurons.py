"""Plots of neurons: activations of each layer, and details of one neuron."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.analysis.activity import LayerActivity, NeuronPortrait
from barenet.messages import count
from barenet.plots.appearance import BLUE, GREY, INK, ORANGE, new_figure, png, style, whole_numbers
from barenet.plots.letters import cut
from barenet.plots.rasters import colour_numbers, diverging_colours, span, weights_as_pixels

__all__ = [
    "describe_activity",
    "draw_activity",
    "draw_portrait",
    "neuron_words",
    "show_activity",
    "show_answers",
    "show_push",
]

FEW = 100  # an axis of counts is logarithmic if the highest count is not less


def describe_activity(layer: LayerActivity) -> str:
    """Return how many neurons of a layer are dead or saturated, in words."""
    counts = f"{len(layer.dead)} of {layer.n_units} dead"
    return counts if layer.saturated is None else f"{counts}, {len(layer.saturated)} saturated"


def draw_activity(layers: Sequence[LayerActivity]) -> bytes:
    """Return one plot with the histograms of all hidden layers' activations."""
    with new_figure(4.2 * min(len(layers), 3), 3.2 * (1 + (len(layers) - 1) // 3)) as figure:
        panels = figure.subplots(1 + (len(layers) - 1) // 3, min(len(layers), 3), squeeze=False).ravel()
        for axes in panels[len(layers) :]:
            axes.set_axis_off()
        for axes, layer in zip(panels, layers, strict=False):
            show_activity(axes, layer)
        return png(figure)


def scale_counts(axes: Any, highest: int) -> None:
    """Give an axis of counts a logarithmic scale, since most values are often zero; for small counts a linear one.

    Below a hundred, a logarithmic axis has only one or two powers of ten, and labels between them are hard to read.
    """
    if highest < FEW:
        whole_numbers(axes, "y", most=5)
        axes.set_ylim(bottom=0)
    else:
        axes.set_yscale("log")
        axes.set_ylim(bottom=0.7)


def show_activity(axes: Any, layer: LayerActivity) -> None:
    """Draw a histogram of the activations of one layer."""
    axes.stairs(layer.counts, layer.edges, fill=True, color=BLUE, alpha=0.8)
    scale_counts(axes, int(layer.counts.max()))
    title = f"Layer {layer.layer}, {layer.activation}: {describe_activity(layer)}"
    style(axes, title, x="activation value", y="number of activations")
    if layer.share_zero > 0.005:
        text = f"{100 * layer.share_zero:.0f} % are exactly 0"
        axes.annotate(text, (0.98, 0.95), xycoords="axes fraction", ha="right", va="top", color=GREY, fontsize=9)


def neuron_words(portrait: NeuronPortrait) -> str:
    """Return a sentence about the network with this neuron switched off."""
    n, name = len(portrait.activations), f"neuron {portrait.layer}:{portrait.unit}"
    before, after = (f"{100 * share:.2f} %" for share in (portrait.accuracy, portrait.accuracy - portrait.lost))
    if portrait.lost == 0:
        change = f"stays at {before}"
    else:
        change = f"{'falls' if portrait.lost > 0 else 'rises'} from {before} to {after}"
    changed = {0: "none gets", 1: "1 gets"}.get(portrait.n_changed, f"{portrait.n_changed:,} get")
    found = f"validation accuracy {change} ({count(n, 'image')}, of which {changed} another class)"
    if portrait.is_dead:
        return f"{name} is dead, flat for every image, so it learns no more; switched off, {found}"
    return f"without {name} (switched off, so that it gives 0), {found}"


def show_push(axes: Any, portrait: NeuronPortrait, class_names: Sequence[str]) -> None:
    """Draw how a neuron changes the output of each class; of many classes, those with the largest changes."""
    shown = np.sort(np.argsort(-np.abs(portrait.push), kind="stable")[:12])
    names = [cut(class_names[c], 16) for c in shown]
    push = portrait.push[shown]
    axes.barh(np.arange(len(shown)), push, color=[ORANGE if value > 0 else BLUE for value in push], height=0.7)
    axes.set_yticks(np.arange(len(shown)), names)
    axes.invert_yaxis()
    axes.axvline(0, color=GREY, linewidth=0.8)
    style(axes, "Its effect on the classes", x="its push on the class's output (mean)")
    axes.locator_params(axis="x", nbins=5)


def show_answers(axes: Any, portrait: NeuronPortrait) -> None:
    """Draw a histogram of a neuron's activations."""
    finite = portrait.activations[np.isfinite(portrait.activations)]
    counts, edges = np.histogram(finite, 50)
    axes.stairs(counts, edges, fill=True, color=BLUE, alpha=0.8)
    scale_counts(axes, int(counts.max()))
    style(axes, "Its activations", x="activation value", y="number of images")


def draw_portrait(
    portrait: NeuronPortrait,
    shape: tuple[int, ...] | None,
    pixels: NDArray[np.generic],
    scale: float,
    class_names: Sequence[str],
) -> bytes:
    """Return a plot of one neuron: its weights, its effect on classes, and images with high and low activations."""
    with new_figure(11, 5.6 if shape else 3.4) as figure:
        top: Any
        bottom: Any
        top, bottom = (figure, None) if shape is None else figure.subfigures(2, 1, height_ratios=(3.1, 2.4))  # type: ignore[misc]
        weights, classes, means = top.subplots(1, 3, width_ratios=(1, 1.25, 1.25))
        show_weights(weights, portrait, shape if portrait.layer == 1 else None)
        show_push(classes, portrait, class_names)
        show_answers(means, portrait)
        words = neuron_words(portrait)
        title = textwrap.fill(words[0].upper() + words[1:], 145)
        top.suptitle(title, fontsize=10.5, color=INK, x=0.01, ha="left")
        if bottom is not None and shape is not None:
            rows = bottom.subplots(2, len(portrait.most), squeeze=False)
            chosen = (portrait.most, portrait.least)
            for axes_row, images, word in zip(rows, chosen, ("highest", "lowest"), strict=True):
                for axes, image in zip(axes_row, images, strict=False):
                    show_image(axes, pixels[image], shape, scale)
                    axes.set_xlabel(f"{portrait.activations[image]:z.2f}", fontsize=8, labelpad=1)
                for axes in axes_row[len(images) :]:
                    axes.set_axis_off()
                if len(images):
                    axes_row[0].set_ylabel(f"{word}\nactivations", fontsize=10)
            n, n_shown = len(portrait.activations), len(portrait.most) + len(portrait.least)
            all_of_them = f"; these are all {count(n, 'image')}, each shown once" if n_shown == n > 1 else ""
            words = f"under each image: the activation of the neuron{all_of_them}"
            bottom.supxlabel(words, fontsize=9, color=GREY)
        return png(figure)


def show_weights(axes: Any, portrait: NeuronPortrait, shape: tuple[int, ...] | None) -> None:
    """Draw a neuron's weights: as an image if its inputs are pixels, otherwise sorted by size."""
    if shape is None:
        values = np.sort(portrait.weights)[::-1]
        axes.bar(np.arange(len(values)), values, width=1.0, color=[ORANGE if v > 0 else BLUE for v in values])
        style(axes, "Its weights, sorted", x="inputs, by weight", y="value of a weight")
        whole_numbers(axes, "x")
        return
    grid = weights_as_pixels(portrait.weights, shape)
    axes.imshow(diverging_colours()[colour_numbers(grid, span(grid))], interpolation="nearest")
    style(axes, "Its weights", grid=False)
    axes.set(xticks=[], yticks=[])


def show_image(axes: Any, pixels: NDArray[np.generic], shape: tuple[int, ...], scale: float) -> None:
    """Draw one image of the data set."""
    is_bytes = pixels.dtype == np.uint8
    image = pixels.reshape(shape).astype(np.float64) * (1.0 if is_bytes else scale)
    high = 255.0 if is_bytes else max(1.0, float(image.max()))
    low = min(0.0, float(image.min()))
    shown = (image - low) / (high - low) if image.ndim == 3 else image
    axes.imshow(shown, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
