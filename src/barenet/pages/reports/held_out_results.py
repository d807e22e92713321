"""The results of a network on test or validation images, for a page: classes, confusions, mistakes, doubted labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.analysis.images import Images
from barenet.analysis.saved_run import SavedRun
from barenet.analysis.statistics import Calibration, calibrate, label_doubts, wilson_interval
from barenet.pages.reports.page_plots import reliability_plots
from barenet.plots.rasters import data_uri, image_png
from barenet.run_folders.checkpoint import SavedModel
from barenet.training.evaluation import compute_outputs
from barenet.training.metrics import confusion_matrix, per_class, probabilities

__all__ = [
    "HeldOutResults",
    "Thumbnails",
    "find_results",
    "results_of_confusion",
    "results_parts",
    "without_examples",
]

SHOWN = 24  # mistakes, and label doubts
CONFUSIONS = 12  # pairs of classes
EXAMPLES = 6  # example images for each cell of the confusion matrix
BUDGET = 1_100_000  # the largest size, in bytes, of all these examples


@dataclass(frozen=True)
class HeldOutResults:
    """Figures and examples of one network on images that it was not trained on.

    of: "test" or "validation". accuracy and its 95 % interval are fractions. cells: the confusion matrix, with a row
    for each true class; each cell has a count, its share of the row, and examples. calibration: None without images.
    """

    of: str
    n_images: int
    accuracy: float
    interval: tuple[float, float]
    loss: float | None
    classes: list[dict[str, Any]]
    cells: list[list[dict[str, Any]]]
    n_mistakes: int
    confusions: Sequence[dict[str, Any]] = ()
    calibration: Calibration | None = None
    mistakes: Sequence[dict[str, Any]] = ()
    doubts: Sequence[dict[str, Any]] = ()
    n_doubts: int = 0


@dataclass(frozen=True)
class Predictions:
    """Images, their part ("test" or "validation"), and the probabilities (n, C) that the network gives for them."""

    of: str
    images: Images
    shares: NDArray[np.floating]


class Thumbnails:
    """Images of a data set as PNG for a page; each is made once."""

    def __init__(self, saved: SavedRun) -> None:
        self.shape = saved.picture_shape
        self.scale = saved.model.info.scale
        self.made: dict[tuple[str, int], str] = {}

    def picture(self, of: str, images: Images, row: int) -> str:
        """Return the data URI of one image, or "" if the inputs are not images."""
        if self.shape is None:
            return ""
        if (of, row) not in self.made:
            self.made[of, row] = data_uri(image_png(images.pixels[row], self.shape, self.scale))
        return self.made[of, row]


def find_results(saved: SavedRun, thumbnails: Thumbnails, averaged: Sequence[SavedModel] = ()) -> HeldOutResults | None:
    """Return the results of the network on the test images, by the probabilities that its run stored.

    If there are none, for example before the end of training, the validation images are used, and the page says so.
    `averaged`: the networks whose average gave the probabilities, if there are several.
    """
    names, validated = saved.class_names, predict_validation(saved, averaged or [saved.model])
    if saved.results is not None and saved.test_probabilities is not None:
        loss = saved.results["test_loss"]
        if saved.test is None:
            # Without the images, the results are those in test.json.
            return results_of_confusion("test", np.array(saved.results["confusion_matrix"], np.int64), loss, names)
        tested = Predictions("test", saved.test, np.nan_to_num(saved.test_probabilities))
        sources = [tested] if validated is None else [tested, validated]
    elif validated is not None:
        sources, loss = [validated], None
    else:
        return None
    shown = sources[0]
    labels, shares, predicted = shown.images.labels, shown.shares, np.argmax(shown.shares, axis=-1)
    confusion = confusion_matrix(predicted, labels, len(names))
    wrong = np.flatnonzero(predicted != labels)
    sure = wrong[np.argsort(-shares[wrong, predicted[wrong]], kind="stable")]
    doubts = [
        (float(part.shares[row, part.images.labels[row]]), part, int(row))
        for part in sources
        for row in label_doubts(part.shares, part.images.labels)
    ]
    doubts.sort(key=lambda doubt: doubt[0])
    held_out = results_of_confusion(
        *(shown.of, confusion, loss, names),
        calibration=calibrate(shares, labels),
        mistakes=[example(thumbnails, names, shown, int(row)) for row in sure[:SHOWN]],
        doubts=[example(thumbnails, names, part, row) for _, part, row in doubts[:SHOWN]],
        n_doubts=len(doubts),
    )
    if thumbnails.shape is not None:
        add_examples(held_out.cells, confusion, shown, thumbnails)
    return held_out


def without_examples(held_out: HeldOutResults) -> HeldOutResults:
    """Return only the figures: calibration, mistakes and doubts of a network that learned nothing are random."""
    cells = [[cell | {"examples": []} for cell in row] for row in held_out.cells]
    return replace(held_out, cells=cells, confusions=(), calibration=None, mistakes=(), doubts=(), n_doubts=0)


def predict_validation(saved: SavedRun, models: Sequence[SavedModel]) -> Predictions | None:
    """Return the mean probabilities of models for validation images; None without images, or before any validation."""
    images = saved.validation
    if images is None or not saved.model.info.metrics:
        return None
    shares = []
    with np.errstate(all="ignore"):  # weights of a run that diverged may overflow
        for model in models:
            outputs = compute_outputs(model.mlp, images.pixels, model.info.scale)
            shares.append(np.nan_to_num(probabilities(outputs, model.gives_probabilities)))
    return Predictions(
        "validation", images, np.mean(shares, axis=0, dtype=np.float64) if len(shares) > 1 else shares[0]
    )


def results_of_confusion(
    of: str, confusion: NDArray[np.int64], loss: float | None, names: Sequence[str], **found: Any
) -> HeldOutResults:
    """Return the results of a confusion matrix, with the other results in `found`."""
    n, n_right = int(confusion.sum()), int(np.trace(confusion))
    totals = np.maximum(confusion.sum(axis=1), 1)
    cells: list[list[dict[str, Any]]] = [
        [{"count": int(n), "share": float(n / totals[c]), "examples": []} for n in row]
        for c, row in enumerate(confusion)
    ]
    return HeldOutResults(
        *(of, n, n_right / n, wilson_interval(n_right, n), loss, class_rows(confusion, names), cells, n - n_right),
        confusions=frequent_confusions(confusion, names),
        **found,
    )


def frequent_confusions(confusion: NDArray[np.int64], names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the most frequent pairs of a true class and another predicted class."""
    wrong = confusion - np.diag(np.diag(confusion))
    order = np.argsort(-wrong, axis=None, kind="stable")[:CONFUSIONS]
    pairs = [divmod(int(place), len(names)) for place in order]
    return [
        {"class": names[c], "taken_for": names[k], "count": int(wrong[c, k]), "images": int(confusion[c].sum())}
        for c, k in pairs
        if wrong[c, k]
    ]


