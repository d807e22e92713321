"""Grade a class: check each folder, give points for the steps that are right, write the results and a table.

The results of a folder have the form that Gradescope's autograder reads:
https://gradescope-autograders.readthedocs.io/en/latest/specs/#output-format
"""

from __future__ import annotations

import io
import itertools
import json
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from barenet.errors import BarenetError, ConfigError
from barenet.kit.check import check_homework
from barenet.kit.findings import NOT_CHECKED, RIGHT, WRONG, StepResult
from barenet.kit.folder import check_adapter, check_kit, inner_kit
from barenet.kit.isolation import Limits
from barenet.kit.steps import STEPS, Step, find_step
from barenet.messages import as_typed
from barenet.printing.lines import write_csv_row
from barenet.storage.files import make_folder, replace_file

__all__ = ["Grade", "check_folders", "grade_class", "grade_folder", "names_of_folders", "write_result", "write_table"]


@dataclass(frozen=True)
class Grade:
    """A student's result: the name of the folder, the results of the steps, and the points of each."""

    name: str
    folder: str
    steps: tuple[StepResult, ...]
    points: Mapping[str, float]
    problem: str = ""  # why the folder could not be checked

    @property
    def score(self) -> float:
        """The sum of the points of the steps that are right."""
        return sum(self.points[result.step] for result in self.steps if result.status == RIGHT)

    @property
    def most(self) -> float:
        """The points of all steps."""
        return sum(self.points.values())

    def as_gradescope(self) -> dict[str, Any]:
        """Return the content of results.json; steps without points are left out."""
        tests = [
            {
                "name": find_step(result.step).title,
                "score": self.points[result.step] if result.status == RIGHT else 0.0,
                "max_score": self.points[result.step],
                "output": output_of(result),
                "status": "passed" if result.status == RIGHT else "failed",
            }
            for result in self.steps
            if self.points[result.step]
        ]
        return {"score": self.score, "output": self.problem, "tests": tests}

    def as_dict(self) -> dict[str, Any]:
        """Return the grade as `--json` prints it."""
        return {
            "name": self.name,
            "folder": self.folder,
            "score": self.score,
            "max_score": self.most,
            "problem": self.problem or None,
            "steps": {result.step: result.status for result in self.steps},
        }


def output_of(result: StepResult) -> str:
    """Return what a student reads about a step."""
    return "\n".join([result.status, *result.wrong, *(f"note: {note}" for note in result.notes)])


def grade_class(
    folders: Sequence[Path],
    points: Mapping[str, float],
    *,
    adapter: Path | None = None,
    limits: Limits | None = None,
    tell: Callable[[Grade], None] = lambda grade: None,
) -> list[Grade]:
    """Return a grade for each folder, whatever its code does; `tell` gets each one when it is there.

    Raises ConfigError as `check_folders` does, or if there is no such adapter.
    """
    check_folders(folders)
    if adapter is not None:
        check_adapter(adapter)
    grades = []
    for name, folder in names_of_folders(folders).items():
        grades.append(grade_folder(name, folder, points, adapter=adapter, limits=limits))
        tell(grades[-1])
    return grades


def grade_folder(
    name: str, folder: Path, points: Mapping[str, float], *, adapter: Path | None = None, limits: Limits | None = None
) -> Grade:
    """Return the grade of one folder, or of the only kit in it; what is no kit gets no points and the reason."""
    try:
        if adapter is None:
            folder = inner_kit(folder) or folder  # archives are often unpacked into one more folder
            check_kit(folder)
            there = [step for step in STEPS if all((folder / file).is_file() for file in step.names)]
        else:
            there = list(STEPS)
        report = check_homework(folder, adapter=adapter, limits=limits, steps=there)
    except (BarenetError, OSError) as error:
        why = f"the folder cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
        nothing = tuple(StepResult(step.name, NOT_CHECKED, (), (why,)) for step in STEPS)
        return Grade(name, str(folder), nothing, points, why)
    results = {result.step: result for result in report.steps}
    steps = tuple(results.get(step.name) or StepResult(step.name, WRONG, (lacking(folder, step),)) for step in STEPS)
    return Grade(name, str(folder), steps, points)


def lacking(folder: Path, step: Step) -> str:
    """Return which file of a step is not there."""
    return f"there is no {next(file for file in step.names if not (folder / file).is_file())} in the folder"


def check_folders(folders: Sequence[Path]) -> None:
    """Raise ConfigError: no folders, one that is not there, or the same one twice."""
    if not folders:
        raise ConfigError("name at least one folder")
    gone = [as_typed(folder) for folder in folders if not folder.exists()]
    if gone:
        raise ConfigError(f"there is no folder {', '.join(gone)}; nothing was graded")
    paths = [normal(folder) for folder in folders]
    for i, path in enumerate(paths):
        if path in paths[:i]:
            raise ConfigError(f"{as_typed(folders[i])} is named twice")


def normal(folder: Path) -> Path:
    """Return the whole path of a folder, without the dots in it: the name of .. is that of the folder."""
    return Path(os.path.normpath(folder.absolute()))


def names_of_folders(folders: Sequence[Path]) -> dict[str, Path]:
    """Return the folders by a name for each: the folder's, with those above it where two have the same one.

    >>> list(names_of_folders([Path("class/ann/kit"), Path("class/bob/kit"), Path("eve")]))
    ['ann-kit', 'bob-kit', 'eve']
    """
    paths = [normal(folder) for folder in folders]
    deepest = max(len(path.parts) for path in paths)
    counts = [Counter(names_at(path, depth).casefold() for path in paths) for depth in range(deepest + 1)]
    named: dict[str, Path] = {}
    taken: set[str] = set()
    for folder, path in zip(folders, paths, strict=True):
        names = ((depth, names_at(path, depth)) for depth in range(1, len(path.parts) + 1))
        unique = (name for depth, name in names if counts[depth][name.casefold()] == 1)
        numbered = (f"{names_at(path, 1)}-{k}" for k in itertools.count(2))
        name = next(name for name in itertools.chain(unique, numbered) if name.casefold() not in taken)
        taken.add(name.casefold())  # Windows and macOS do not tell Ann from ann
        named[name] = folder
    return named


def names_at(path: Path, depth: int) -> str:
    """Return the last `depth` parts of a path as one name."""
    return "-".join(path.parts[-depth:]).replace("/", "").replace("\\", "").replace(":", "")


def write_result(grade: Grade, output: Path) -> Path:
    """Write NAME/results.json, as Gradescope reads it, into a folder; raise MachineError if that fails."""
    file = output / grade.name / "results.json"
    make_folder(file.parent)
    replace_file(file, json.dumps(grade.as_gradescope(), indent=2) + "\n")
    return file


def write_table(grades: Sequence[Grade], output: Path) -> Path:
    """Write grades.csv, with a row for each folder, into a folder; raise MachineError if that fails."""
    buffer = io.StringIO()
    write_csv_row(buffer, ["name", "score", "max_score", *(step.name for step in STEPS), "problem"])
    for grade in grades:
        scores = [grade.points[one.step] if one.status == RIGHT else 0.0 for one in grade.steps]
        write_csv_row(buffer, [grade.name, grade.score, grade.most, *scores, grade.problem])
    replace_file(output / "grades.csv", buffer.getvalue())
    return output / "grades.csv"
