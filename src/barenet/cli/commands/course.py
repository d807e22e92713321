"""`barenet course new`, `barenet course check` and `barenet course grade`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

from cyclopts import App, Parameter

from barenet.cli.options import Json
from barenet.errors import ConfigError
from barenet.kit.check import CheckReport, check_homework
from barenet.kit.findings import StepResult
from barenet.kit.folder import new_kit
from barenet.kit.grade import Grade, check_folders, grade_class, write_result, write_table
from barenet.kit.isolation import Limits
from barenet.kit.points import read_points
from barenet.kit.steps import STEPS, find_step
from barenet.language.choice import chosen_language
from barenet.language.translation import heading
from barenet.messages import as_typed, count
from barenet.printing.encodings import output_language
from barenet.printing.lines import print_json, print_line, print_values
from barenet.storage.files import make_folder

__all__ = ["course"]

Adapter: TypeAlias = Annotated[
    Path | None,
    Parameter(help="Python file that gives the parts of other homework the names of the kit. [the folder is a kit]"),
]
Seconds: TypeAlias = Annotated[float, Parameter(help="Most seconds of CPU time that the check of a step may take.")]

course = App("course", help_format="plaintext")  # its help is in `cli.help_texts`


@course.command
def new(folder: Path, /, *, language: str | None = None, json: Json = False) -> int:
    """Make a kit: a task sheet, and Python files whose bodies a student writes.

    Parameters
    ----------
    folder
        A new folder.
    language
        Language of the task sheet and the docstrings: en or zh. [that of BARENET_LANG, or else of the system]
    """
    language = language or chosen_language()
    files = new_kit(folder, language)
    if json:
        print_json({"folder": str(folder), "language": language, "files": [file.name for file in files]})
        return 0
    for file in files:
        print_line(file)
    print_line(f"read task.md first; to see which step comes next: barenet course check {as_typed(folder)}")
    return 0


@course.command
def check(
    folder: Path,
    /,
    *,
    step: str | None = None,
    adapter: Adapter = None,
    seconds: Seconds = Limits.seconds,
    json: Json = False,
) -> int:
    """Check the steps of a student's folder: what is right, what is wrong and why, which step comes next.

    Parameters
    ----------
    folder
        A kit, or the folder of other homework, with --adapter.
    step
        The name or the number of one step, such as backward. [all steps]
    """
    steps = STEPS if step is None else (find_step(step),)
    tell = show_step if not json else lambda result: None
    report = check_homework(folder, steps=steps, adapter=adapter, limits=limits_of(seconds), tell=tell)
    if json:
        print_json(report.as_dict())
    else:
        print_line(verdict(report, adapter))
    return 0 if report.passed else 1


@course.command
def grade(
    folders: tuple[Path, ...],
    /,
    *,
    points: Path | None = None,
    output: Path = Path("results"),
    adapter: Adapter = None,
    seconds: Seconds = Limits.seconds,
    json: Json = False,
) -> int:
    """Grade a class: points for each step that is right, in a table and in results.json for each folder.

    Parameters
    ----------
    folders
        The students' folders.
    points
        TOML file with the points of each step, such as forward = 10. [100 points in all]
    output
        Folder for grades.csv and each student's results.json, which Gradescope reads.
    """
    worth = read_points(points)
    if output.exists() and not output.is_dir():
        raise ConfigError(f"{as_typed(output)} is a file, and --output names a folder")
    check_folders(folders)
    make_folder(output)  # before the checks, which take minutes

    def keep(grade: Grade) -> None:
        write_result(grade, output)  # at once, so that whatever ends the command loses no result
        if not json:
            show_grade(grade)

    grades = grade_class(folders, worth, adapter=adapter, limits=limits_of(seconds), tell=keep)
    table = write_table(grades, output)
    if json:
        print_json({"grades": [one.as_dict() for one in grades], "table": str(table)})
    else:
        print_line(f"{table}: {count(len(grades), 'folder')}")
    return 0


def limits_of(seconds: float) -> Limits:
    """Return the limits with a number of seconds from the command line."""
    if not 0 < seconds < 1e6:
        raise ConfigError(f"--seconds must be a positive number, got {seconds:g}")
    return Limits(seconds=seconds)


def show_step(result: StepResult) -> None:
    """Print the state of a step, and what is wrong below it."""
    step = find_step(result.step)
    status = heading(result.status, output_language())
    print_values(f"{step.number:2d} {step.name:<9} {status}")  # the name is what --step takes
    for sentence in result.wrong:
        print_line(f"     {sentence}")
    for note in result.notes:
        print_line(f"     note: {note}")


def verdict(report: CheckReport, adapter: Path | None) -> str:
    """Return how many steps are right, and which one comes next."""
    n_right = sum(result.status == "right" for result in report.steps)
    following = report.next_step
    if following is None:
        return f"{count(n_right, 'step')} of {len(report.steps)}: all right"
    files = ", ".join(following.names) if adapter is None else as_typed(adapter)
    return f"{n_right} of {count(len(report.steps), 'step')} right; next: {following.title} in {files}"


def show_grade(grade: Grade) -> None:
    """Print a student's points, and which steps are not right."""
    if grade.problem:
        print_line(f"{grade.name}: {grade.score:g} of {grade.most:g}; {grade.problem}")
        return
    rest = [result.step for result in grade.steps if result.status != "right"]
    print_line(f"{grade.name}: {grade.score:g} of {grade.most:g}" + (f"; not right: {', '.join(rest)}" if rest else ""))
