"""Compare large networks on a GPU, by validation only; done before the recipes strong and best were written.

    python benchmarks/candidates.py run                    trains all groups of candidates.toml, on one GPU
    python benchmarks/candidates.py run --group "3 x 512"  only one of them
    python benchmarks/candidates.py write                  the table of docs/results.md, from results/candidates.json

    python benchmarks/candidates.py run --epochs 2 --images 6000 --group "3 x 256, short" --into /tmp/trial.json

is a trial on a CPU. This script has barenet's training in JAX (`pip install ".[bench]"`), since a CPU cannot train so
many candidates. Layers, losses, learning rule and changes of images are the same; random numbers differ, and a GPU
multiplies with 10-bit mantissas. So the script only compares candidates, and barenet trains the best ones again.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import math
import tomllib
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import barenet
from barenet.data.augmentation import mirror_images, move_sources
from barenet.nn.layers.batch_norm import GHOST
from barenet.storage.files import replace_file

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "candidates.json"
PAGE = HERE.parent / "docs" / "results.md"
MARKS = ("<!-- candidates: written by python benchmarks/candidates.py write -->", "<!-- end of the candidates -->")
SIDE, N_CLASSES = 28, 10
N_SPLITS = 2
SHARES = 4096  # the number of quantiles for the distribution of mixup's shares
ACTIVATIONS = {"gelu": jax.nn.gelu, "relu": jax.nn.relu}
# The settings that may differ between candidates of a group, besides mixup and the moves of images.
NUMBERS = (
    *("erase", "cut", "dropout", "label_smoothing"),
    *("learning_rate", "weight_decay", "beta2", "average_decay"),
)
Numbers = dict[str, Any]


def read_groups() -> list[dict[str, Any]]:
    """Return the groups of candidates.toml: their names, the settings of each candidate, and its changes."""
    tables = tomllib.loads((HERE / "candidates.toml").read_text("utf-8"))
    return [
        {
            "name": group["name"],
            "settings": tables["base"] | group["settings"],
            "changes": group["changes"],
            "candidates": [tables["base"] | group["settings"] | changes for changes in group["changes"]],
        }
        for group in tables["groups"]
    ]


# The network


def initial(sizes: list[int], seed: int) -> tuple[list[Any], list[Any]]:
    """Return weights by He's rule and biases of 0."""
    random = np.random.default_rng(seed)
    pairs = list(itertools.pairwise(sizes))
    weights = [(random.standard_normal(pair) * math.sqrt(2 / pair[0])).astype(np.float32) for pair in pairs]
    return weights, [np.zeros(n, np.float32) for _, n in pairs]


