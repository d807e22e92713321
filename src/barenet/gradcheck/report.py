"""The report of the check of a person's gradients, to print, to show in a notebook, or as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from barenet.gradcheck.mistakes.wording import Mistake

__all__ = ["OwnGradientReport", "OwnParameter"]

HEADINGS = ("parameter", "relative error", "most at", "reported", "numeric")


@dataclass(frozen=True)
class OwnParameter:
    """The result of the check for one parameter: where reported and numeric gradient differ most, and by how much.

    `n_checked` and `n_skipped` count coordinates; skipped ones are at a kink of the loss.
    """

    name: str
    shape: tuple[int, ...]
    relative_error: float
    at: str
    reported: float
    numeric: float
    n_checked: int
    n_skipped: int
    is_right: bool

    def as_dict(self) -> dict[str, Any]:
        """Return the row as `--json` prints it; an unknown number is null."""
        return asdict(self) | {"numeric": self.numeric if np.isfinite(self.numeric) else None}


@dataclass(frozen=True)
class OwnGradientReport:
    """A row for each parameter, the mistakes that explain the numbers, and notes.

    `unexplained` are the wrong parameters that no named mistake explains, or not fully. `where` is a sentence about the
    first wrong layer on the way back, "" if there is none or the layers are not known.

    Print it, or leave it as the last line of a notebook's cell. `passed` says whether every gradient is right.
    """

    function: str
    loss: float
    parameters: tuple[OwnParameter, ...]
    mistakes: tuple[Mistake, ...]
    unexplained: tuple[str, ...]
    where: str
    notes: tuple[str, ...]
    network: str | None
    precision: str
    tolerance: float

    @property
    def relative_error(self) -> float:
        """The largest relative error of any parameter."""
        return float(np.max([row.relative_error for row in self.parameters]))

    @property
    def passed(self) -> bool:
        """Whether every gradient agrees with its difference quotient and nothing overflows."""
        return not self.mistakes and all(row.is_right for row in self.parameters)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as `--json` prints it."""
        return {
            "passed": self.passed,
            "function": self.function,
            "loss": self.loss,
            "relative_error": self.relative_error,
            "tolerance": self.tolerance,
            "precision": self.precision,
            "network": self.network,
            "mistakes": [asdict(mistake) for mistake in self.mistakes],
            "unexplained": list(self.unexplained),
            "where": self.where,
            "parameters": [row.as_dict() for row in self.parameters],
            "notes": list(self.notes),
        }

    def verdict(self) -> str:
        """Return one sentence: right, or wrong and where."""
        if self.passed:
            return f"all gradients agree: largest relative error {self.relative_error:.1e}, at most {self.tolerance:g}"
        wrong = [row.name for row in self.parameters if not row.is_right]
        if not wrong:
            return f"the gradients agree here (relative error {self.relative_error:.1e}), but see below"
        return (
            f"WRONG: {', '.join(wrong)}; largest relative error {self.relative_error:.1e}, at most {self.tolerance:g}"
        )

    def table(self) -> list[tuple[str, ...]]:
        """Return the rows of the table as text, the title row first."""
        rows = [
            (r.name, f"{r.relative_error:.1e}", r.at, f"{r.reported:.5g}", f"{r.numeric:.5g}") for r in self.parameters
        ]
        return [HEADINGS, *rows]

    def remarks(self) -> list[str]:
        """Return where to look, the mistakes and how to correct them, and the unexplained parameters."""
        lines = [self.where] if self.where else []
        for mistake in self.mistakes:
            where = f" ({', '.join(mistake.parameters)})" if mistake.parameters else ""
            lines += [f"mistake{where}: {mistake.what}", f"    do this: {mistake.fix}"]
        if self.unexplained:
            lines.append(f"no known mistake explains {', '.join(self.unexplained)}")
        return lines

    def __str__(self) -> str:
        table = self.table()
        widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
        lines = [f"{self.function}: loss {self.loss:.6g}" + (f", {self.network}" if self.network else "")]
        for row in table:
            cells = [
                row[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
            ]
            lines.append("  ".join(cells))
        return "\n".join([*lines, self.verdict(), *self.remarks(), *(f"note: {note}" for note in self.notes)])

    __repr__ = __str__
