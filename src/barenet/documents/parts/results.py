"""The results on the test images: accuracy, figures of each class, the confusion matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from barenet.analysis.statistics import wilson_interval
from barenet.documents.blocks import Block, Figure, Heading, Note, Paragraph, Table
from barenet.documents.figures import confusion_figure
from barenet.documents.inputs.work import Work
from barenet.documents.parts.training import loss_text, percent
from barenet.documents.words import Name, Words
from barenet.messages import count

__all__ = ["interval_of", "result_blocks"]

MOST_CELLS = 12  # classes of a confusion matrix that is a table too
MOST_PAIRS = 5
HEADINGS = {
    "classes": ("Class", "Samples", "Precision", "Recall", "F1"),
    "mistakes": ("True class", "Predicted class", "Samples", "Share"),
    "networks": ("Network", "Validation accuracy", "Test accuracy", "Test loss"),
}


def result_blocks(work: Work, words: Words, *, is_brief: bool = False) -> list[Block]:
    """Return the results on the test images, or why there are none; `is_brief` leaves out what a figure shows too."""
    heading = Heading("Test results")
    scores = work.scores
    if scores is None:
        return [heading, Note(work.lacks.get("test", ("There are no test results.",)))]
    n, low, high = interval_of(scores)
    sentences = [
        f"Of {count(n, 'test sample')}, {percent(scores['test_accuracy'])} are classified correctly.",
        f"The 95 % confidence interval is {low} to {high} (Wilson).",
        f"The test loss is {loss_text(scores['test_loss'])}.",
    ]
    if not work.learned:
        sentences.append("This is no better than one answer for all samples: the network learned nothing.")
    names = [str(row["class"]) for row in scores["per_class"]]
    confusion = np.array(scores["confusion_matrix"], np.int64)
    blocks: list[Block] = [heading, Paragraph(tuple(sentences))]
    if work.seeds:
        blocks += seed_blocks(work)
    blocks += [class_table(scores), meaning()]
    drawing = confusion_figure(confusion, names, words)
    caption = (
        "Confusion matrix of the test set.",
        "A row is a true class, a column a predicted one; right answers are on the diagonal.",
    )
    blocks.append(Figure(f"confusion-{work.name}", drawing, caption, 0.75))
    if pairs := frequent(confusion, names):
        mistakes = ("The most frequent mistakes on the test set.",)
        blocks.append(Table(mistakes, HEADINGS["mistakes"], pairs, "ll"))
    if len(names) <= MOST_CELLS and not is_brief:
        header = ("True class", *(Name(str(i)) for i in range(len(names))))
        rows = [(Name(f"{i} {name}"), *map(str, confusion[i])) for i, name in enumerate(names)]
        blocks.append(Table(("The confusion matrix in numbers; columns are predicted classes.",), header, rows))
    return blocks


def interval_of(scores: dict[str, Any]) -> tuple[int, str, str]:
    """Return the number of test images, and the 95 % interval of the accuracy as text."""
    n = int(scores.get("images") or np.sum(scores["confusion_matrix"]))
    low, high = wilson_interval(round(scores["test_accuracy"] * n), n)
    return n, percent(low), percent(high)


def seed_blocks(work: Work) -> list[Block]:
    """Return a table of all networks of a run or an ensemble, with the mean of their test results."""
    rows: list[tuple[str, ...]] = [
        (
            Name(name),
            percent(metrics.get("validation_accuracy")),
            "–" if results is None else percent(results["test_accuracy"]),
            "–" if results is None else loss_text(results["test_loss"]),
        )
        for name, metrics, results in work.seeds
    ]
    tested = [results["test_accuracy"] for _, _, results in work.seeds if results is not None]
    if len(tested) > 1:
        spread = f"{100 * np.mean(tested):.2f} ± {100 * np.std(tested, ddof=1):.2f} %"
        rows.append(("Mean ± standard deviation", "", Name(spread), ""))
    caption = (
        (
            "The members of the ensemble, each alone.",
            "The test results in the text and in the other tables and figures are those of their average; all other "
            "parts are about the member that is best on the validation set.",
        )
        if work.is_average
        else (
            "The networks that were trained together.",
            "The other tables and figures show the one that is best on the validation set.",
        )
    )
    return [Table(caption, HEADINGS["networks"], rows, total=len(tested) > 1)]


def class_table(scores: dict[str, Any]) -> Table:
    """Return precision, recall and F1 of each class, and their means."""
    what = ("precision", "recall", "f1")
    rows: list[tuple[str, ...]] = [
        (Name(row["class"]), f"{row['images']:,}", *("–" if row[name] is None else f"{row[name]:.3f}" for name in what))
        for row in scores["per_class"]
    ]
    means = [np.mean([row[name] or 0.0 for row in scores["per_class"]]) for name in what]
    total = sum(row["images"] for row in scores["per_class"])
    rows.append(("Mean of the classes", f"{total:,}", *(f"{mean:.3f}" for mean in means)))
    return Table(
        ("Precision, recall and F1 score of each class on the test set.",), HEADINGS["classes"], rows, total=True
    )


def meaning() -> Paragraph:
    """Return what precision, recall and F1 are."""
    return Paragraph(
        (
            "Precision is the share of the samples predicted as a class that belong to it.",
            "Recall is the share of the samples of a class that are predicted as it.",
            "F1 is their harmonic mean.",
        )
    )


def frequent(confusion: np.ndarray, names: list[str]) -> list[tuple[str, ...]]:
    """Return the most frequent pairs of a true class and another predicted class as rows."""
    wrong = confusion - np.diag(np.diag(confusion))
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_PAIRS]
    places = [divmod(int(place), len(names)) for place in order]
    return [
        (Name(names[c]), Name(names[k]), f"{wrong[c, k]:,}", percent(wrong[c, k] / confusion[c].sum(), 1))
        for c, k in places
        if wrong[c, k]
    ]
