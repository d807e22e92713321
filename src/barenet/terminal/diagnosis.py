"""What a terminal shows of a diagnosis of this machine."""

from __future__ import annotations

from rich.table import Table

from barenet.engine.diagnosis import Diagnosis
from barenet.terminal.output import output_console

__all__ = ["show_diagnosis"]


def show_diagnosis(diagnosis: Diagnosis) -> None:
    """Print what decides speed on this machine, and what to change."""
    console = output_console()
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    blas = " ".join(str(diagnosis.blas[name]) for name in ("internal_api", "version") if name in diagnosis.blas)
    kernel = diagnosis.blas.get("architecture", "unknown")
    table.add_row("Python, NumPy", f"{diagnosis.python}, {diagnosis.numpy}")
    table.add_row("processor", f"{diagnosis.processor}, {diagnosis.cores} cores for this process")
    table.add_row("vector instructions", " ".join(diagnosis.cpu_features[-6:]) or "unknown")
    table.add_row("BLAS", f"{blas or 'unknown'}, kernel {kernel}, {diagnosis.blas.get('num_threads', '?')} threads set")
    for n, peak in diagnosis.peak_gflops.items():
        step = diagnosis.step_microseconds[n]
        figures = f"{peak:.0f} GFLOP/s on a large product, {step:.0f} µs a step of 16 images through 784-128-32-10"
        table.add_row(f"{n} thread{'s' if n > 1 else ''}", figures)
    console.print(table)
    for sentence in diagnosis.advice or ["Nothing holds training back here."]:
        console.print(sentence, style="bold")
