"""How a network did on its test images, as a page tells it: classes, confusions, mistakes, doubted labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.analysis.evidence import Evidence
from barenet.analysis.images import Images
from barenet.analysis.statistics import Calibration, calibrate, label_doubts, wilson_interval
from barenet.plots.rasters import data_uri, photograph
from barenet.training.evaluation import compute_outputs
from barenet.training.metrics import confusion_matrix, per_class, probabilities

__all__ = ["Judgement", "Thumbnails", "judge"]

SHOWN = 24  # mistakes, and label doubts
EXAMPLES = 6  # behind each cell of the confusion matrix
BUDGET = 1_100_000  # bytes that all those examples may take


@dataclass(frozen=True)
class Judgement:
    """Figures and examples of one network on images that it was not trained on.

    of: "test" or "validation". accuracy and its 95 % interval are fractions. cells: the confusion matrix, a row a true
    class, of counts, shares of the row, and examples. calibration is None where images' labels are not at hand.
    """

    of: str
    n_images: int
    accuracy: float
    interval: tuple[float, float]
    loss: float | None
    classes: list[dict[str, Any]]
    cells: list[list[dict[str, Any]]]
    calibration: Calibration | None
    mistakes: list[dict[str, Any]]
    n_mistakes: int
    doubts: list[dict[str, Any]]
    n_doubts: int


class Thumbnails:
    """Small pictures of a data set's images for a page, each made once."""

    def __init__(self, evidence: Evidence) -> None:
        self.shape = evidence.picture_shape
        self.scale = evidence.model.info.scale
        self.made: dict[tuple[str, int], str] = {}

    def picture(self, of: str, images: Images, row: int) -> str:
        """Return the address of one image, or nothing where the inputs are no pictures."""
        if self.shape is None:
            return ""
        if (of, row) not in self.made:
            self.made[of, row] = data_uri(photograph(images.pixels[row], self.shape, self.scale))
        return self.made[of, row]


def judge(evidence: Evidence, thumbnails: Thumbnails) -> Judgement | None:
    """Return how the network did on the test images, by the probabilities that its run stored.

    Where there are none, as before the end of training, the validation images stand in, and the page says so.
    """
    validated = predict(evidence, evidence.validation)
    if evidence.results is not None and evidence.test_probabilities is not None:
        if evidence.test is None:
            return from_results(evidence)
        of, images, loss = "test", evidence.test, evidence.results["test_loss"]
        shares: NDArray[np.floating] = np.nan_to_num(evidence.test_probabilities)
    elif evidence.validation is not None and validated is not None:
        of, images, shares, loss = "validation", evidence.validation, validated, None
    else:
        return None
    names = evidence.class_names
    predicted = np.argmax(shares, axis=-1)
    confusion = confusion_matrix(predicted, images.labels, len(names))

    def describe(own: str, seen: Images, its: NDArray[np.floating], row: int) -> dict[str, Any]:
        return example(thumbnails, own, seen, its, row, names=names)

    wrong = np.flatnonzero(predicted != images.labels)
    sure = wrong[np.argsort(-shares[wrong, predicted[wrong]], kind="stable")]
    sources = [(of, images, shares)]
    if of == "test" and evidence.validation is not None and validated is not None:
        sources.append(("validation", evidence.validation, validated))
    doubts = [
        (float(its[row, seen.labels[row]]), own, seen, its, int(row))
        for own, seen, its in sources
        for row in label_doubts(its, seen.labels)
    ]
    doubts.sort(key=lambda doubt: doubt[0])
    n_right = len(predicted) - len(wrong)
    return Judgement(
        of=of,
        n_images=len(predicted),
        accuracy=n_right / len(predicted),
        interval=wilson_interval(n_right, len(predicted)),
        loss=loss,
        classes=class_rows(confusion, names),
        cells=cells_of(confusion, lambda c, k: pick_examples(c, k, images, predicted, shares), of, images, thumbnails),
        calibration=calibrate(shares, images.labels),
        mistakes=[describe(of, images, shares, int(row)) for row in sure[:SHOWN]],
        n_mistakes=len(wrong),
        doubts=[describe(*doubt[1:]) for doubt in doubts[:SHOWN]],
        n_doubts=len(doubts),
    )


