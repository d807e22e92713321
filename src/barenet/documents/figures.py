"""The figures of a document, as PNG files of 200 dots an inch with labels in the document's language.

Chinese labels need a font with Chinese letters; without one, labels stay English. Colours and panels are those of
`plots`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.documents.words import Words
from barenet.nn import MLP
from barenet.plots.appearance import FAINT, GREY, INK, SERIES, new_figure, png, style, whole_numbers
from barenet.plots.learning_curves import finite, marks, show_accuracy, show_epochs, show_loss
from barenet.plots.letters import cut, family_for
from barenet.plots.rasters import diverging_colours, span
from barenet.plots.weights import heat_map, neuron_sheet, show_histogram
from barenet.training.records import EpochRecord

__all__ = [
    "comparison_curves",
    "confusion_figure",
    "curves_figure",
    "drawn",
    "examples_figure",
    "has_letters",
    "neurons_figure",
    "weights_figure",
]

DPI = 200
WIDTH = 7.0  # inches
MOST_TILES = 64
MOST_COUNTED = 20  # a larger confusion matrix has no counts
MOST_NAMED = 30
# The labels that `plots` draws in these figures; a catalogue of translations has an entry for each.
TITLES = (
    *("training", "training, smoothed labels", "validation", "epoch", "loss", "Accuracy", "accuracy, %", "input"),
    *("neuron", "class", "best: {0} %, epoch {1}", "validation accuracy, %", "validation loss", "each dot is a trial"),
    *("hollow: stopped early", "differences below {0} points are within the noise", "best: trial {0}", "stopped early"),
    *("◆ mean ± standard deviation of each value, or of each quarter of a range", "{0} (log scale)", "{0} (log)"),
    *("differences below {0} are within the noise", "all of these are, so the colours span {0} points", "not set"),
    *("all of these are, so the colours span {0}", "Validation accuracy of each trial, coloured by {0}"),
    *("Validation loss of each trial, coloured by {0}", "Validation accuracy of each trial"),
    *("Validation loss of each trial", "one training in each cell; --repeats would measure the noise"),
    *("Each line is a trial, the best in bold; equal values side by side", "% of the scores' variance"),
    "Share of the differences in score that each setting explains alone",
)


def has_letters(language: str) -> bool:
    """Whether a font here has the letters of a language."""
    return language != "zh" or family_for("准") is not None


def drawn(width: float, height: float, words: Words, draw: Callable[[Any], None]) -> bytes:
    """Return what `draw` draws on a figure of this size in inches, with its texts in the language of `words`."""
    with new_figure(width, height, dpi=DPI) as figure:
        draw(figure)
        if words.language != "en" and has_letters(words.language):
            translate_texts(figure, words)
        return png(figure)


def translate_texts(figure: Any, words: Words) -> None:
    """Translate titles, labels, legends and notes of a figure; the labels of ticks are numbers and names."""
    from matplotlib.axis import Axis
    from matplotlib.text import Text

    of_ticks = {
        id(label)
        for axis in figure.findobj(Axis)
        for tick in axis.get_major_ticks()
        for label in (tick.label1, tick.label2)
    }
    for text in figure.findobj(Text):
        if id(text) not in of_ticks and any(c.isalpha() for c in text.get_text()):
            text.set_text(in_lines(text.get_text(), words))


def in_lines(text: str, words: Words) -> str:
    """Return a label in the language of `words`; one of several lines is broken again, since letters are wider."""
    lines = text.split("\n")
    if len(lines) == 1:
        return words(text)
    return textwrap.fill(words(" ".join(lines)), int(0.6 * max(map(len, lines))))


def examples_figure(examples: NDArray[np.generic], shape: tuple[int, ...], names: Sequence[str], words: Words) -> bytes:
    """Return images (C, n, D) with a row for each class."""
    n_classes, n = examples.shape[:2]

    def draw(figure: Any) -> None:
        rows = figure.subplots(n_classes, 1, squeeze=False)[:, 0]
        for axes, images, name in zip(rows, examples, names, strict=True):
            pictures = [np.asarray(image).reshape(shape) for image in images]
            axes.imshow(np.concatenate(pictures, axis=1), cmap="gray_r", interpolation="nearest")
            axes.set_xticks([])
            axes.set_yticks([(shape[0] - 1) / 2], [cut(name, 24)], fontsize=9)
            axes.tick_params(length=0)
            axes.spines[:].set_visible(False)

    height = (WIDTH - 1.2) / n * shape[0] / shape[1] + 0.05
    return drawn(WIDTH, height * n_classes, words, draw)


def curves_figure(history: Sequence[EpochRecord], best_epoch: int, training: str, words: Words) -> bytes:
    """Return loss and accuracy over the epochs."""

    def draw(figure: Any) -> None:
        loss, accuracy = figure.subplots(1, 2)
        show_loss(loss, history, best_epoch, training)
        show_accuracy(accuracy, history, best_epoch)

    return drawn(WIDTH, 2.9, words, draw)


def comparison_curves(runs: Sequence[tuple[str, Sequence[EpochRecord]]], words: Words) -> bytes:
    """Return the validation curves of several networks in two panels."""

    def draw(figure: Any) -> None:
        panels = figure.subplots(1, 2)
        for axes, what, factor, y in zip(panels, ("loss", "accuracy"), (1, 100), ("loss", "accuracy, %"), strict=True):
            for i, (name, history) in enumerate(runs):
                kept = [r for r in history if getattr(r, f"valid_{what}") is not None and not r.diverged]
                values = [factor * finite(getattr(r, f"valid_{what}")) for r in kept]
                look = {"color": SERIES[i % len(SERIES)], "linestyle": "-" if i < len(SERIES) else "--"}
                axes.plot([r.epoch for r in kept], values, label=cut(name, 24), **look, **marks(kept))
            style(axes, "Validation loss" if what == "loss" else "Validation accuracy", x="epoch", y=y)
            show_epochs(axes, [r.epoch for _, history in runs for r in history])
        panels[1].legend(frameon=False, labelcolor=INK, fontsize=9)

    return drawn(WIDTH, 2.9, words, draw)


def confusion_figure(confusion: NDArray[np.int64], names: Sequence[str], words: Words) -> bytes:
    """Return the confusion matrix; a cell's colour is its share of the images of its true class."""
    n = len(names)
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    size = min(WIDTH, max(3.4, 0.46 * n + 1.9))

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        image = axes.imshow(100 * shares, cmap="Blues", vmin=0, vmax=100)
        if n <= MOST_COUNTED:
            for (i, j), number in np.ndenumerate(confusion):
                if number:
                    colour = "white" if shares[i, j] > 0.55 else INK
                    axes.text(j, i, f"{number}", ha="center", va="center", fontsize=8 if n <= 12 else 6, color=colour)
        style(axes, "", x="predicted class", y="true class", grid=False)
        if n <= MOST_NAMED:
            shown = [cut(name, 16) for name in names]
            size_of = 9 if n <= 12 else 7
            axes.set_xticks(range(n), shown, rotation=45, ha="right", rotation_mode="anchor", fontsize=size_of)
            axes.set_yticks(range(n), shown, fontsize=size_of)
        else:
            whole_numbers(axes, "x", "y")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        bar = figure.colorbar(image, ax=axes, fraction=0.04, pad=0.02)
        bar.outline.set_visible(False)
        bar.set_label("% of the images of a true class", color=INK)

    return drawn(size, 0.86 * size, words, draw)