def normalise(z: Any, kind: str, statistics: Any) -> tuple[Any, Any]:
    """Return z (B, H) normalised, and the mean statistics of its ghost batches; or normalise with `statistics`."""
    if kind == "layer":
        mean, variance = z.mean(-1, keepdims=True), z.var(-1, keepdims=True)
        return (z - mean) * jax.lax.rsqrt(variance + 1e-5), None
    if statistics is not None:
        mean, variance = statistics
        return (z - mean) * jax.lax.rsqrt(variance + 1e-5), statistics
    ghosts = z.reshape(len(z) // GHOST, GHOST, -1)
    mean, variance = ghosts.mean(1, keepdims=True), ghosts.var(1, keepdims=True)
    normalised = ((ghosts - mean) * jax.lax.rsqrt(variance + 1e-5)).reshape(z.shape)
    return normalised, (mean.mean((0, 1)), variance.mean((0, 1)))


def forward(
    settings: dict[str, Any], parameters: Any, x: Any, *, statistics: Any = None, key: Any = None, dropout: Any = 0.0
) -> Any:
    """Return logits (B, C) and each hidden layer's statistics; in evaluation `statistics` are given, and no key."""
    weights, biases = parameters
    found = []
    for i in range(len(weights) - 1):
        before, z = x, x @ weights[i]
        if settings["normalization"] != "none":
            z, of_this_layer = normalise(z, settings["normalization"], None if key is not None else statistics[i])
            found.append(of_this_layer)
        x = ACTIVATIONS[settings["activation"]](z + biases[i])
        if settings["residual"] and before.shape == x.shape:
            x = x + before
        if key is not None:
            key, of_layer = jax.random.split(key)
            x = x * jax.random.bernoulli(of_layer, 1 - dropout, x.shape) / (1 - dropout)
    return x @ weights[-1] + biases[-1], found


# The images


def all_moves(candidates: list[dict[str, Any]]) -> tuple[Any, list[tuple[int, int]]]:
    """Return the sources of all candidates' moves in one table, and the first row and number of rows of each."""
    tables: dict[Any, Any] = {}
    for candidate in candidates:
        key = candidate["shift"], candidate["affine"], candidate["mirror"]
        sources = move_sources((SIDE, SIDE), candidate["shift"], candidate["affine"])
        table = np.arange(SIDE * SIDE)[None] if sources is None else sources
        tables[key] = np.concatenate([table, mirror_images(table, (SIDE, SIDE))]) if candidate["mirror"] else table
    starts = dict(zip(tables, np.cumsum([0, *(len(table) for table in tables.values())]), strict=False))
    places = [
        (
            int(starts[candidate["shift"], candidate["affine"], candidate["mirror"]]),
            len(tables[candidate["shift"], candidate["affine"], candidate["mirror"]]),
        )
        for candidate in candidates
    ]
    return jnp.asarray(np.concatenate(list(tables.values())), jnp.int32), places


def quantiles(alpha: float) -> Any:
    """Return quantiles (SHARES,) of the larger one of s and 1 - s, s from Beta(alpha, alpha); 1 without mixup."""
    if alpha == 0:
        return np.ones(SHARES, np.float32)
    s = np.random.default_rng(0).beta(alpha, alpha, 400_000)
    return np.quantile(np.maximum(s, 1 - s), np.linspace(0, 1, SHARES)).astype(np.float32)


def draw_batch(data: dict[str, Any], numbers: Numbers, rows: Any, key: Any) -> tuple[Any, Any]:
    """Return images (B, D), moved and mixed with other images, and their soft labels (B, C)."""
    keys = jax.random.split(key, 5)
    n = len(rows)
    others = data["train_rows"][numbers["split"]][jax.random.randint(keys[0], (n,), 0, data["train_rows"].shape[1])]

    def moved(chosen: Any, key: Any) -> Any:
        which = numbers["first_move"] + (jax.random.uniform(key, (n,)) * numbers["n_moves"]).astype(jnp.int32)
        return data["images"][chosen[:, None], data["moves"][which]].astype(jnp.float32) / 255

    def soft(chosen: Any) -> Any:
        one_hot = jax.nn.one_hot(data["labels"][chosen], N_CLASSES)
        return one_hot * (1 - numbers["label_smoothing"]) + numbers["label_smoothing"] / N_CLASSES

    first, second = moved(rows, keys[1]), moved(others, keys[2])
    share = numbers["shares"][jax.random.randint(keys[3], (n,), 0, SHARES)][:, None]
    u = jax.random.uniform(keys[4], (n, 6, 1))
    pixels = jnp.arange(SIDE * SIDE)[None]
    inside_rows = jnp.abs(pixels // SIDE - SIDE * u[:, 0]) < 2 + 6 * u[:, 2]
    inside = inside_rows & (jnp.abs(pixels % SIDE - SIDE * u[:, 1]) < 2 + 6 * u[:, 3])
    is_cut, is_erased = u[:, 4] < numbers["cut"], u[:, 5] < numbers["erase"]
    share = jnp.where(is_cut, 1 - inside.mean(-1, keepdims=True), share)
    x = jnp.where(is_cut, jnp.where(inside, second, first), share * first + (1 - share) * second)
    x = jnp.where(is_erased & inside & ~is_cut, 0.0, x)
    return x, share * soft(rows) + (1 - share) * soft(others)


# Training


def step(settings: dict[str, Any], data: dict[str, Any], numbers: Numbers, state: Any, numbered: Any) -> Any:
    """Return the state after a step of AdamW, with averaged weights and running statistics.

    numbered: the number of the step, counted from 0, and the rows of its images.
    """
    t, rows = numbered
    parameters, moments, squares, averages, statistics, key = state
    key, of_batch, of_dropout = jax.random.split(key, 3)
    x, labels = draw_batch(data, numbers, rows, of_batch)

    def loss(parameters: Any) -> Any:
        logits, found = forward(settings, parameters, x, key=of_dropout, dropout=numbers["dropout"])
        return -(labels * jax.nn.log_softmax(logits)).sum(-1).mean(), found

    (_, found), gradients = jax.value_and_grad(loss, has_aux=True)(parameters)
    n_epoch = data["train_rows"].shape[1] // settings["batch_size"]
    progress = (t - n_epoch) / (n_epoch * (settings["epochs"] - 1))
    rise, fall = (t + 1) / n_epoch, 0.5 * (1 + jnp.cos(jnp.pi * progress))
    rate = numbers["learning_rate"] * jnp.where(t < n_epoch, rise, fall)
    decay = jnp.minimum(numbers["average_decay"], (2 + t) / (11 + t))
    slower = jnp.minimum(jnp.maximum(numbers["average_decay"], 0.99), (2 + t) / (11 + t))
    moments = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, moments, gradients)
    squares = jax.tree.map(lambda v, g: numbers["beta2"] * v + (1 - numbers["beta2"]) * g * g, squares, gradients)
    first, second = 1 - 0.9 ** (t + 1), 1 - numbers["beta2"] ** (t + 1)

    def update(w: Any, m: Any, v: Any) -> Any:
        kept = 1 - rate * numbers["weight_decay"] if w.ndim == 2 else 1.0
        return w * kept - rate * (m / first) / (jnp.sqrt(v / second) + 1e-8)

    parameters = jax.tree.map(update, parameters, moments, squares)
    averages = jax.tree.map(lambda a, w: a + (1 - decay) * (w - a), averages, parameters)
    if settings["normalization"] == "batch":
        statistics = jax.tree.map(lambda s, f: s + (1 - slower) * (f - s), statistics, found)
    return parameters, moments, squares, averages, statistics, key


def train_epoch(settings: dict[str, Any], data: dict[str, Any], state: Any, numbers: Numbers, epoch: Any) -> Any:
    """Return the state after an epoch; an incomplete last batch is left out."""
    *rest, key = state
    key, of_order = jax.random.split(key)
    rows = jax.random.permutation(of_order, data["train_rows"][numbers["split"]])
    batches = rows[: len(rows) // settings["batch_size"] * settings["batch_size"]].reshape(-1, settings["batch_size"])

    def one(state: Any, numbered: Any) -> Any:
        i, chosen = numbered
        t = (epoch * len(batches) + i).astype(jnp.float32)
        return step(settings, data, numbers, state, (t, chosen)), None

    return jax.lax.scan(one, (*rest, key), (jnp.arange(len(batches)), batches))[0]


def validate(settings: dict[str, Any], data: dict[str, Any], state: Any, numbers: Numbers) -> Any:
    """Return accuracy and mean loss of the averaged weights on the images held out."""
    rows = data["valid_rows"][numbers["split"]]
    labels = data["labels"][rows]
    given = state[4] or [None] * len(settings["hidden_sizes"])
    logits, _ = forward(settings, state[3], data["images"][rows].astype(jnp.float32) / 255, statistics=given)
    losses = -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], -1)
    return (logits.argmax(-1) == labels).mean(), losses.mean()


