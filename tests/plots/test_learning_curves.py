"""Learning curves are drawn without a screen, and the same records give the same bytes."""

from __future__ import annotations

import math

import pytest
from families import full

from barenet.errors import MachineError
from barenet.plots.appearance import new_figure
from barenet.plots.learning_curves import draw_learning_curves, show_accuracy, show_loss, show_rate, show_ratios
from barenet.training.records import EpochRecord, Stop


def history(n_epochs: int, eval_every: int = 1, **last) -> list[EpochRecord]:
    records = []
    for epoch in range(1, n_epochs + 1):
        due = epoch % eval_every == 0
        values = {
            **{"network": 0, "epoch": epoch, "step": 10 * epoch, "learning_rate": 0.1 / epoch},
            **{"train_loss": 1 / epoch, "train_accuracy": 1 - 0.5 / epoch, "is_best": due, "seconds": 0.5},
            "valid_loss": 1.1 / epoch if due else None,
            "valid_accuracy": 1 - 0.6 / epoch if due else None,
            **{"gradient_norm": 1.0, "update_norm": 0.1, "weight_norm": 9.0},
        }
        records.append(EpochRecord(**values | (last if epoch == n_epochs else {})))
    return records


def drawn(folder, records, best_epoch) -> bytes:
    path = folder / "figures" / "learning-curves.png"
    draw_learning_curves(records, best_epoch, path)
    content = path.read_bytes()
    path.unlink()
    return content


@pytest.mark.slow
@pytest.mark.parametrize(
    ("records", "best_epoch"),
    [
        full((history(1), 1)),
        (history(40), 40),
        full((history(9, eval_every=4), 8)),
        (history(3, train_loss=math.nan, valid_loss=math.nan, valid_accuracy=0.1, gradient_norm=math.inf), 2),
        full((history(3, train_loss=1e38, valid_loss=3e38), 2)),
    ],
)
def test_the_same_records_give_the_same_bytes(records, best_epoch, tmp_path):
    first = drawn(tmp_path, records, best_epoch)
    assert first.startswith(b"\x89PNG\r\n\x1a\n")
    assert first == drawn(tmp_path, records, best_epoch)


@pytest.mark.slow
def test_other_records_and_another_best_give_other_pictures(tmp_path):
    pictures = [
        drawn(tmp_path, history(5), 5),
        drawn(tmp_path, history(5), 3),
        drawn(tmp_path, history(5, train_loss=0.9), 5),
    ]
    assert len(set(pictures)) == 3


def test_curves_are_not_drawn_into_a_folder_that_is_a_link(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "figures").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(MachineError, match=r"figures is a link to .*elsewhere, outside of the run: remove it"):
        draw_learning_curves(history(2), 1, tmp_path / "figures" / "curves.png")
    assert [*(tmp_path / "elsewhere").iterdir()] == []


def test_drawing_leaves_no_figure_open(tmp_path):
    from matplotlib import pyplot

    drawn(tmp_path, history(2), 1)
    assert pyplot.get_fignums() == []


def test_all_panels_say_what_their_axes_are_and_the_best_epoch_is_named_beside_the_curves():
    with new_figure(8, 2, layout=None) as figure:
        loss, accuracy, rate, ratios = figure.subplots(1, 4)
        show_loss(loss, history(5), 3)
        show_accuracy(accuracy, history(5), 3)
        show_rate(rate, history(5))
        show_ratios(ratios, history(5, update_ratios={"W1": 0.01}))
        names = ["loss", "accuracy, %", "learning rate", "ratio of their norms"]
        assert [axes.get_ylabel() for axes in figure.axes] == names
        assert [axes.get_xlabel() for axes in figure.axes] == ["epoch"] * 4
        assert [text.get_text() for text in accuracy.get_legend().get_texts()] == ["best: 80.00 %, epoch 3"]


def test_panels_of_a_run_whose_only_epoch_was_lost_say_so_and_keep_a_plain_axis():
    lost = history(1, train_loss=math.nan, valid_loss=math.nan, stopped=Stop("diverged", "diverged in epoch 1"))
    with new_figure(8, 3) as figure:
        loss, accuracy = figure.subplots(1, 2)
        show_loss(loss, lost, 0)
        show_accuracy(accuracy, lost, 0)
        assert [text.get_text() for text in loss.texts] == ["no epoch ended with a finite loss"]
        assert [text.get_text() for text in accuracy.texts] == ["no epoch was finished"]
        assert accuracy.get_ylim() == (0, 100)
        assert loss.get_yticks().size == 0