def weights_figure(initial: MLP | None, trained: MLP, layer: int, names: Sequence[str], words: Words) -> bytes:
    """Return the weights of one layer as heat maps and histograms, before and after training where both are known."""
    networks = [trained] if initial is None else [initial, trained]
    matrices = [mlp.parameters.views[f"W{layer}"] for mlp in networks]
    limit = span(*matrices)
    n_inputs, n_outputs = matrices[-1].shape
    is_named = layer == len(trained.architecture.rows) and len(names) == n_outputs <= MOST_NAMED
    tall = max(min(2.6, max(1.3, 3.4 * n_outputs / n_inputs)), 0.16 * n_outputs if is_named else 0)

    def draw(figure: Any) -> None:
        above, below = figure.subfigures(2, 1, height_ratios=[tall + 0.6, 1.75])
        panels = above.subplots(1, len(networks), squeeze=False)[0]
        titles = ["After training"] if initial is None else ["Before training", "After training"]
        for axes, matrix, title in zip(panels, matrices, titles, strict=True):
            numbers, _ = heat_map(matrix, limit)
            extent = (-0.5, n_inputs - 0.5, n_outputs - 0.5, -0.5)
            axes.imshow(diverging_colours()[numbers], aspect="auto", interpolation="nearest", extent=extent)
            style(axes, title, x="input", y="class" if is_named else "neuron", grid=False)
            whole_numbers(axes, "x", "y")
            if is_named:
                axes.set_yticks(range(n_outputs), [cut(name, 14) for name in names], fontsize=8)
        add_bar(above, list(panels), limit)
        for axes, kind in zip(below.subplots(1, 2), "Wb", strict=True):
            show_both(axes, initial, trained, f"{kind}{layer}")

    return drawn(WIDTH, tall + 2.35, words, draw)


def show_both(axes: Any, initial: MLP | None, trained: MLP, name: str) -> None:
    """Draw the histogram of one parameter, before training too where that is known."""
    if initial is not None:
        show_histogram(axes, initial, trained, name, False)
        axes.set_title("Weights" if name[0] == "W" else "Biases", loc="left", fontsize=11, color=INK)
        axes.legend(["before training", "after training"], frameon=False, fontsize=8, labelcolor=INK)
        return
    values = trained.parameters.views[name].ravel()
    axes.hist(values, bins=min(61, 2 + values.size // 2), color=SERIES[0])
    weights = name[0] == "W"
    style(
        *(axes, "Weights" if weights else "Biases"),
        x="value of a weight" if weights else "value of a bias",
        y="number of weights" if weights else "number of biases",
    )
    axes.locator_params(axis="x", nbins=6)


def neurons_figure(mlp: MLP, shape: tuple[int, ...], words: Words) -> tuple[bytes, int, float]:
    """Return the first layer's neurons as images of their weights, their number, and the weight of full colour."""
    sheet = neuron_sheet(mlp, shape, most=MOST_TILES)
    height, width = sheet.numbers.shape

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        axes.imshow(diverging_colours()[sheet.numbers], interpolation="nearest")
        for left, top in sheet.places:
            axes.add_patch(frame(left - 0.5, top - 0.5, shape[1], shape[0]))
        axes.set_axis_off()
        add_bar(figure, [axes], sheet.limit)

    return drawn(5.6, max(1.2, 4.9 * height / width), words, draw), len(sheet.units), sheet.limit


def frame(left: float, top: float, width: float, height: float) -> Any:
    """Return a thin frame around one tile."""
    from matplotlib.patches import Rectangle

    return Rectangle((left, top), width, height, fill=False, edgecolor=FAINT, linewidth=0.5)


def add_bar(figure: Any, panels: Sequence[Any], limit: float) -> None:
    """Add the scale of the colours of weights."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    mappable = ScalarMappable(Normalize(-limit, limit), ListedColormap(diverging_colours() / 255))
    bar = figure.colorbar(mappable, ax=panels, fraction=0.03, pad=0.015)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8, colors=GREY)
    bar.set_label("value of a weight", color=INK, fontsize=9)
