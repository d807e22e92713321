"""How a network did on its test images, as a page tells it: classes, confusions, mistakes, doubted labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.analysis.images import Images
from barenet.analysis.saved_run import SavedRun
from barenet.analysis.statistics import Calibration, calibrate, label_doubts, wilson_interval
from barenet.pages.reports.drawings import reliability_drawings
from barenet.plots.rasters import data_uri, photograph
from barenet.run_folders.checkpoint import SavedModel
from barenet.training.evaluation import compute_outputs
from barenet.training.metrics import confusion_matrix, per_class, probabilities

__all__ = ["Judgement", "Thumbnails", "judge", "judged_parts", "judgement_of", "without_examples"]

SHOWN = 24  # mistakes, and label doubts
CONFUSIONS = 12  # pairs of classes
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
    n_mistakes: int
    confusions: Sequence[dict[str, Any]] = ()
    calibration: Calibration | None = None
    mistakes: Sequence[dict[str, Any]] = ()
    doubts: Sequence[dict[str, Any]] = ()
    n_doubts: int = 0


@dataclass(frozen=True)
class Answers:
    """Images, which ones they are ("test" or "validation"), and the probabilities (n, C) that the network gave them."""

    of: str
    images: Images
    shares: NDArray[np.floating]


class Thumbnails:
    """Small pictures of a data set's images for a page, each made once."""

    def __init__(self, saved: SavedRun) -> None:
        self.shape = saved.picture_shape
        self.scale = saved.model.info.scale
        self.made: dict[tuple[str, int], str] = {}

    def picture(self, of: str, images: Images, row: int) -> str:
        """Return the address of one image, or nothing where the inputs are no pictures."""
        if self.shape is None:
            return ""
        if (of, row) not in self.made:
            self.made[of, row] = data_uri(photograph(images.pixels[row], self.shape, self.scale))
        return self.made[of, row]


def judge(saved: SavedRun, thumbnails: Thumbnails, averaged: Sequence[SavedModel] = ()) -> Judgement | None:
    """Return how the network did on the test images, by the probabilities that its run stored.

    Where there are none, as before the end of training, the validation images stand in, and the page says so.
    `averaged` are the networks of whose average the probabilities are, where there are several.
    """
    names, validated = saved.class_names, answer(saved, averaged or [saved.model])
    if saved.results is not None and saved.test_probabilities is not None:
        loss = saved.results["test_loss"]
        if saved.test is None:
            # The images are not at hand: test.json alone tells.
            return judgement_of("test", np.array(saved.results["confusion_matrix"], np.int64), loss, names)
        tested = Answers("test", saved.test, np.nan_to_num(saved.test_probabilities))
        sources = [tested] if validated is None else [tested, validated]
    elif validated is not None:
        sources, loss = [validated], None
    else:
        return None
    judged = sources[0]
    labels, shares, predicted = judged.images.labels, judged.shares, np.argmax(judged.shares, axis=-1)
    confusion = confusion_matrix(predicted, labels, len(names))
    wrong = np.flatnonzero(predicted != labels)
    sure = wrong[np.argsort(-shares[wrong, predicted[wrong]], kind="stable")]
    doubts = [
        (float(answers.shares[row, answers.images.labels[row]]), answers, int(row))
        for answers in sources
        for row in label_doubts(answers.shares, answers.images.labels)
    ]
    doubts.sort(key=lambda doubt: doubt[0])
    judgement = judgement_of(
        *(judged.of, confusion, loss, names),
        calibration=calibrate(shares, labels),
        mistakes=[example(thumbnails, names, judged, int(row)) for row in sure[:SHOWN]],
        doubts=[example(thumbnails, names, answers, row) for _, answers, row in doubts[:SHOWN]],
        n_doubts=len(doubts),
    )
    if thumbnails.shape is not None:
        add_examples(judgement.cells, confusion, judged, thumbnails)
    return judgement


def without_examples(judgement: Judgement) -> Judgement:
    """Return the figures alone: calibration, mistakes and doubts of a network that learned nothing are random."""
    cells = [[cell | {"examples": []} for cell in row] for row in judgement.cells]
    return replace(judgement, cells=cells, confusions=(), calibration=None, mistakes=(), doubts=(), n_doubts=0)


