"""Measure what each ingredient of training adds to plain SGD: alone, and together with those before it.

    python benchmarks/ladder.py run      trains all rungs of ladder.toml, and continues where it was stopped
    python benchmarks/ladder.py rates    tries the learning rates and the strength of L2, for 10 epochs
    python benchmarks/ladder.py write    from the files of `run`: benchmarks/results/ladder.json,
                                         docs/images/ladder.png and the table in docs/results.md

    python benchmarks/ladder.py run --images 2000 --epochs 1 --folder studies/trial
    python benchmarks/ladder.py write --folder studies/trial --into /tmp/trial

are a small trial of some minutes. A rung has three seeds, which share the split. All are compared on the validation
images after their last epoch: no epoch is chosen, and the test images are not used.
"""

from __future__ import annotations

import argparse
import json
import math
import tomllib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import barenet
from barenet.config.reading import read_toml
from barenet.errors import BarenetError
from barenet.plots.appearance import FAINT, GREY, INK, new_figure, png, style
from barenet.plots.tuning.points import Row, draw_rows
from barenet.run_folders.machine import read_machine
from barenet.storage.files import replace_file
from barenet.tuning.space.listed import list_points
from barenet.tuning.space.request import read_request
from barenet.tuning.study.folder import StudyFolder

HERE = Path(__file__).parent
MARKS = ("<!-- ladder: written by python benchmarks/ladder.py write -->", "<!-- end of the ladder -->")


@dataclass(frozen=True)
class Rung:
    """The changes of one ingredient; settings in `drops` no longer apply. See ladder.toml."""

    name: str
    adds: str
    settings: dict[str, Any]
    drops: list[str] = field(default_factory=list)
    tried: dict[str, list[Any]] = field(default_factory=dict)
    together: bool = True
    alone: bool = True

    def added_to(self, below: dict[str, Any]) -> dict[str, Any]:
        """Return the settings `below` with this ingredient added."""
        return {name: value for name, value in below.items() if name not in self.drops} | self.settings


@dataclass(frozen=True)
class Ladder:
    """The rungs, their base settings, and the settings of each training by the name of its point.

    together, alone: the name of each rung's point, or None where it is not trained in that way.
    """

    base: dict[str, Any]
    rungs: list[Rung]
    start: str
    points: dict[str, dict[str, Any]]
    together: list[str | None]
    alone: list[str | None]

    def as_points(self) -> list[dict[str, Any]]:
        """Return the points in the form for a search."""
        return [{"name": name, **settings} for name, settings in self.points.items()]


def read_ladder(path: Path = HERE / "ladder.toml") -> Ladder:
    """Return the ladder; a rung whose settings alone and together are the same is trained once."""
    tables = tomllib.loads(path.read_text("utf-8"))
    rungs = [Rung(**row) for row in tables["rungs"]]
    start: str = tables["alone_from"]
    points: dict[str, dict[str, Any]] = {}
    below: dict[str, Any] = {}
    for rung in rungs:
        if rung.together:
            below = points[rung.name] = rung.added_to(below)
    alone: list[str | None] = []
    for rung in rungs:
        settings = rung.added_to(points[start])
        known = next((name for name, other in points.items() if other == settings), f"{start} with {rung.name}")
        alone.append(known if rung.alone else None)
        if rung.alone:
            points[known] = settings
    together = [rung.name if rung.together else None for rung in rungs]
    return Ladder(tables["base"], rungs, start, points, together, alone)


def tried_points(ladder: Ladder) -> list[dict[str, Any]]:
    """Return a point for each value that a rung tries, with the rung alone, or together if it is not trained alone."""
    found = []
    for rung, together, alone in zip(ladder.rungs, ladder.together, ladder.alone, strict=True):
        settings = ladder.points[str(alone or together)]
        found += [
            {**settings, "name": f"{rung.name}, {name} {value:g}", name: value}
            for name, values in rung.tried.items()
            for value in values
        ]
    return found


# Running


