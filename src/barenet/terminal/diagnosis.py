"""Show a diagnosis of this machine in a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table

from barenet.config.sources import build_config
from barenet.engine.diagnosis import Diagnosis
from barenet.messages import count
from barenet.printing.consoles import Heading
from barenet.terminal.output import output_console

__all__ = ["show_diagnosis"]


def show_diagnosis(diagnosis: Diagnosis) -> None:
    """Print what decides the speed on this machine, and what to change."""
    console = output_console()
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    blas = " ".join(str(diagnosis.blas[name]) for name in ("internal_api", "version") if name in diagnosis.blas)
    kernel = diagnosis.blas.get("architecture", "unknown")
    busy = f"other programs kept {diagnosis.busy_elsewhere:.1f} busy"
    table.add_row("Python, NumPy", f"{diagnosis.python}, {diagnosis.numpy}")
    cores = count(diagnosis.cores, "core")
    table.add_row(Heading("processor"), f"{diagnosis.processor}, {cores} for this process; {busy}")
    table.add_row("vector instructions", " ".join(diagnosis.cpu_features[-6:]) or "unknown")
    table.add_row("BLAS", f"{blas or 'unknown'}, kernel {kernel}; barenet lets it use one thread, and starts more")
    for n, peak in diagnosis.peak_gflops.items():
        table.add_row(count(n, "thread"), f"{peak:.0f} GFLOP/s on large products{', one per thread' if n > 1 else ''}")
    for recipe, times in diagnosis.step_microseconds.items():
        table.add_row(f"a step of {recipe}", describe_step(recipe))
        table.add_row("", f"NumPy: {describe_times(times)}")
        if recipe in diagnosis.compiled_microseconds:
            table.add_row("", f"compiled kernels: {describe_times(diagnosis.compiled_microseconds[recipe])}")
        table.add_row("", diagnosis.reasons[recipe])
    if diagnosis.no_compiled is not None:
        table.add_row("compiled kernels", f"not measured: {diagnosis.no_compiled}")
    console.print(table)
    for sentence in diagnosis.advice or ["Nothing slows training down here."]:
        console.print(sentence, style="bold")


def describe_times(times: Mapping[int, float]) -> str:
    """Return the microseconds of a step by number of threads in words."""
    return ", ".join(f"{microseconds:.0f} µs with {count(n, 'thread')}" for n, microseconds in times.items())


def describe_step(recipe: str) -> str:
    """Return the shapes and functions of a recipe's step on the data that come with barenet.

    >>> describe_step("course")
    '16 images through 784-128-32-10, relu, sgd'
    """
    config = build_config(recipe)
    sizes = "-".join(map(str, (784, *config.model.hidden_sizes, 10)))
    return f"{config.data.batch_size} images through {sizes}, {config.model.activation}, {config.optimizer.name}"
