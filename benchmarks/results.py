"""Measure the recipes on Fashion-MNIST: each finished seed is kept as JSON, and written into docs/results.md.

    python benchmarks/results.py train strong --seeds 0 1 2        adds each finished seed to results/strong.json
    python benchmarks/results.py train quick --engine numpy        the same without compiled kernels, for its time
    python benchmarks/results.py average strong                    the average of its seeds, from their runs
    python benchmarks/results.py average best --seeds 1 2          the average of those whose runs are there
    python benchmarks/results.py write                             the tables of docs/results.md

Runs are in `runs/results/`; a stopped run is continued. Only validation decides which weights are kept. The test images
are read once for each finished seed, and once more with their mirror images.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from barenet.config.reading import RECIPES
from barenet.messages import count
from barenet.run_folders.machine import read_machine
from barenet.storage.files import replace_file

HERE = Path(__file__).parent
RESULTS = HERE / "results"
PAGE = HERE.parent / "docs" / "results.md"
RUNS = Path("runs") / "results"
MARKS = ("<!-- recipes: written by python benchmarks/results.py write -->", "<!-- end of the recipes -->")
SINGLE = [recipe for recipe in RECIPES if recipe != "ensemble"]
WITHOUT = "-numpy"  # the end of the names of results without compiled kernels


def barenet(*arguments: str) -> dict[str, Any]:
    """Return what a command of barenet prints as JSON."""
    command = [sys.executable, "-m", "barenet", *arguments, "--json", "--quiet"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8")
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def read(name: str) -> dict[str, Any]:
    """Return the kept results of a recipe."""
    path = RESULTS / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {"seeds": {}}
    return found


def keep(name: str, found: dict[str, Any]) -> None:
    """Write the results of a recipe."""
    RESULTS.mkdir(exist_ok=True)
    replace_file(RESULTS / f"{name}.json", json.dumps(found, indent=1, sort_keys=True) + "\n")


def train(recipe: str, seed: int, engine: str) -> None:
    """Train one seed, or continue it, and keep its figures."""
    name = recipe + (WITHOUT if engine == "numpy" else "")
    run = RUNS / f"{name}-{seed}"
    if (run / "config.toml").exists():
        barenet("train", "--resume", str(run))
    else:
        where = ("--output", str(RUNS), "--name", run.name)
        barenet("train", "--recipe", recipe, "--seed", str(seed), "--trainer.engine", engine, *where)
    plain, mirrored = barenet("test", str(run)), barenet("test", str(run), "--mirror")
    records = [json.loads(line) for line in (run / "history.jsonl").read_text("utf-8").splitlines()]
    found = read(name)
    found["seeds"][str(seed)] = {
        "validation_accuracy": max(
            record["valid_accuracy"] for record in records if record["valid_accuracy"] is not None
        ),
        "test_accuracy": plain["test_accuracy"],
        "mirrored_test_accuracy": mirrored["test_accuracy"],
        "epoch_seconds": statistics.median(record["seconds"] for record in records),
        "training_seconds": round(sum(record["seconds"] for record in records), 1),
        "machine": read_machine(run),
        "settings": (run / "config.toml").read_text("utf-8"),
    }
    keep(name, found)
    print(f"{name} {seed}: {100 * plain['test_accuracy']:.2f} %", flush=True)


def average(recipe: str, chosen: list[int]) -> None:
    """Average the probabilities of the chosen seeds of a recipe, or of all, and keep the results of the average."""
    found = read(recipe)
    seeds = [str(seed) for seed in chosen] or sorted(found["seeds"], key=int)
    folder = RUNS / f"{recipe}-average-of-{'-'.join(seeds)}"
    if not folder.exists():
        members = (str(RUNS / f"{recipe}-{seed}") for seed in seeds)
        barenet("ensemble", *members, "--output", str(RUNS), "--name", folder.name)
    found["average"] = {
        "seeds": [int(seed) for seed in seeds],
        "test_accuracy": barenet("test", str(folder))["test_accuracy"],
        "mirrored_test_accuracy": barenet("test", str(folder), "--mirror")["test_accuracy"],
    }
    keep(recipe, found)


def spread(values: list[float]) -> str:
    """Return the mean and the standard deviation of accuracies in percent."""
    percent = [100 * value for value in values]
    deviation = f" ± {statistics.stdev(percent):.2f}" if len(percent) > 1 else ""
    return f"{statistics.mean(percent):.2f}{deviation}"


def duration(seconds: float) -> str:
    """Return a time in seconds or minutes, whichever is easier to read."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def single_rows() -> list[str]:
    """Return the table of single networks as Markdown."""
    rows = [
        "| recipe | network | epochs | seeds | validation, % | test, % | with mirror images, % | training |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in [name for recipe in SINGLE for name in (recipe, recipe + WITHOUT)]:
        seeds = list(read(name)["seeds"].values())
        if not seeds:
            continue
        settings = seeds[0]["settings"]
        sizes = re.findall(r"\d+", re.findall(r"(?m)^hidden_sizes = \[([^]]*)\]", settings)[0])
        [epochs] = re.findall(r"(?m)^epochs = (\d+)", settings)
        recipe = name.removesuffix(WITHOUT)
        cells = [
            f"`{recipe}`" + (", without Numba" if name != recipe else ""),
            "-".join(["784", *sizes, "10"]),
            epochs,
            f"{len(seeds)}",
            *(
                spread([seed[key] for seed in seeds])
                for key in ("validation_accuracy", "test_accuracy", "mirrored_test_accuracy")
            ),
            duration(int(epochs) * min(seed["epoch_seconds"] for seed in seeds)),  # of the least disturbed seed
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def average_rows() -> list[str]:
    """Return the table of averages of networks as Markdown, without rows if there are none."""
    rows = ["| average of | networks | test, % | with mirror images, % |", "|---|---|---|---|"]
    for recipe in SINGLE:
        found = read(recipe).get("average")
        if found is not None:
            both = f"{100 * found['test_accuracy']:.2f} | {100 * found['mirrored_test_accuracy']:.2f}"
            rows.append(f"| `{recipe}` | {len(found['seeds'])} | {both} |")
    return ["", *rows] if len(rows) > 2 else []


def machines() -> str:
    """Return a sentence about the machines on which the figures were measured."""
    seen = [seed["machine"] for name in SINGLE for seed in read(name)["seeds"].values() if seed["machine"]]
    named = sorted(
        {f"{machine['processor']}, {count(machine['cores'], 'core')}, NumPy {machine['NumPy']}" for machine in seen}
    )
    return (
        f"Machine: {'; '.join(named)}. A time is the number of epochs times the median time of one, of the seed that "
        f"other programs disturbed least."
    )


def write() -> None:
    """Write the tables between the page's marks."""
    before, begins, rest = PAGE.read_text("utf-8").partition(MARKS[0])
    _, ends, after = rest.partition(MARKS[1])
    if not ends:
        raise SystemExit(f"{PAGE} lacks the lines {MARKS[0]} and {MARKS[1]} around the table of recipes")
    text = "\n".join([*single_rows(), *average_rows(), "", machines()])
    replace_file(PAGE, f"{before}{begins}\n\n{text}\n\n{ends}{after}")


def main() -> None:
    """Run the chosen command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train", help="train seeds of a recipe and keep what each gives")
    training.add_argument("recipe", choices=SINGLE)
    training.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    training.add_argument("--engine", choices=("compiled", "numpy"), default="compiled")
    averaging = commands.add_parser("average", help="average the seeds of a recipe")
    averaging.add_argument("recipe", choices=SINGLE)
    averaging.add_argument("--seeds", type=int, nargs="+", default=[], help="by default, all that were trained")
    commands.add_parser("write", help="write the tables of docs/results.md")
    given = parser.parse_args()
    if given.command == "train":
        for seed in given.seeds:
            train(given.recipe, seed, given.engine)
    elif given.command == "average":
        average(given.recipe, given.seeds)
    else:
        write()


if __name__ == "__main__":
    main()
