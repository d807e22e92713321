"""Show the results of a run or a test in a terminal: figures, a row for each class, the confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.table import Table
from rich.text import Text

from barenet.messages import count
from barenet.printing.consoles import Heading, PlainConsole
from barenet.run_folders.checkpoint import SavedModel
from barenet.run_folders.results import RunResult
from barenet.run_folders.scores import Scores
from barenet.terminal.learning import show_verdicts
from barenet.terminal.output import output_console, plain_table
from barenet.training.records import format_loss

__all__ = ["show_classes", "show_ensemble", "show_result", "show_scores"]

MATRIX_BESIDE = 36  # the width, in columns, of class names, precision and recall
MIRRORED = "mirrored: the mean of the probabilities of each image and its mirror image"


def show_result(result: RunResult) -> None:
    """Print the results of a run."""
    console = output_console()
    scores = [network.scores for network in result.networks if network.scores is not None]
    titles = ("best epoch", "valid loss", "valid acc", "test loss", "test acc")
    table = plain_table(("run",), titles, no_wrap=True)
    for network in result.networks:
        tested = ("-", "-")
        if network.scores is not None:
            tested = format_loss(network.scores.loss), f"{network.scores.accuracy:.4f}"
        name = f"seed {network.seed}" if network.folder is None else str(network.folder)
        valid = format_loss(network.validation_loss), f"{network.validation_accuracy:.4f}"
        table.add_row(name, str(network.best_epoch), *valid, *tested)
    console.print(table)
    if scores:
        whole = result.ensemble or scores[0]
        names = [str(row["class"]) for row in whole.classes]
        show_summary(console, scores, whole)
        show_classes(console, whole, names, n_networks=len(scores))
    else:
        console.print("no test images in this data set")
    shared = ", which networks that train together share" if result.config.trainer.n_seeds > 1 else ""
    console.print(
        f"{count(result.parameters, 'parameter')} per network, {result.training_seconds:.1f} s of training{shared}"
    )
    show_verdicts(console, result.networks)


def show_scores(
    name: str,
    scores: Sequence[Scores],
    whole: Scores,
    class_names: Sequence[str],
    warning: str = "",
    *,
    mirror: bool = False,
) -> None:
    """Print scores on the test images, with `mirror` also on their mirror images, and last a warning, if any."""
    console = output_console()
    epoch = "" if len(scores) > 1 or scores[0].epoch is None else f", epoch {scores[0].epoch}"
    console.print(f"{name}{epoch}")
    if mirror:
        console.print(MIRRORED)
    show_summary(console, scores, whole)
    show_classes(console, whole, class_names, n_networks=len(scores))
    if warning:
        console.print(warning, style="bold red")


def show_ensemble(
    name: str,
    members: Sequence[tuple[str, SavedModel]],
    scores: Sequence[Scores],
    whole: Scores | None,
    warning: str = "",
    *,
    mirror: bool = False,
) -> None:
    """Print the scores of an ensemble and of each member on the test images; without `scores`, only its members.

    members: the source of each, and its network.
    """
    console = output_console()
    console.print(f"{name}: the average of {count(len(members), 'network')}")
    if mirror:
        console.print(MIRRORED)
    if whole is not None:
        show_summary(console, [whole], whole)
    table = plain_table(("member",), ("parameters", "valid loss", "valid acc", "test loss", "test acc"), no_wrap=True)
    for i, (source, model) in enumerate(members):
        metrics, tested = model.info.metrics, ("-", "-")
        if scores:
            tested = format_loss(scores[i].loss), f"{scores[i].accuracy:.4f}"
        valid = ("-", "-")
        if "validation_loss" in metrics:
            valid = format_loss(metrics["validation_loss"]), f"{metrics['validation_accuracy']:.4f}"
        table.add_row(f"{i} {source}", f"{model.mlp.parameters.size:,}", *valid, *tested)
    console.print(table)
    if whole is not None:
        show_classes(console, whole, [str(row["class"]) for row in whole.classes])
    if warning:
        console.print(warning, style="bold red")


def show_summary(console: PlainConsole, scores: Sequence[Scores], whole: Scores) -> None:
    """Print accuracy and loss; for several networks, mean, standard deviation, and those of their average."""
    if len(scores) == 1:
        console.print(f"test accuracy {scores[0].accuracy:.4f}, test loss {format_loss(scores[0].loss)}", style="bold")
        return
    accuracies, losses = [s.accuracy for s in scores], [s.loss for s in scores]
    console.print(
        f"test accuracy {np.mean(accuracies):.4f} ± {np.std(accuracies, ddof=1):.4f}, "
        f"test loss {np.mean(losses):.4f} ± {np.std(losses, ddof=1):.4f} "
        f"(mean and standard deviation of {len(scores)} networks)",
        style="bold",
    )
    console.print(
        f"the average of all {len(scores)}: test accuracy {whole.accuracy:.4f}, test loss {format_loss(whole.loss)}"
    )


def show_classes(console: PlainConsole, scores: Scores, class_names: Sequence[str], *, n_networks: int = 1) -> None:
    """Print precision and recall of each class, and the confusion matrix beside or below them, if it fits.

    For several networks the scores are those of the average of their probabilities, and a line above says so.
    """
    n_classes = len(class_names)
    matrix_width = 6 * n_classes
    beside, fits = console.width >= MATRIX_BESIDE + matrix_width, console.width >= 4 + matrix_width
    if n_networks > 1:
        what = "precision, recall and confusion matrix" if fits else "precision and recall"
        console.print(f"{what} of the average of all {n_networks} networks' probabilities")
    table = class_table(scores, class_names, with_shares=True, with_matrix=beside)
    console.print(table)
    if not beside and fits:
        console.print(class_table(scores, [""] * n_classes, with_shares=False, with_matrix=True))
    if fits:
        console.print("rows: the true class; columns: the predicted class", style="dim")
    else:
        console.print(f"a window of {4 + matrix_width} columns, or --json, shows the confusion matrix", style="dim")


def class_table(scores: Scores, class_names: Sequence[str], *, with_shares: bool, with_matrix: bool) -> Table:
    """Return a table with a row for each class: name, precision, recall, and the row of the confusion matrix."""
    shown = (Heading("precision"), Heading("recall")) if with_shares else ()
    columns = [Heading(f"as {c}") if c < 10 else str(c) for c in range(len(class_names) if with_matrix else 0)]
    table = plain_table(("class",), (*shown, *columns), no_wrap=True)
    for c, (name, row) in enumerate(zip(class_names, scores.classes, strict=True)):
        shares = ["-" if row[what] is None else f"{row[what]:.3f}" for what in shown]
        counts = [cell(int(scores.confusion[c, k]), k == c) for k in range(len(columns))]
        table.add_row(f"{c} {name}".rstrip(), *shares, *counts)
    return table


def cell(count: int, is_right: bool) -> Text:
    """Return a count of the confusion matrix: bold on the diagonal, a dot for zero."""
    return Text(str(count), "bold") if is_right else Text(str(count) if count else ".")
