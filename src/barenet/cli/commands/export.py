"""`barenet export`."""

from __future__ import annotations

from pathlib import Path

from barenet.cli.models import find_model
from barenet.cli.options import Data, Json, OneModel, Quiet, Runs, Switch
from barenet.deploy.export import ExportResult
from barenet.deploy.export import export as write_export
from barenet.deploy.exported import TOLERANCE, Agreement
from barenet.deploy.targets import choose_target
from barenet.printing.lines import print_json, print_line
from barenet.run_folders.finding import RUNS

__all__ = ["export"]


def export(
    model: OneModel = None,
    /,
    *,
    to: str | None = None,
    output: Path | None = None,
    preprocessing: bool = True,
    tolerance: float | None = None,
    force: Switch = False,
    data: Data = None,
    runs: Runs = Path(RUNS),
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Write a trained network to a file that works without barenet, and compare it with the model.

    Parameters
    ----------
    to
        onnx, for every runtime that reads ONNX, or numpy, for one Python file. [decided by the name of --output]
    output
        File to write, which ends in .onnx or .py. [the run's name, in the current folder]
    preprocessing
        The exported file takes images as bytes 0-255 and scales them; with --no-preprocessing it takes scaled floats.
    tolerance
        Largest allowed difference of a probability from the model's. [decided by the model's rounding]
    force
        Overwrite an existing file.
    """
    to, output = choose_target(to, output)  # before the model, so that a wrong format is reported first
    path = find_model(model, runs)
    options = {"preprocessing": preprocessing, "tolerance": tolerance, "force": force}
    result = write_export(path, to, output=output, dataset=data, **options)  # type: ignore[arg-type]
    if json:
        print_json({"model": str(path), **result.as_dict()})
    elif quiet:
        print_line(result.path)
    else:
        show(result)


def show(result: ExportResult) -> None:
    """Print what was written and how it compares with the model."""
    exported = result.exported
    shape = ", ".join(["batch", *map(str, exported.image_shape)])
    what = f"{'rows' if exported.rows_of else 'images'} ({shape}) of {exported.input_dtype}"
    print_line(f"{result.path}: {result.path.stat().st_size / 1e6:.2f} MB, takes {what}")
    print_line(f"compared with the model on {result.images}:")
    for agreement in result.agreements:
        print_line(f"  {agreement.runtime}: {describe(agreement)}")
    if result.test_accuracy is not None:
        print_line(f"test accuracy {result.test_accuracy:.4f}")


def describe(agreement: Agreement) -> str:
    """Return how an exported file agrees with the model, in words."""
    n_same, n_images = agreement.n_same, agreement.n_images
    same = "all classes the same" if n_same == n_images else f"{n_same:,} of {n_images:,} classes the same"
    near = f" ({agreement.n_near_ties:,} near ties)" if agreement.n_near_ties else ""
    words = f"{same}{near}, probabilities within {agreement.largest_difference:.1e}"
    if agreement.largest_difference > TOLERANCE:
        words += f"; the model's own float32 is within {agreement.rounding:.1e} of exact arithmetic"
    return words