def climb(
    points: list[dict[str, Any]],
    base: dict[str, Any],
    folder: Path,
    epochs: int | None,
    seeds: int,
    *,
    images: int | None,
    workers: int | None,
) -> None:
    """Train points with so many seeds, or continue an earlier process; print the first seed of each point."""
    values: dict[str, Any] = {"repeats": seeds - 1, "repeat_best": len(points), "workers": workers}
    if epochs is not None:
        values["epochs"] = epochs
    if images is not None:
        data = barenet.load_dataset()
        pictures = data.train_images[:images].reshape(-1, *data.image_shape)
        values |= {"x": pictures, "y": data.train_labels[:images], "n_valid": max(1, images // 5)}
    if (folder / "study.json").exists():
        where: dict[str, Any] = {"resume": folder}
    else:
        where = {"output": folder.parent, "name": folder.name}
    result = barenet.search(points, base, **where, **values)
    for trial in sorted(result.trials, key=lambda trial: trial.number):
        accuracy = None if trial.lost or trial.last is None else trial.last.valid_accuracy
        print(f"{trial.point['name']}: {trial.ended if accuracy is None else f'{100 * accuracy:.2f} %'}")
    print(result.folder)


# Reading the results


@dataclass(frozen=True)
class Figures:
    """The results of a point: validation accuracy (0-1) and loss of each seed, and mean seconds of training per seed.

    failed: why a seed diverged or failed, or None.
    """

    accuracies: list[float]
    losses: list[float]
    seconds: float
    failed: str | None

    @property
    def mean(self) -> float:
        """The mean of the accuracies, in percent."""
        return 100 * float(np.mean(self.accuracies)) if self.accuracies else math.nan

    @property
    def std(self) -> float:
        """The standard deviation (n - 1) of the accuracies, in percent; NaN for one seed."""
        return 100 * float(np.std(self.accuracies, ddof=1)) if len(self.accuracies) > 1 else math.nan


def read_figures(folder: Path, ladder: Ladder) -> dict[str, Figures]:
    """Return the results of each point by name; raise SystemExit for an unfinished study, or one of another ladder."""
    request, study = read_request(folder), StudyFolder(folder)
    if request.space.listed != list_points({"points": ladder.as_points()}).listed:
        raise SystemExit(f"{folder} was made from another ladder.toml; run the ladder again, into another --folder")
    n_epochs = request.base.config().trainer.epochs
    found = {}
    for number, name in enumerate(ladder.points):
        first = request.base.config().trainer.seed
        seeds = [f"{number:05d}-seed-{first + 1 + i}" for i in range(request.plan.repeats)]
        records = [study.read_rungs(key) for key in (f"{number:05d}", *seeds)]
        lost = next(
            (rungs[-1].reason or rungs[-1].outcome for rungs in records if rungs and rungs[-1].outcome != "trained"),
            None,
        )
        if lost is None and not all(rungs and rungs[-1].epochs == n_epochs for rungs in records):
            raise SystemExit(
                f"{folder} is not finished: {name} lacks a seed; continue with: python benchmarks/ladder.py run"
            )
        last = [rungs[-1] for rungs in records if rungs and rungs[-1].outcome == "trained"]
        accuracies, losses = ([getattr(r, what) for r in last] for what in ("valid_accuracy", "valid_loss"))
        seconds = sum(record.seconds for record in last) / max(1, len(last))
        found[name] = Figures(accuracies, losses, round(seconds, 1), lost)
    return found


def known(value: float) -> float | None:
    """Return a number with four decimals; None for NaN, which JSON does not have."""
    return None if math.isnan(value) else round(value, 4)


def as_json(folder: Path, ladder: Ladder, figures: dict[str, Figures]) -> dict[str, Any]:
    """Return all results, with the settings and the machine."""
    request = read_request(folder)
    return {
        "command": "python benchmarks/ladder.py run",
        "measured": "validation accuracy after the last epoch; mean and standard deviation (n - 1) in percent",
        "seeds": request.plan.repeats + 1,
        "validation_images": read_toml(folder / "config.toml")["data"]["n_valid"],
        "machine": read_machine(folder / "best"),
        "base": read_toml(folder / "config.toml"),
        "rungs": [
            {"name": rung.name, "adds": rung.adds, "together": together, "alone": alone}
            for rung, together, alone in zip(ladder.rungs, ladder.together, ladder.alone, strict=True)
        ],
        "points": [
            {
                "name": name,
                "settings": ladder.points[name],
                "mean": known(point.mean),
                "std": known(point.std),
                **asdict(point),
            }
            for name, point in figures.items()
        ],
    }


# Writing


def write(folder: Path, root: Path) -> None:
    """Write the numbers, the plot and the table of the study in `folder` into `root`, the project's folder."""
    ladder = read_ladder()
    if read_request(folder).from_arrays and root == HERE.parent:
        raise SystemExit(f"{folder} was trained on a part of the images; --into FOLDER writes it elsewhere")
    figures = read_figures(folder, ladder)
    page = root / "docs" / "results.md"
    before, begins, rest = page.read_text("utf-8").partition(MARKS[0])
    _, ends, after = rest.partition(MARKS[1])
    if not ends:
        raise SystemExit(f"{page} lacks the lines {MARKS[0]} and {MARKS[1]} around the table of the ladder")
    contents = as_json(folder, ladder, figures)
    numbers, picture = root / "benchmarks" / "results" / "ladder.json", root / "docs" / "images" / "ladder.png"
    for path in (numbers, picture):
        path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(numbers, json.dumps(contents, indent=2) + "\n")
    replace_file(picture, draw(ladder, figures))
    replace_file(page, f"{before}{begins}\n\n{words(ladder, figures, contents)}\n{ends}{after}")
    print(*(numbers, picture, page), sep="\n")


def noise(figures: dict[str, Figures]) -> float:
    """Return twice the standard error of the difference of two means, in percent, by the mean variance over seeds."""
    several = [point for point in figures.values() if len(point.accuracies) > 1]
    if not several:
        return math.nan
    n = min(len(point.accuracies) for point in several)
    return 2 * math.sqrt(2 / n * float(np.mean([point.std**2 for point in several])))


def words(ladder: Ladder, figures: dict[str, Figures], contents: dict[str, Any]) -> str:
    """Return the plot and the table in Markdown, with a description of the figures."""
    images, seeds = contents["validation_images"], contents["seeds"]
    limit = noise(figures)
    told = "" if math.isnan(limit) else f" Changes below {limit:.2f} are within what other seeds would change."
    alt = "Validation accuracy of each rung, added to all before it and to AdamW alone"
    lines = [
        f"![{alt}](images/ladder.png)",
        "",
        f"Accuracy on {images:,} validation images after the last epoch, in percent: mean ± standard deviation of "
        f"{seeds} seeds, and the change.{told}",
        "",
        f"| added | to all rows above | to {ladder.start} alone | what it is |",
        "|---|---|---|---|",
    ]
    best = best_of(figures)
    below = None
    for rung, together, alone in zip(ladder.rungs, ladder.together, ladder.alone, strict=True):
        cells = [
            cell(figures, together, below, is_best=together == best),
            cell(figures, alone, ladder.start, is_best=alone == best),
        ]
        lines.append(f"| {rung.name} | {' | '.join(cells)} | {rung.adds} |")
        below = together or below
    return "\n".join(lines) + "\n"


def best_of(figures: dict[str, Figures]) -> str:
    """Return the name of the point with the best mean, among those without a failed seed."""
    return max(figures, key=lambda name: -math.inf if figures[name].failed else figures[name].mean)


def cell(figures: dict[str, Figures], name: str | None, below: str | None, *, is_best: bool = False) -> str:
    """Return a point's figures and the difference to those of another point, or "" without a point."""
    if name is None:
        return ""
    point = figures[name]
    if point.failed:
        return "diverged"
    shown = in_figures(point)
    change = "" if below is None or figures[below].failed else f" ({point.mean - figures[below].mean:+.2f})"
    return f"**{shown}**{change}" if is_best else f"{shown}{change}"


def in_figures(point: Figures) -> str:
    """Return mean and standard deviation in percent."""
    return f"{point.mean:.2f}" + ("" if math.isnan(point.std) else f" ± {point.std:.2f}")


def draw(ladder: Ladder, figures: dict[str, Figures]) -> bytes:
    """Return the plot: a line for each rung, together on the left and alone on the right, with separate scales."""
    best = best_of(figures)
    columns = ((ladder.together, "added to all before"), (ladder.alone, f"added to {ladder.start} alone"))
    with new_figure(12.4, 1.1 + 0.3 * len(ladder.rungs), dpi=130) as figure:
        panels = figure.subplots(1, 2, gridspec_kw={"wspace": 0.06})
        for axes, (names, title) in zip(panels, columns, strict=True):
            style(axes, title[0].upper() + title[1:], x="validation accuracy, %")
            rows = [row_of(rung, name, figures, best) for rung, name in zip(ladder.rungs, names, strict=True)]
            draw_rows(axes, rows)
            axes.margins(x=0.06)
        left, right = panels
        join(left, [figures[name] if name else None for name in ladder.together])
        right.set_yticklabels([])
        mark_start(right, ladder, figures)
        n = max(len(point.accuracies) for point in figures.values())
        seeds = f"mean of {n} seeds, their standard deviation, and each of them" if n > 1 else "one seed"
        figure.supxlabel(f"Each line: {seeds}. The scales differ.", fontsize=9, color=GREY)
        return png(figure)


def mark_start(axes: Any, ladder: Ladder, figures: dict[str, Figures]) -> None:
    """Draw the training to which each rung is added alone, with its name."""
    start, y = figures[ladder.start], ladder.together.index(ladder.start)
    if not start.failed:
        axes.axvline(start.mean, color=GREY, linewidth=1, linestyle=":", zorder=1)
        axes.plot(start.mean, y, "o", markersize=7, color=GREY, zorder=4)
        where = {"xytext": (8, 0), "textcoords": "offset points", "fontsize": 9, "va": "center", "color": INK}
        axes.annotate(f"{ladder.start} {start.mean:.2f}", (start.mean, y), **where)


def row_of(rung: Rung, name: str | None, figures: dict[str, Figures], best: str) -> Row:
    """Return the row of a rung in a panel, which is empty where the rung is not trained in that way."""
    if name is None:
        return Row(rung.name, (), "")
    point = figures[name]
    scores = tuple(100 * accuracy for accuracy in point.accuracies)
    return Row(rung.name, scores, "diverged" if point.failed else in_figures(point), is_best=name == best)


def join(axes: Any, figures: list[Figures | None]) -> None:
    """Draw a line from mean to mean, without rungs that have none."""
    means = [(point.mean, y) for y, point in enumerate(figures) if point is not None and point.accuracies]
    axes.plot(*zip(*means, strict=True), color=FAINT, linewidth=1.6, zorder=1)


def main() -> None:
    """Run the chosen command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "rates", "write"))
    parser.add_argument("--folder", type=Path, help="of the study [studies/ladder, and studies/ladder-rates for rates]")
    parser.add_argument("--epochs", type=int, help="of each training [20; 10 for rates]")
    parser.add_argument("--seeds", type=int, help="of each point [3; 1 for rates]")
    parser.add_argument("--images", type=int, help="train and validate on so many of the training images [all]")
    parser.add_argument("--workers", type=int, help="processes that train [one a core]")
    parser.add_argument("--into", type=Path, default=HERE.parent, help="where write puts its files [the project]")
    arguments = parser.parse_args()
    is_rates = arguments.what == "rates"
    folder = arguments.folder or Path("studies") / ("ladder-rates" if is_rates else "ladder")
    if any(n is not None and n < 1 for n in (arguments.epochs, arguments.seeds, arguments.images)):
        parser.error("--epochs, --seeds and --images must be at least 1")
    try:
        if arguments.what == "write":
            write(folder, arguments.into)
        else:
            ladder = read_ladder()
            points = tried_points(ladder) if is_rates else ladder.as_points()
            epochs, seeds = arguments.epochs or (10 if is_rates else None), arguments.seeds or (1 if is_rates else 3)
            climb(points, ladder.base, folder, epochs, seeds, images=arguments.images, workers=arguments.workers)
    except BarenetError as error:
        raise SystemExit(f"{Path(__file__).name}: {error}") from None
    except KeyboardInterrupt:
        raise SystemExit("interrupted; the same command continues") from None


if __name__ == "__main__":
    main()
