"""Pictures of the weights of each layer before and after training, with captions that say what is seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from barenet.documents.blocks import Block, Figure, Heading, Note, Paragraph
from barenet.documents.figures import neurons_figure, weights_figure
from barenet.documents.inputs.work import Work
from barenet.documents.words import Words
from barenet.plots.rasters import pool, span, weights_as_pixels
from barenet.plots.weights import MAP_SIZE

__all__ = ["weight_blocks"]

MOST_LAYERS = 6


def weight_blocks(work: Work, words: Words) -> list[Block]:
    """Return figures of each layer's weights, or why there are none."""
    mlp = work.mlp
    heading = Heading("Weights before and after training" if work.initial is not None else "Weights after training")
    if mlp is None:
        return [heading, Note(work.lacks.get("weights", ("There are no weights.",)))]
    blocks: list[Block] = [heading]
    if "before" in work.lacks:
        blocks.append(Note(work.lacks["before"]))
    blocks.append(
        Paragraph(
            (
                "In the pictures, blue weights are negative and red ones positive; white is zero.",
                "Each row of a picture is a neuron, and each column is one of its inputs.",
            )
        )
    )
    names = work.scores and [str(row["class"]) for row in work.scores["per_class"]]
    names = names or (work.data.class_names if work.data else [])
    n_layers = len(mlp.architecture.rows)
    for layer in range(1, min(n_layers, MOST_LAYERS) + 1):
        drawing = weights_figure(work.initial, mlp, layer, names, words)
        blocks.append(Figure(f"weights-{layer}-{work.name}", drawing, caption(work, layer, layer == n_layers)))
    if n_layers > MOST_LAYERS:
        blocks.append(Paragraph((f"The network has {n_layers} layers; the first {MOST_LAYERS} are shown.",)))
    if work.picture_shape is not None:
        drawing, n, limit = neurons_figure(mlp, work.picture_shape, words)
        text = (
            f"Neurons of the first layer as images of their weights: the {n} with the largest weights.",
            "A neuron is large for an image that is bright where its picture is red, and dark where it is blue.",
            f"The full colour stands for weights of ±{limit:.2g}.",
        )
        blocks.append(Figure(f"neurons-{work.name}", drawing, text, 0.7))
    return blocks


def caption(work: Work, layer: int, is_last: bool) -> tuple[str, ...]:
    """Return what the figure of a layer shows, with measurements."""
    assert work.mlp is not None
    after = work.mlp.parameters.views[f"W{layer}"]
    n_in, n_out = after.shape
    before = None if work.initial is None else work.initial.parameters.views[f"W{layer}"]
    sentences = [f"Layer {layer}: {n_in:,} × {n_out:,} weights as a picture (above), and histograms (below)."]
    limit = span(*([after] if before is None else [before, after]))
    sentences.append(f"The full colour stands for weights of ±{limit:.2g}.")
    if before is None:
        sentences.append(f"The standard deviation of the weights is {np.std(after):.3g}.")
    else:
        sentences += changes(before, after)
    _, block = pool(after.T, *MAP_SIZE)
    if block != (1, 1):
        sentences.append(f"Each dot is the strongest of {block[1]} × {block[0]} weights.")
    if layer == 1 and work.picture_shape is not None:
        sentences += by_place(before, after, work.picture_shape)
    if is_last:
        sentences.append("Each row is a class: red inputs raise its score, blue ones lower it.")
    return tuple(sentences)


def changes(before: NDArray[np.floating], after: NDArray[np.floating]) -> list[str]:
    """Return how the weights of a layer changed, in sentences."""
    old, new = float(np.std(before)), float(np.std(after))
    moved = float(np.sqrt(np.mean((after.astype(np.float64) - before) ** 2)))
    sentences = [f"The standard deviation of the weights goes from {old:.3g} to {new:.3g}."]
    if old > 0:
        shares = f"{100 * moved / old:.0f} %"
        sentences.append(f"A weight changes by {moved:.3g} (root mean square), {shares} of the deviation at the start.")
    outside = float(np.mean((after < before.min()) | (after > before.max())))
    if outside > 0.005:
        sentences.append(f"{100 * outside:.1f} % of the weights are outside of the range at the start.")
    return sentences


def by_place(before: NDArray[np.floating] | None, after: NDArray[np.floating], shape: tuple[int, ...]) -> list[str]:
    """Return how weights of pixels at the border differ from those in the middle, where that is clear."""
    if min(shape[:2]) < 8:
        return []
    values = after if before is None else after.astype(np.float64) - before
    pixels = np.sqrt(np.mean(np.square(weights_as_pixels(values.T, shape)), axis=0))
    edge = np.ones(pixels.shape, bool)
    edge[2:-2, 2:-2] = False
    border, middle = float(pixels[edge].mean()), float(pixels[~edge].mean())
    if border > 0.75 * middle or middle == 0:
        return []
    if before is None:
        return [f"Weights of pixels near the border are smaller, {border:.2g} against {middle:.2g} in the middle."]
    return [
        f"Weights of pixels near the border change less, by {border:.2g} against {middle:.2g} in the middle.",
        "Weights hardly change where the pixels are dark in most images.",
    ]
