"""What `same_bits.py` trains, tests and searches with each of two versions. It uses only public commands and names.

A scenario is a function that writes files into the current folder. `python benchmarks/scenarios.py NAME` runs one.
"""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import barenet

__all__ = ["SCENARIOS", "WHOLE"]

SMALL = "small.npz"
N_CLASSES, SIDE = 10, 12
COMMAND = [sys.executable, "-m", "barenet"]


def images(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return n images (n, SIDE, SIDE) of bytes, one noisy pattern for each class, and their labels."""
    patterns = np.random.default_rng(0).integers(0, 256, (N_CLASSES, SIDE, SIDE))
    rng = np.random.default_rng((seed, n))
    labels = rng.integers(0, N_CLASSES, n)
    noise = rng.integers(0, 256, (n, SIDE, SIDE))
    return ((patterns[labels] + 3 * noise) // 4).astype(np.uint8), labels


def write_small() -> None:
    """Write 3,000 training and 700 test images as `small.npz`."""
    x_train, y_train = images(3000)
    x_test, y_test = images(700, seed=1)
    np.savez(SMALL, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)


def barenet_command(name: str, *arguments: str, exit_code: int = 0) -> None:
    """Run a command, and keep what it prints, or its error, as `name.out`."""
    done = subprocess.run([*COMMAND, *arguments], check=False, capture_output=True, text=True, encoding="utf-8")
    if done.returncode != exit_code:
        raise RuntimeError(f"barenet {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
    printed = done.stdout if exit_code == 0 else done.stderr.strip().splitlines()[-1]
    Path(f"{name}.out").write_text(printed, "utf-8")


def train_command(name: str, *flags: str) -> None:
    """Train into the run `name`, and test it."""
    barenet_command(f"train-{name}", "train", "--quiet", "--json", "--name", name, *flags)
    barenet_command(f"test-{name}", "test", f"runs/{name}", "--quiet", "--json")


def train_small(name: str, *flags: str) -> None:
    """Train on the small data set into the run `name`, and test it."""
    write_small()
    train_command(name, "--data", SMALL, "--batch-size", "32", "--data.n-valid", "500", "--hidden", "24,16", *flags)


def train_arrays(name: str, **settings: Any) -> barenet.Predictor:
    """Train on the small data set from Python into the run `name`; return its predictor."""
    defaults = {"hidden_sizes": (24, 16), "batch_size": 32, "epochs": 2, "n_valid": 500}
    x_test, y_test = images(700, seed=1)
    result = barenet.train(
        *images(3000), x_test=x_test, y_test=y_test, name=name, verbose=False, **{**defaults, **settings}
    )
    assert result.folder is not None
    return barenet.load(
        result.folder,
        activations=[value for value in settings.values() if isinstance(value, barenet.Activation)],
        loss=next((value for value in settings.values() if isinstance(value, barenet.Loss)), None),
    )


def quick() -> None:
    """Train two epochs with the recipe quick."""
    train_command("quick", "--epochs", "2")


def quick_whole() -> None:
    """Train all epochs of the recipe quick."""
    train_command("quick")


def course() -> None:
    """Train two epochs with the recipe course."""
    train_command("course", "--recipe", "course", "--epochs", "2", "--trainer.eval-every", "1")


def momentum() -> None:
    """Train by SGD with momentum, L2 and clipping, without and with Nesterov's rule."""
    flags = ("--recipe", "course", "--epochs", "3", "--optimizer.momentum", "0.9", "--optimizer.clip-norm", "1")
    train_small("momentum", *flags)
    train_small("nesterov", *flags, "--optimizer.nesterov")


def dropout() -> None:
    """Train with dropout of units and pixels, shifted and mirrored images."""
    drop = ("--model.dropout", "0.3", "--model.input-dropout", "0.1")
    train_small("dropout", "--epochs", "3", *drop, "--data.shift", "2", "--data.mirror")
    train_small("dropout-seeds", "--epochs", "3", *drop, "--data.shift", "1", "--n-seeds", "2")


def stack_of_sgd() -> None:
    """Train three networks together by plain SGD; together they are too large for the cache."""
    train_command("sgd", "--recipe", "course", "--epochs", "1", "--n-seeds", "3")


def stack_of_adamw() -> None:
    """Train two networks together by AdamW."""
    train_command("adamw", "--epochs", "1", "--n-seeds", "2")
    train_small("small-adamw", "--epochs", "3", "--n-seeds", "2")


def resume() -> None:
    """Terminate a run after a few epochs, and continue it."""
    write_small()
    flags = ("--data", SMALL, "--name", "stopped", "--epochs", "20", "--n-seeds", "2", "--quiet", "--batch-size", "16")
    history = Path("runs/stopped/seed-1/history.jsonl")
    process = subprocess.Popen([*COMMAND, "train", *flags, "--data.n-valid", "500"], stderr=subprocess.DEVNULL)
    while process.poll() is None and not (history.exists() and history.read_text("utf-8").count("\n") >= 3):
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    if process.wait() == 0:
        raise RuntimeError("the run ended before it was terminated: it needs more epochs")
    barenet_command("resumed", "train", "--resume", "runs/stopped", "--quiet", "--json")


def arrays() -> None:
    """Train on arrays with validation images, as bytes and as floats, and predict from each kind of input."""
    x_val, y_val = images(333, seed=2)
    x, y = images(2000)
    x_new, _ = images(77, seed=3)
    for name, scale in (("bytes", None), ("floats", np.float32(255))):
        as_given = [a if scale is None else (a / scale).astype(np.float32) for a in (x, x_val, x_new)]
        result = barenet.train(
            as_given[0], y, x_val=as_given[1], y_val=y_val, name=name, verbose=False, epochs=2, hidden_sizes=(20,)
        )
        assert result.folder is not None
        np.save(f"{name}.npy", barenet.load(result.folder).predict_proba(as_given[2]))


def table() -> None:
    """Train on a table of features, which are standardised."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 900)
    features = rng.normal(size=(900, 5)) * [1, 10, 100, 0.1, 1] + labels[:, None]
    with Path("table.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["a", "b", "c", "d", "e", "label"])
        rows.writerows([*row, f"kind{label}"] for row, label in zip(features.round(6), labels, strict=True))
    flags = ("--data", "table.csv", "--epochs", "5", "--hidden", "12")
    barenet_command("table", "train", "--quiet", "--json", "--name", "table", *flags)
    np.save("table.npy", barenet.load("runs/table").predict_proba(features))


def uneven_validation() -> None:
    """Validate on images whose number is not a multiple of the chunk's size."""
    train_command("uneven", "--epochs", "1", "--data.n-valid", "5010")


def early_stopping() -> None:
    """Let networks of a stack stop at different epochs, by their loss and by their accuracy."""
    patience = ("--trainer.patience", "2", "--epochs", "60", "--n-seeds", "3")
    train_small("stopped-by-loss", *patience, "--trainer.metric", "loss")
    train_small("stopped-by-accuracy", *patience, "--trainer.metric", "acc")


def divergence() -> None:
    """Let one network of a stack diverge, and then all."""
    flags = ("--recipe", "course", "--epochs", "4", "--n-seeds", "4", "--trainer.eval-every", "1")
    train_small("some", *flags, "--model.loss", "mse", "--lr", DIVERGING_RATE)
    write_small()
    name = ("--name", "all", "--quiet", "--data", SMALL, "--data.n-valid", "500")
    barenet_command("all", "train", *flags, *name, "--lr", "1e30", exit_code=4)


def losses() -> None:
    """Train with each loss, without and with a softmax layer; with label smoothing; and without hidden layers."""
    rows = [
        {"input_dim": SIDE * SIDE, "output_dim": 24, "activation": "tanh"},
        {"input_dim": 24, "output_dim": N_CLASSES, "activation": "softmax"},
    ]
    for loss in ("cross_entropy", "mse", "hinge"):
        train_arrays(f"{loss}-linear", loss=loss, label_smoothing=0.0)
        train_arrays(f"{loss}-softmax", loss=loss, label_smoothing=0.0, layers=rows)
    train_arrays("smoothed", label_smoothing=0.2)
    train_arrays("no-hidden-layer", hidden_sizes=())


def activations() -> None:
    """Train with each activation."""
    for name in ("relu", "leaky_relu", "sigmoid", "tanh", "elu", "gelu", "silu", "softplus", "identity", "softmax"):
        train_arrays(name, activation=name)


def optimizers() -> None:
    """Train with each optimizer, schedule and initializer, in stacks of two."""
    for name in ("sgd", "adam", "adamw"):
        train_arrays(name, optimizer=name, learning_rate=0.01, weight_decay=0.01 if name == "adamw" else 0.0, n_seeds=2)
    for name in ("constant", "cosine", "one_cycle"):
        train_arrays(name, schedule=name)
    for name in ("step", "exponential"):
        train_arrays(name, schedule=name, decay_rate=0.9, decay_step=20)
    for name in ("he", "glorot", "lecun", "course"):
        train_arrays(name, initializer=name, l2=1e-3, average_decay=0.9)


def custom() -> None:
    """Train with an activation and a loss from Python functions."""
    square = barenet.Activation.custom("square", lambda z: z * z / 4, lambda da, z, a: da * z / 2)

    def difference(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return logits - np.eye(logits.shape[-1], dtype=logits.dtype)[labels]

    loss = barenet.Loss.custom(
        "distance",
        lambda logits, labels: (difference(logits, labels) ** 2).sum(axis=-1).mean(axis=-1),
        lambda logits, labels: 2 * difference(logits, labels) / logits.shape[-2],
    )
    predictor = train_arrays("custom", activation=square, loss=loss, label_smoothing=0.0, learning_rate=1e-3)
    np.save("custom.npy", predictor.predict_proba(images(50, seed=4)[0]))


def search() -> None:
    """Search a grid by halving, repeat the best settings with two seeds, and train the winner again."""
    write_small()
    grid = ("--grid", "lr=0.1,0.02", "--grid", "hidden_sizes=24-16,16")
    data = ("--data", SMALL, "--data.n-valid", "500", "--recipe", "course", "--batch-size", "32")
    halving = ("--epochs", "4", "--trainer.eval-every", "1", "--halving", "--eta", "2", "--min-epochs", "1")
    after = ("--repeats", "2", "--repeat-best", "2", "--retrain", "--workers", "2")
    barenet_command("search", "search", *grid, *data, *halving, *after, "--name", "grid", "--quiet", "--json")
    barenet_command("best", "test", "studies/grid/best", "--quiet", "--json")


def search_in_python() -> None:
    """Search ranges by TPE in one process, one setting with a condition; and a grid with a diverging learning rate."""
    x, y = images(1500)
    x_val, y_val = images(400, seed=2)
    space = {
        "lr": {"low": 0.001, "high": 0.1, "log": True},
        "optimizer.name": ["sgd", "adamw"],
        "momentum": {"choices": [0.0, 0.9], "when": {"optimizer.name": "sgd"}},
        "activation": ["relu", "tanh"],
    }
    given = {"x": x, "y": y, "x_val": x_val, "y_val": y_val, "x_test": x_val, "y_test": y_val}
    settings = {"epochs": 3, "hidden_sizes": (16,), "batch_size": 50, "verbose": False, "workers": 0}
    tpe = {"strategy": "tpe", "trials": 12, "round_size": 4, "score": "best", "retrain": True}
    results = [
        barenet.search(space, name="tpe", recipe="quick", **given, **settings, **tpe),
        barenet.search({"lr": [0.05, 0.02, 1e30]}, name="diverging", recipe="course", **given, **settings),
    ]
    Path("searches.out").write_text(json.dumps([result.as_dict() for result in results]), "utf-8")


def estimator() -> None:
    """Fit scikit-learn's estimator: with weights, with early stopping, and a second time."""
    from barenet.sklearn import BarenetClassifier

    rng = np.random.default_rng(0)
    y = rng.choice(["a", "b", "c"], 600, p=[0.6, 0.3, 0.1])
    X = rng.normal(size=(600, 7)) + (y[:, None] == ["a", "b", "c", "a", "b", "c", "a"])
    kinds = {
        "plain": {},
        "early": {"early_stopping": True, "patience": 3, "epochs": 60},
        "sgd": {"optimizer": "sgd", "momentum": 0.9, "batch_size": 32, "learning_rate": 0.05},
        "balanced": {"class_weight": "balanced", "optimizer": "adamw", "weight_decay": 0.01, "average_decay": 0.9},
        "warm": {"warm_start": True, "epochs": 10},
    }
    for name, parameters in kinds.items():
        model = BarenetClassifier(random_state=0, **{"epochs": 15, **parameters})
        model.fit(X, y, sample_weight=None if name == "early" else rng.uniform(0.5, 2, 600))
        if name == "warm":
            model.fit(X[:300], y[:300])
            model.partial_fit(X[300:], y[300:])
        np.save(f"{name}.npy", model.predict_proba(X))
        np.save(f"{name}-losses.npy", np.asarray(model.loss_curve_))


DIVERGING_RATE = "3"  # with it some seeds diverge and others do not
SCENARIOS: dict[str, Callable[[], None]] = {
    f.__name__: f
    for f in (
        quick,
        course,
        momentum,
        dropout,
        stack_of_sgd,
        stack_of_adamw,
        resume,
        arrays,
        table,
        uneven_validation,
        early_stopping,
        divergence,
        losses,
        activations,
        optimizers,
        custom,
        search,
        search_in_python,
        estimator,
    )
}
WHOLE: dict[str, Callable[[], None]] = {"quick_whole": quick_whole}  # half a minute each time

if __name__ == "__main__":
    (SCENARIOS | WHOLE)[sys.argv[1]]()
