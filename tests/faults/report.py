"""What the fault tests found, in one table: each test records a row, and one process writes all rows into the docs.

    record("kills while saving: files that no longer load", "0", n_bad, n=1000, seconds=31.0)

    BARENET_FAULTS_REPORT=1 pytest -m full tests/faults

Tests run in several processes, so each row is a separate file, in a folder that the first process has made. Rows of
tests that did not run this time stay in the table, with the date of their run.
"""

from __future__ import annotations

import json
import os
import platform
import tempfile
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import numpy as np

from barenet.run_folders.machine import describe_machine

FOLDER = "BARENET_FAULTS_ROWS"  # an environment variable: where the rows of this call of pytest go
WANTED = "BARENET_FAULTS_REPORT"  # an environment variable: whether the table in the docs is written again
PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- fault tests: begin -->", "<!-- fault tests: end -->"
COLUMNS = ("test", "target", "got", "n", "seconds", "date")


@dataclass(frozen=True)
class Row:
    """One line of the table, as texts."""

    test: str
    target: str
    got: str
    n: str
    seconds: str
    date: str

    def as_line(self) -> str:
        """Return the row as a line of Markdown."""
        return "| " + " | ".join(value.replace("|", "/") for value in asdict(self).values()) + " |"


def record(test: str, target: object, got: object, n: int | None = None, seconds: float | None = None) -> None:
    """Record what a test found: what it measures, the target, the result, the number of cases, and the seconds."""
    row = Row(
        test,
        str(target),
        str(got),
        "" if n is None else f"{n:,}",
        "" if seconds is None else f"{seconds:,.0f}",
        date.today().isoformat(),
    )
    folder = Path(os.environ.get(FOLDER) or tempfile.gettempdir())
    (folder / f"{uuid.uuid4().hex}.row.json").write_text(json.dumps(asdict(row)), "utf-8")


def read_rows(folder: Path) -> list[Row]:
    """Return the rows that tests have recorded, in the order of their names."""
    rows = [Row(**json.loads(path.read_text("utf-8"))) for path in folder.glob("*.row.json")]
    return sorted(rows, key=lambda row: row.test)


def read_table(text: str) -> list[Row]:
    """Return the rows that the table of a page has now."""
    lines = text.partition(BEGIN)[2].partition(END)[0].splitlines()
    rows = [[cell.strip() for cell in line.strip().strip("|").split(" | ")] for line in lines if line.startswith("| ")]
    return [Row(*cells) for cells in rows if len(cells) == len(COLUMNS) and cells[0] != COLUMNS[0]]


def table_of(rows: Iterable[Row]) -> str:
    """Return rows as a table of Markdown."""
    head = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    return "\n".join([*head, *(row.as_line() for row in rows)])


def with_table(text: str, rows: Iterable[Row]) -> str:
    """Return a page whose table has these rows in place of older ones of the same tests."""
    joined = {row.test: row for row in [*read_table(text), *rows]}
    table = table_of(joined[name] for name in sorted(joined))
    before, found, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    if not found:
        raise ValueError(f"{PAGE.name} has no line {BEGIN!r}")
    return f"{before}{BEGIN}\n{describe()}\n\n{table}\n{END}{after}"


def describe() -> str:
    """Return on what machine, and with what versions, the table was last written."""
    machine = describe_machine()
    return (
        f"Last written on {machine['processor']}, {machine['cores']} cores, {machine['system']}, "
        f"Python {platform.python_version()}, NumPy {np.__version__}, barenet {machine['barenet']}."
    )


def write_page(rows: Iterable[Row]) -> None:
    """Write the rows into the page."""
    PAGE.write_text(with_table(PAGE.read_text("utf-8"), rows), "utf-8")
