"""Train the networks of docs/what-helps.md, and draw its plots in docs/images.

    python benchmarks/what_helps.py               # trains, about a minute per network; keeps the data of the plots
    python benchmarks/what_helps.py --draw        # draws again from the kept data

Each network has the hidden layers (512, 256) and trains for 20 epochs; one ingredient at a time is added to the same
plain settings. Accuracies are those on 5,000 held-out images and on 5,000 training images, which are not mirrored,
moved or mixed. The test images are not read. A trial with other epochs or images is kept, and drawn, in a separate
folder in runs/what-helps.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet import load_dataset
from barenet.config.names import setting_path
from barenet.config.sources import build_config
from barenet.data.augmentation import mix, move_sources
from barenet.data.batches import to_float
from barenet.data.datasets import Dataset
from barenet.nn import MLP
from barenet.plots.appearance import BLUE, FAINT, GREEN, GREY, INK, ORANGE, new_figure, png, style, whole_numbers
from barenet.training.evaluation import compute_outputs
from barenet.training.metrics import probabilities
from barenet.training.preparation import prepare
from barenet.training.trainer import Trainer

IMAGES = Path(__file__).parents[1] / "docs" / "images"
KEPT = Path("runs") / "what-helps"
N_SEEN = 5000  # training images whose accuracy is measured in each epoch

PLAIN: dict[str, Any] = {
    **{
        "hidden": "512,256",
        "activation": "relu",
        "normalization": "none",
        "label_smoothing": 0,
        "mirror": False,
        "batch_size": 256,
    },
    **{"optimizer": "adamw", "lr": 0.001, "weight_decay": 0, "average_decay": 0},
    **{"schedule": "constant", "warmup_epochs": 0, "epochs": 20},
}
ADDED: dict[str, dict[str, Any]] = {
    "plain AdamW": {},
    "a falling rate": {"schedule": "cosine", "warmup_epochs": 1},
    "averaged weights": {"average_decay": 0.999},
    "label smoothing": {"label_smoothing": 0.1},
    "dropout": {"dropout": 0.2},
    "mirrored images": {"mirror": True},
    "shifted images": {"shift": 1},
    "affine maps": {"affine": 0.05},
    "mixed images": {"mixup": 0.2},
    "layer normalisation": {"normalization": "layer"},
    "batch normalisation": {"normalization": "batch"},
    "weight decay": {"weight_decay": 0.3},
    "L2": {"l2": 3e-4},
}
CURVES = list(ADDED)[1:]


def train(name: str, dataset: Dataset, epochs: int) -> dict[str, NDArray[Any]]:
    """Train with an ingredient and return the data of the plots by name."""
    flags = {setting_path(setting): value for setting, value in (PLAIN | ADDED[name] | {"epochs": epochs}).items()}
    config, data = prepare(build_config("quick", flags=flags), dataset)
    trainer = Trainer([config], data)
    mlp = MLP.from_architecture(trainer.architecture, initializer=None)
    seen = data.train_rows[:N_SEEN]
    shown = {"seen": (data.images[seen], data.labels[seen]), "held": (data.valid_images, data.valid_labels)}
    found: dict[str, list[Any]] = {what: [] for what in ("seen", "held", "held, last weights")}
    early: NDArray[Any] = np.zeros(0)
    for record in trainer:
        state = trainer.states[0]
        average, last = (chosen.evaluated(trainer.architecture)[0] for chosen in (state, replace(state, average=None)))
        for what, values in found.items():
            mlp.parameters.values[...] = last if what.endswith("weights") else average
            images, labels = shown[what.split(",")[0]]
            right = compute_outputs(mlp, images, data.scale).argmax(axis=-1) == labels
            values.append(right.mean())
        if record.epoch == 1:
            early = second_inputs(mlp, data.valid_images, data.scale)
    mlp.parameters.values[...] = trainer.states[0].evaluated(trainer.architecture)[0]
    shares = probabilities(compute_outputs(mlp, data.valid_images, data.scale), are_probabilities=False)
    return {
        **{what: np.array(values) for what, values in found.items()},
        "W1": mlp.parameters.views["W1"].copy(),
        "early": early,
        "late": second_inputs(mlp, data.valid_images, data.scale),
        "confidence": shares.max(axis=-1),
        "right": shares.argmax(axis=-1) == data.valid_labels,
    }


def second_inputs(mlp: MLP, images: NDArray[Any], scale: float) -> NDArray[np.float32]:
    """Return the inputs of the second hidden layer's activation for some images, flat."""
    rows = mlp.trace(to_float(images[:500], scale))
    return np.asarray(rows[1][0], np.float32).reshape(-1)


