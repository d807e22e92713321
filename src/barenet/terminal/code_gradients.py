"""What a terminal shows of the check of a person's own gradients."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from barenet.gradcheck.report import OwnGradientReport
from barenet.terminal.console import output_console

__all__ = ["show_own_gradients"]


def show_own_gradients(report: OwnGradientReport, *, quiet: bool = False) -> None:
    """Print a row a parameter, the verdict, and each mistake with its remedy; notes go to stderr."""
    console = output_console()
    network = f", taken for {report.network}" if report.network else ""
    console.print(f"{report.function}: loss {report.loss:.6g}{network}", markup=False)
    title, *rows = report.table()
    table = Table(box=None, pad_edge=False, header_style="dim")
    for text in title:
        table.add_column(text, justify="left" if text == "parameter" else "right")
    for row, parameter in zip(rows, report.parameters, strict=True):
        table.add_row(*map(Text, row), style=None if parameter.is_right else "bold")
    console.print(table)
    console.print(report.verdict(), style="bold", markup=False)
    for line in report.remarks():
        console.print(line, markup=False)
    if not quiet:
        notes = Console(stderr=True, soft_wrap=True, highlight=False)
        for note in report.notes:
            notes.print(f"note: {note}", markup=False)
