"""Show gradient checks in a terminal: those of a network, and those of custom code."""

from __future__ import annotations

from barenet.gradcheck.network import GradientReport
from barenet.gradcheck.report import OwnGradientReport
from barenet.notes import logger
from barenet.terminal.output import output_console, plain_table

__all__ = ["show_gradients", "show_own_gradients"]


def show_gradients(report: GradientReport, checked: str) -> None:
    """Print what was checked, and the relative error of the gradient of every parameter."""
    console = output_console()
    console.print(checked, markup=False)
    table = plain_table(("parameter",), ("relative error", "checked", "skipped at kinks"))
    for row in report.parameters:
        table.add_row(row.name, f"{row.relative_error:.1e}", str(row.n_checked), str(row.n_skipped))
    console.print(table)
    error, allowed = f"{report.relative_error:.1e}", f"{report.tolerance:g}"
    if report.passed:
        console.print(f"all gradients agree: largest relative error {error}, at most {allowed} allowed")
    else:
        console.print(f"WRONG: largest relative error {error}, at most {allowed} allowed")


def show_own_gradients(report: OwnGradientReport) -> None:
    """Print a row for each parameter, the verdict, and each mistake with its remedy; notes go to stderr."""
    console = output_console()
    network = f", taken for {report.network}" if report.network else ""
    console.print(f"{report.function}: loss {report.loss:.6g}{network}")
    (parameter_title, *titles), *rows = report.table()
    table = plain_table((parameter_title,), titles)
    for row, parameter in zip(rows, report.parameters, strict=True):
        table.add_row(*row, style=None if parameter.is_right else "bold")
    console.print(table)
    console.print(report.verdict(), style="bold")
    for line in report.remarks():
        console.print(line)
    for note in report.notes:
        logger.info(note)