def class_rows(confusion: NDArray[np.int64], names: Sequence[str]) -> list[dict[str, Any]]:
    """Return precision and recall of each class with their 95 % intervals, as fractions."""
    rows = per_class(confusion, names)
    for c, row in enumerate(rows):
        right = int(confusion[c, c])
        row["recall_interval"] = wilson_interval(right, int(confusion[c].sum()))
        row["precision_interval"] = wilson_interval(right, int(confusion[:, c].sum()))
    return rows


def add_examples(
    cells: list[list[dict[str, Any]]], confusion: NDArray[np.int64], shown: Predictions, thumbnails: Thumbnails
) -> None:
    """Put examples into the cells of the confusion matrix, the surest first; each cell gets one before any gets two."""
    shares, predicted = shown.shares, np.argmax(shown.shares, axis=-1)
    chosen = {}
    for c, k in sorted(zip(*np.nonzero(confusion), strict=True), key=lambda place: -int(confusion[place])):
        rows = np.flatnonzero((shown.images.labels == c) & (predicted == k))
        chosen[c, k] = rows[np.argsort(-shares[rows, k], kind="stable")[:EXAMPLES]].tolist()
    spent = 0
    for i in range(EXAMPLES):
        for (c, k), rows in chosen.items():
            if i < len(rows) and spent < BUDGET:
                address = thumbnails.picture(shown.of, shown.images, rows[i])
                spent += len(address)
                cells[c][k]["examples"].append({"row": rows[i], "picture": address})


def example(thumbnails: Thumbnails, names: Sequence[str], shown: Predictions, row: int) -> dict[str, Any]:
    """Return one image with its label and its predicted class."""
    shares = shown.shares[row]
    given, taken = int(shown.images.labels[row]), int(np.argmax(shares))
    return {
        "of": shown.of,
        "row": row,
        "picture": thumbnails.picture(shown.of, shown.images, row),
        "label": names[given],
        "taken_for": names[taken],
        "sure": float(shares[taken]),
        "given": float(shares[given]),
    }


def results_parts(held_out: HeldOutResults | None, of_whom: str = "") -> dict[str, Any]:
    """Return further values for the template of results; `of_whom` says in the heading whose results they are."""
    calibration = held_out.calibration if held_out else None
    return {
        "of_whom": of_whom,
        "has_examples": held_out is not None and any(c["examples"] for row in held_out.cells for c in row),
        "reliability": reliability_plots(calibration) if calibration else [],
        "bins": bins(calibration) if calibration else [],
    }


def bins(calibration: Calibration) -> list[tuple[float, float, int, float, float]]:
    """Return the bins with images as rows of a table."""
    columns = (calibration.edges[:-1], calibration.edges[1:], calibration.counts, calibration.confidence)
    rows = zip(*columns, calibration.accuracy, strict=True)
    return [(float(a), float(b), int(n), float(c), float(right)) for a, b, n, c, right in rows if n]