def draw(found: Mapping[str, Mapping[str, NDArray[Any]]], dataset: Dataset, folder: Path) -> None:
    """Draw all plots into a folder."""
    for name, picture in {
        "curves": draw_curves(found),
        "averages": draw_averages(found),
        "weights": draw_weights(found),
        "normalization": draw_normalization(found),
        "confidence": draw_confidence(found),
        "images": draw_images(dataset),
    }.items():
        (folder / f"helps-{name}.png").write_bytes(picture)


def draw_curves(found: Mapping[str, Mapping[str, NDArray[Any]]]) -> bytes:
    """Draw accuracy over epochs with each ingredient, and the plain network in grey."""
    plain = found["plain AdamW"]
    with new_figure(15.5, 5.2) as figure:
        panels = figure.subplots(2, 6, sharex=True, sharey=True).flat
        for axes, name in zip(panels, CURVES, strict=True):
            network = found[name]
            epochs = np.arange(1, len(network["seen"]) + 1)
            for what, colour, word in (("seen", ORANGE, "trained on"), ("held", BLUE, "held out")):
                axes.plot(epochs, 100 * plain[what], color=GREY, linewidth=1, linestyle="--" if what == "seen" else "-")
                axes.plot(epochs, 100 * network[what], color=colour, linewidth=1.8, label=word)
            best = 100 * network["held"].max()
            style(axes, f"{name}: {best:.1f} %")
            whole_numbers(axes, "x")
        figure.axes[0].legend(frameon=False, loc="lower right")
        for axes in figure.axes[6:]:
            axes.set_xlabel("epoch")
        for axes in figure.axes[::6]:
            axes.set_ylabel("accuracy, %")
        low = 100 * min(network["held"][1:].min() for network in found.values())
        figure.axes[0].set_ylim(np.floor(low) - 0.5, 100)
        return png(figure)


def draw_averages(found: Mapping[str, Mapping[str, NDArray[Any]]]) -> bytes:
    """Draw the accuracy of the last weights and of their average."""
    network = found["averaged weights"]
    epochs = np.arange(1, len(network["held"]) + 1)
    with new_figure(6.4, 3.4) as figure:
        axes = figure.subplots()
        axes.plot(epochs, 100 * network["held, last weights"], color=GREY, linewidth=1.4, label="the last weights")
        axes.plot(epochs, 100 * network["held"], color=BLUE, linewidth=2, label="their average")
        style(axes, "Constant learning rate, images held out", x="epoch", y="accuracy, %")
        whole_numbers(axes, "x")
        axes.legend(frameon=False, loc="lower right")
        return png(figure)


def draw_weights(found: Mapping[str, Mapping[str, NDArray[Any]]]) -> bytes:
    """Draw the first layer's weights: their distribution, and those of eight units as images."""
    names = ["plain AdamW", "weight decay", "L2", "dropout"]
    with new_figure(11, 6.2) as figure:
        grid = figure.add_gridspec(4, 11, width_ratios=[3.2, 0.2, 0.2] + [1] * 8)
        most = max(np.abs(found[name]["W1"]).max() for name in names)
        for row, name in enumerate(names):
            weights = found[name]["W1"]
            axes = figure.add_subplot(grid[row, 0])
            axes.hist(weights.reshape(-1), bins=np.linspace(-most, most, 121), color=BLUE, log=True)
            style(axes, f"{name}: deviation {weights.std():.3f}")
            chosen = np.argsort(np.linalg.norm(weights, axis=0))[::-64][:8]
            for column, unit in enumerate(chosen):
                picture = figure.add_subplot(grid[row, 3 + column])
                limit = np.abs(weights[:, unit]).max()
                picture.imshow(weights[:, unit].reshape(28, 28), cmap="RdBu_r", vmin=-limit, vmax=limit)
                picture.set_axis_off()
        return png(figure)


def draw_normalization(found: Mapping[str, Mapping[str, NDArray[Any]]]) -> bytes:
    """Draw the inputs of the second hidden layer's activation, after one epoch and at the end."""
    with new_figure(8, 3.4) as figure:
        panels = figure.subplots(1, 2, sharey=True)
        for axes, name in zip(panels, ("plain AdamW", "layer normalisation"), strict=True):
            network = found[name]
            bins = np.linspace(-12, 6, 91)
            for what, colour, word in (("early", GREY, "after 1 epoch"), ("late", BLUE, "at the end")):
                share = np.ones(network[what].size) / network[what].size
                axes.hist(network[what], bins=bins, weights=share, color=colour, alpha=0.6, label=word)
            style(axes, name, x="z of the second hidden layer")
        panels[0].set_ylabel("share of all values")
        panels[0].legend(frameon=False, loc="upper left")
        return png(figure)