def predict(evidence: Evidence, images: Images | None) -> NDArray[np.floating] | None:
    """Return probabilities (n, C) of images; None without images, or before any validation."""
    model = evidence.model
    if images is None or not model.info.metrics:
        return None
    with np.errstate(all="ignore"):  # weights beyond all bounds, as of a run that diverged
        outputs = compute_outputs(model.mlp, images.pixels, model.info.scale)
        return np.asarray(np.nan_to_num(probabilities(outputs, model.gives_probabilities)))


def from_results(evidence: Evidence) -> Judgement:
    """Return what test.json alone can tell, where the images are not at hand."""
    results = evidence.results
    assert results is not None
    confusion = np.array(results["confusion_matrix"], np.int64)
    n, n_right = int(confusion.sum()), int(np.trace(confusion))
    return Judgement(
        of="test",
        n_images=n,
        accuracy=n_right / n,
        interval=wilson_interval(n_right, n),
        loss=results["test_loss"],
        classes=class_rows(confusion, evidence.class_names),
        cells=cells_of(confusion, lambda c, k: [], "test", None, None),
        calibration=None,
        mistakes=[],
        n_mistakes=n - n_right,
        doubts=[],
        n_doubts=0,
    )


def class_rows(confusion: NDArray[np.int64], names: Sequence[str]) -> list[dict[str, Any]]:
    """Return precision and recall of each class with their 95 % intervals, as fractions."""
    rows = per_class(confusion, names)
    for c, row in enumerate(rows):
        right = int(confusion[c, c])
        row["recall_interval"] = wilson_interval(right, int(confusion[c].sum()))
        row["precision_interval"] = wilson_interval(right, int(confusion[:, c].sum()))
    return rows


def pick_examples(
    c: int, k: int, images: Images, predicted: NDArray[np.int64], shares: NDArray[np.floating]
) -> list[int]:
    """Return images of class c that were taken for k, the surest first."""
    rows = np.flatnonzero((images.labels == c) & (predicted == k))
    return [int(row) for row in rows[np.argsort(-shares[rows, k], kind="stable")[:EXAMPLES]]]


def cells_of(
    confusion: NDArray[np.int64],
    examples: Callable[[int, int], list[int]],
    of: str,
    images: Images | None,
    thumbnails: Thumbnails | None,
) -> list[list[dict[str, Any]]]:
    """Return the cells of the confusion matrix; each gets its first example before any gets a second."""
    totals = np.maximum(confusion.sum(axis=1), 1)
    cells = [
        [{"count": int(n), "share": float(n / totals[c]), "examples": []} for n in row]
        for c, row in enumerate(confusion)
    ]
    if images is None or thumbnails is None or thumbnails.shape is None:
        return cells
    wanted = sorted(zip(*np.nonzero(confusion), strict=True), key=lambda place: -int(confusion[place]))
    rows = {place: examples(int(place[0]), int(place[1])) for place in wanted}
    spent = 0
    for i in range(EXAMPLES):
        for place in wanted:
            if i < len(rows[place]) and spent < BUDGET:
                address = thumbnails.picture(of, images, rows[place][i])
                spent += len(address)
                cells[place[0]][place[1]]["examples"].append({"row": rows[place][i], "picture": address})
    return cells


def example(
    thumbnails: Thumbnails, of: str, images: Images, shares: NDArray[np.floating], row: int, *, names: Sequence[str]
) -> dict[str, Any]:
    """Return one image with what it is labelled as and what it was taken for."""
    given, taken = int(images.labels[row]), int(np.argmax(shares[row]))
    return {
        "of": of,
        "row": row,
        "picture": thumbnails.picture(of, images, row),
        "label": names[given],
        "taken_for": names[taken],
        "sure": float(shares[row, taken]),
        "given": float(shares[row, given]),
    }
