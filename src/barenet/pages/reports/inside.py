"""The part of a page about the inside of the network: its layers, neurons and weights."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from barenet.analysis.saved_run import SavedRun
from barenet.messages import count
from barenet.nn.mlp import MLP
from barenet.pages.reports.held_out_results import Thumbnails
from barenet.pages.reports.page_plots import PagePlot, make_plot
from barenet.plots.inspection import Inspection
from barenet.plots.neurons import (
    describe_activity,
    neuron_words,
    show_activity,
    show_answers,
    show_push,
)
from barenet.plots.rasters import colour_numbers, data_uri, raster_png, span, weights_as_pixels
from barenet.plots.weights import heat_map, neuron_sheet, show_histogram, start_word

__all__ = ["network_parts"]

MAX_TILES = 100  # neurons of the first layer, ten in a row
MAX_NAMED = 12  # the caption of a heat map names at most so many classes


def network_parts(saved: SavedRun, found: Inspection, thumbnails: Thumbnails) -> dict[str, Any]:
    """Return the values for the template's section "Inside the network"."""
    mlp, shape = saved.model.mlp, saved.picture_shape
    layers = range(1, len(mlp.architecture.rows) + 1)
    return {
        "architecture": architecture_rows(mlp, tuple(saved.model.info.image_shape)),
        "sheet": sheet(mlp, shape) if shape else None,
        "activity": [activity_plot(found, i) for i in range(len(found.layers))],
        "any_bounded": any(layer.saturated is not None for layer in found.layers),
        "n_seen": found.n_images,
        "portrait": portrait(saved, found, thumbnails) if found.portrait is not None else None,
        "start_word": start_word(saved.is_redrawn),
        "weights_word": saved.weights_word,
        "weights_detail": f", the best on validation, epoch {saved.best_epoch}" if saved.has_best else "",
        "layer_rows": layer_rows(mlp),
        "weights": [{"histogram": histogram(saved, f"W{layer}"), **heat_maps(saved, layer)} for layer in layers],
        "biases": [histogram(saved, f"b{layer}") for layer in layers],
    }


def architecture_rows(mlp: MLP, image_shape: tuple[int, ...]) -> list[dict[str, Any]]:
    """Return a row for each layer of the network's figure; the width is proportional to the logarithm of the units."""
    widest = math.log(1 + max(mlp.n_inputs, *(row.output_dim for row in mlp.architecture.rows)))
    sides = " × ".join(map(str, image_shape))
    inputs = f"{sides} image" if len(image_shape) > 1 else "the inputs"
    rows: list[dict[str, Any]] = [{"units": mlp.n_inputs, "title": count(mlp.n_inputs, "input"), "detail": inputs}]
    for i, row in enumerate(mlp.architecture.rows, start=1):
        is_last = i == len(mlp.architecture.rows)
        size = (row.input_dim + 1) * row.output_dim
        units = count(row.output_dim, "class", "classes") if is_last else count(row.output_dim, "neuron")
        title = f"{units}, {row.functions}"
        rows.append({"units": row.output_dim, "title": title, "detail": f"layer {i}: {size:,} parameters"})
    for drawn in rows:
        drawn["half"] = round(80 + 125 * math.log(1 + drawn["units"]) / widest)
        drawn["words"] = f"{drawn['title']} ({drawn['detail']})"
    return rows


def layer_rows(mlp: MLP) -> list[dict[str, Any]]:
    """Return the sizes of each layer as rows of a table."""
    return [
        {
            "layer": i,
            "units": row.output_dim,
            "activation": row.functions,
            "weights": f"{row.input_dim:,}\u00a0×\u00a0{row.output_dim:,}",  # in one line
            "parameters": (row.input_dim + 1) * row.output_dim,
        }
        for i, row in enumerate(mlp.architecture.rows, start=1)
    ]