def answer(saved: SavedRun, models: Sequence[SavedModel]) -> Answers | None:
    """Return what models answer to the validation images, on average; None without images, or before any validation."""
    images = saved.validation
    if images is None or not saved.model.info.metrics:
        return None
    shares = []
    with np.errstate(all="ignore"):  # weights beyond all bounds, as of a run that diverged
        for model in models:
            outputs = compute_outputs(model.mlp, images.pixels, model.info.scale)
            shares.append(np.nan_to_num(probabilities(outputs, model.gives_probabilities)))
    return Answers("validation", images, np.mean(shares, axis=0, dtype=np.float64) if len(shares) > 1 else shares[0])


def judgement_of(
    of: str, confusion: NDArray[np.int64], loss: float | None, names: Sequence[str], **found: Any
) -> Judgement:
    """Return what a confusion matrix tells, and whatever else was found."""
    n, n_right = int(confusion.sum()), int(np.trace(confusion))
    totals = np.maximum(confusion.sum(axis=1), 1)
    cells: list[list[dict[str, Any]]] = [
        [{"count": int(n), "share": float(n / totals[c]), "examples": []} for n in row]
        for c, row in enumerate(confusion)
    ]
    return Judgement(
        *(of, n, n_right / n, wilson_interval(n_right, n), loss, class_rows(confusion, names), cells, n - n_right),
        confusions=frequent_confusions(confusion, names),
        **found,
    )


def frequent_confusions(confusion: NDArray[np.int64], names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the pairs of a class and what it is taken for most often, in order."""
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
    cells: list[list[dict[str, Any]]], confusion: NDArray[np.int64], judged: Answers, thumbnails: Thumbnails
) -> None:
    """Put the surest examples into the cells of the confusion matrix; each gets its first before any gets a second."""
    shares, predicted = judged.shares, np.argmax(judged.shares, axis=-1)
    chosen = {}
    for c, k in sorted(zip(*np.nonzero(confusion), strict=True), key=lambda place: -int(confusion[place])):
        rows = np.flatnonzero((judged.images.labels == c) & (predicted == k))
        chosen[c, k] = rows[np.argsort(-shares[rows, k], kind="stable")[:EXAMPLES]].tolist()
    spent = 0
    for i in range(EXAMPLES):
        for (c, k), rows in chosen.items():
            if i < len(rows) and spent < BUDGET:
                address = thumbnails.picture(judged.of, judged.images, rows[i])
                spent += len(address)
                cells[c][k]["examples"].append({"row": rows[i], "picture": address})


def example(thumbnails: Thumbnails, names: Sequence[str], judged: Answers, row: int) -> dict[str, Any]:
    """Return one image with what it is labelled as and what it was taken for."""
    shares = judged.shares[row]
    given, taken = int(judged.images.labels[row]), int(np.argmax(shares))
    return {
        "of": judged.of,
        "row": row,
        "picture": thumbnails.picture(judged.of, judged.images, row),
        "label": names[given],
        "taken_for": names[taken],
        "sure": float(shares[taken]),
        "given": float(shares[given]),
    }


def judged_parts(judgement: Judgement | None, of_whom: str = "") -> dict[str, Any]:
    """Return what the template of results needs beside the judgement; `of_whom` says whose results they are."""
    calibration = judgement.calibration if judgement else None
    return {
        "of_whom": of_whom,
        "has_examples": judgement is not None and any(c["examples"] for row in judgement.cells for c in row),
        "reliability": reliability_drawings(calibration) if calibration else [],
        "bins": bins(calibration) if calibration else [],
    }


def bins(calibration: Calibration) -> list[tuple[float, float, int, float, float]]:
    """Return the bins that hold images, as rows of a table."""
    columns = (calibration.edges[:-1], calibration.edges[1:], calibration.counts, calibration.confidence)
    rows = zip(*columns, calibration.accuracy, strict=True)
    return [(float(a), float(b), int(n), float(c), float(right)) for a, b, n, c, right in rows if n]