def draw_confidence(found: Mapping[str, Mapping[str, NDArray[Any]]]) -> bytes:
    """Draw the accuracy of a network over its confidence."""
    names = {"plain AdamW": GREY, "label smoothing": ORANGE, "mixed images": BLUE, "dropout": GREEN}
    edges = np.linspace(0.3, 1, 8)
    with new_figure(5.4, 4.4) as figure:
        axes = figure.subplots()
        axes.plot([30, 100], [30, 100], color=FAINT, linewidth=1.4)
        axes.text(42, 44, "as right as it is sure", color=GREY, rotation=38, fontsize=9)
        for name, colour in names.items():
            sure, right = found[name]["confidence"], found[name]["right"]
            places = np.digitize(sure, edges[1:-1])
            points = [(sure[places == i].mean(), right[places == i].mean()) for i in np.unique(places)]
            x, y = 100 * np.array(points).T
            gap = 100 * (sure.mean() - right.mean())
            axes.plot(x, y, "o-", color=colour, markersize=4, label=f"{name}: {gap:+.1f}")
        style(axes, "Right against sure, images held out", x="the largest probability, %", y="right, %")
        axes.legend(frameon=False, title="sure minus right, mean", alignment="left", labelcolor=INK)
        return png(figure)


def draw_images(dataset: Dataset) -> bytes:
    """Draw images, unchanged and changed in each way."""
    pictures = dataset.train_images[[1, 7, 12, 5]].reshape(-1, 28, 28).astype(np.float32)
    others = dataset.train_images[[4, 25, 0, 18]].reshape(-1, 28, 28).astype(np.float32)
    sources = move_sources((28, 28), 0, 0.1)
    assert sources is not None
    mapped = np.stack([image.reshape(-1)[sources[i]].reshape(28, 28) for i, image in enumerate(pictures, start=4)])
    mixed = pictures.reshape(4, -1).copy()
    mix(mixed, others.reshape(4, -1).copy(), np.array([0.5, 0.65, 0.8, 0.95], np.float32))
    shifted = np.pad(pictures, [(0, 0), (2, 2), (2, 2)], mode="edge")[:, :28, 4:32]
    rows: dict[str, NDArray[Any]] = {
        "as it is": pictures,
        "mirrored": pictures[:, :, ::-1],
        "shifted by 2": shifted,
        "affine map": mapped,
        "mixed": mixed.reshape(-1, 28, 28),
    }
    with new_figure(6.4, 1.75 * len(rows)) as figure:
        panels = figure.subplots(len(rows), 4)
        for row, (name, shown) in enumerate(rows.items()):
            for axes, picture, share in zip(panels[row], shown, (0.5, 0.65, 0.8, 0.95), strict=True):
                axes.imshow(picture, cmap="gray_r", vmin=0, vmax=255)
                axes.set_xticks([])
                axes.set_yticks([])
                axes.spines[:].set_color(FAINT)
                if name == "mixed":
                    axes.set_xlabel(f"share {share:.2f}", fontsize=9)
            panels[row][0].set_ylabel(name)
        return png(figure)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the networks that are not kept yet, and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draw", action="store_true", help="draw from the kept data")
    parser.add_argument("--epochs", type=int, default=PLAIN["epochs"])
    parser.add_argument("--images", type=int, help="the number of training images, for a trial")
    given = parser.parse_args(arguments)
    dataset = load_dataset()
    if given.images is not None:
        chosen = slice(0, given.images)
        dataset = replace(dataset, train_images=dataset.train_images[chosen], train_labels=dataset.train_labels[chosen])
    is_trial = given.images is not None or given.epochs != PLAIN["epochs"]
    folder = KEPT / f"trial-{given.epochs}-{given.images}" if is_trial else KEPT
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, dict[str, NDArray[Any]]] = {}
    for name in ADDED:
        path = folder / f"{name.replace(' ', '-')}.npz"
        if not given.draw and not path.exists():
            np.savez(path, **train(name, dataset, given.epochs))
            print(name, flush=True)
        with np.load(path) as kept:
            found[name] = dict(kept)
    draw(found, dataset, folder if is_trial else IMAGES)


if __name__ == "__main__":
    main()