def sheet(mlp: MLP, shape: tuple[int, ...]) -> PagePlot:
    """Return the plot of the first layer's neurons, each with the name that `--neuron` takes, and its caption.

    There are so few that their names are readable on a phone; the style sheet sets the size of the names.
    """
    n = mlp.architecture.rows[0].output_dim
    tiles = neuron_sheet(mlp, shape, headroom=0.34, most=MAX_TILES)
    which = tiles.which(n)
    height, width = tiles.numbers.shape
    columns = len({left for left, _ in tiles.places})  # a few neurons are no larger than a quarter of the sheet
    names = "".join(
        f'<text x="{left}" y="{top - 0.05 * shape[1]:.1f}">{name}</text>'
        for name, (left, top) in zip(tiles.names, tiles.places, strict=True)
    )
    label = f"Neurons of the first layer as small images of their weights: {which}."
    drawn = (
        f'<svg class="sheet" style="max-width: {min(44, 11 * columns)}rem" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{label}">'
        f'<image class="tiles" href="{data_uri(raster_png(tiles.numbers))}" width="{width}" height="{height}"/>'
        f'<g font-size="{shape[1]}" fill="currentColor">{names}</g></svg>'
    )
    return PagePlot(
        drawn,
        f"Neurons, each as its weights on the pixels: {which}. Blue below zero, red above, full colour at "
        f"± {tiles.limit:.3g}. The name over each is what --neuron takes.",
    )


def activity_plot(found: Inspection, i: int) -> PagePlot:
    """Return the histogram of one layer's activations."""
    layer = found.layers[i]
    low, high = float(layer.edges[0]), float(layer.edges[-1])
    label = (
        f"Histogram of the activations of layer {layer.layer}, {layer.activation}: from {low:z.2f} to {high:z.2f}, "
        f"{describe_activity(layer)}, {100 * layer.share_zero:.0f} % exactly zero."
    )
    return make_plot(lambda axes: show_activity(axes, layer), label)


def histogram(saved: SavedRun, name: str) -> PagePlot:
    """Return the histogram of one parameter before training and now."""
    initial, trained, now = saved.initial, saved.model.mlp, saved.weights_word
    before, after = (float(np.std(mlp.parameters.views[name])) for mlp in (initial, trained))
    label = f"Histogram of {name}: standard deviation {before:.3g} before training, {after:.3g} {now}."
    redrawn = saved.is_redrawn
    return make_plot(
        lambda axes: show_histogram(axes, initial, trained, name, redrawn, now=now), label, size=(4.4, 2.4)
    )


def heat_maps(saved: SavedRun, layer: int) -> dict[str, Any]:
    """Return one weight matrix before and after training as rasters on one scale of colours."""
    before, after = (mlp.parameters.views[f"W{layer}"] for mlp in (saved.initial, saved.model.mlp))
    is_last, names = layer == len(saved.model.mlp.architecture.rows), saved.class_names
    limit = span(before, after)
    numbers, block = heat_map(after, limit)
    blocks = "" if block == (1, 1) else f"; each dot is the strongest of {block[1]} × {block[0]} weights"
    return {
        "layer": layer,
        "before": data_uri(raster_png(heat_map(before, limit)[0])),
        "after": data_uri(raster_png(numbers)),
        "limit": limit,
        "blocks": blocks,
        "rows": f"; rows from the top: {', '.join(names)}" if is_last and len(names) <= MAX_NAMED else "",
    }


def portrait(saved: SavedRun, found: Inspection, thumbnails: Thumbnails) -> dict[str, Any]:
    """Return the values for the template's part about one neuron."""
    neuron, images, shape = found.portrait, saved.validation, saved.picture_shape
    assert neuron is not None
    assert images is not None
    names = saved.class_names
    weights = ""
    if shape is not None and neuron.layer == 1:
        pixels = weights_as_pixels(neuron.weights, shape)
        weights = data_uri(raster_png(colour_numbers(pixels, span(pixels))))

    def examples(rows: Any) -> list[dict[str, Any]]:
        return [
            {
                "row": int(row),
                "picture": thumbnails.picture("validation", images, int(row)),
                "label": names[int(images.labels[row])],
                "activation": float(neuron.activations[row]),
            }
            for row in rows
            if shape is not None
        ]

    strongest = [names[c] for c in np.argsort(-neuron.push, kind="stable")[:2]]
    label = f"The effect of the neuron on each class; the largest for {' and '.join(strongest)}."
    return {
        "name": f"{neuron.layer}:{neuron.unit}",
        "words": neuron_words(neuron),
        "accuracy": neuron.accuracy,
        "weights": weights,
        "plots": [
            make_plot(lambda axes: show_push(axes, neuron, names), label),
            make_plot(
                lambda axes: show_answers(axes, neuron), "Histogram of its activations on the validation images."
            ),
        ],
        "most": examples(neuron.most),
        "least": examples(neuron.least),
    }