def train_group(group: dict[str, Any], epochs: int | None, n_images: int | None) -> list[dict[str, Any]]:
    """Train the candidates of a group on all splits, in parallel; return the results of each."""
    settings = group["settings"] | ({} if epochs is None else {"epochs": epochs})
    dataset = barenet.load_dataset()
    n = n_images or len(dataset.train_images)
    order = np.random.default_rng(7).permutation(len(dataset.train_images))[:n]
    held_out = [order[n // 6 * split : n // 6 * (split + 1)] for split in range(N_SPLITS)]
    candidates = [candidate for candidate in group["candidates"] for _ in range(N_SPLITS)]
    splits = np.arange(len(candidates)) % N_SPLITS
    moves, places = all_moves(candidates)
    data = {
        "images": jnp.asarray(dataset.train_images.reshape(-1, SIDE * SIDE)),
        "labels": jnp.asarray(dataset.train_labels),
        "train_rows": jnp.asarray(np.stack([np.setdiff1d(order, rows) for rows in held_out])),
        "valid_rows": jnp.asarray(np.stack(held_out)),
        "moves": moves,
    }
    numbers: Numbers = {
        name: jnp.asarray([candidate[name] for candidate in candidates], jnp.float32) for name in NUMBERS
    }
    numbers["first_move"], numbers["n_moves"] = (jnp.asarray(column) for column in zip(*places, strict=True))
    numbers["shares"] = jnp.asarray(np.stack([quantiles(candidate["mixup"]) for candidate in candidates]))
    numbers["split"] = jnp.asarray(splits)
    sizes = [SIDE * SIDE, *settings["hidden_sizes"], N_CLASSES]
    parameters = jax.tree.map(lambda *arrays: jnp.stack(arrays), *[initial(sizes, 1 + split) for split in splits])
    nothing = jax.tree.map(jnp.zeros_like, parameters)
    statistics = [
        (jnp.zeros((len(splits), units)), jnp.ones((len(splits), units)))
        for units in settings["hidden_sizes"] * (settings["normalization"] == "batch")
    ]
    keys = jax.random.split(jax.random.key(0), len(splits))
    state: Any = (parameters, nothing, nothing, parameters, statistics, keys)
    epoch = jax.jit(jax.vmap(functools.partial(train_epoch, settings, data), (0, 0, None)))
    for number in range(settings["epochs"]):
        state = epoch(state, numbers, number)
    accuracies, losses = jax.jit(jax.vmap(functools.partial(validate, settings, data)))(state, numbers)
    found = []
    for i, changes in enumerate(group["changes"]):
        part = slice(N_SPLITS * i, N_SPLITS * (i + 1))
        shown = {"accuracies": accuracies, "losses": losses}
        found.append(
            {"changes": changes} | {name: [round(float(v), 4) for v in all_[part]] for name, all_ in shown.items()}
        )
        print(group["name"], changes, found[-1]["accuracies"], flush=True)
    return found


# Writing


def words_of(changes: dict[str, Any]) -> str:
    """Return the changes of a candidate in words."""
    return ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in changes.items()) or "as it is"


def write() -> None:
    """Write the table between the page's marks."""
    known = json.loads(RESULTS.read_text("utf-8"))
    rows = ["| network | epochs | changed | validation, % | loss |", "|---|---|---|---|---|"]
    groups = read_groups()
    best = max(np.mean(candidate["accuracies"]) for found in known["groups"].values() for candidate in found)
    for group in groups:
        for i, candidate in enumerate(known["groups"].get(group["name"], [])):
            accuracy, loss = (float(np.mean(candidate[name])) for name in ("accuracies", "losses"))
            shown = f"**{100 * accuracy:.2f}**" if accuracy == best else f"{100 * accuracy:.2f}"
            name, epochs = (group["name"], f"{group['settings']['epochs']}") if i == 0 else ("", "")
            rows.append(f"| {name} | {epochs} | {words_of(candidate['changes'])} | {shown} | {loss:.3f} |")
    before, begins, rest = PAGE.read_text("utf-8").partition(MARKS[0])
    _, ends, after = rest.partition(MARKS[1])
    if not ends:
        raise SystemExit(f"{PAGE} lacks the lines {MARKS[0]} and {MARKS[1]} around the table of candidates")
    replace_file(PAGE, "".join([before, begins, "\n\n", "\n".join(rows), "\n\n", ends, after]))


def main() -> None:
    """Run the chosen command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "write"))
    parser.add_argument("--group", help="the name of one group [all]")
    parser.add_argument("--epochs", type=int, help="of each training [as candidates.toml says]")
    parser.add_argument("--images", type=int, help="train and validate on so many of the training images [all]")
    parser.add_argument("--into", type=Path, default=RESULTS, help="the file for the figures [results/candidates.json]")
    given = parser.parse_args()
    if given.what == "write":
        write()
        return
    jax.config.update("jax_default_prng_impl", "unsafe_rbg")  # faster, and good enough for dropout
    known = json.loads(given.into.read_text("utf-8")) if given.into.exists() else {"groups": {}}
    for group in read_groups():
        if given.group in (None, group["name"]):
            known["groups"][group["name"]] = train_group(group, given.epochs, given.images)
            known["machine"] = f"{jax.devices()[0].device_kind}, JAX {jax.__version__}"
            replace_file(given.into, json.dumps(known, indent=1) + "\n")


if __name__ == "__main__":
    main()
