"""`barenet export`."""

from __future__ import annotations

import json as json_module
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from barenet.data.datasets import Dataset, load_dataset
from barenet.deploy.export import FORMATS, ExportResult, export_model, load_for_export
from barenet.deploy.exported import TOLERANCE, Agreement
from barenet.errors import BarenetError, ConfigError, nearest
from barenet.run_folders.checkpoint import SavedModel
from barenet.run_folders.folder import RunFolder, find_latest
from barenet.run_folders.resuming import stored_config
from barenet.terminal.console import ConsoleObserver

__all__ = ["export"]


def export(
    model: Path | None = None,
    /,
    *,
    to: str | None = None,
    output: Path | None = None,
    preprocessing: bool = True,
    force: Annotated[bool, Parameter(negative="")] = False,
    data: str | None = None,
    runs: Path = Path("runs"),
    quiet: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Write a trained network to a file that works without barenet, and prove that it does.

    Parameters
    ----------
    model
        A run folder, a folder of seeds (averaged), a .safetensors file, or the course project's .pkl; the latest run
        without one.
    to
        onnx, for every runtime that reads ONNX, or numpy, one Python file; without it, told by the name of --output.
    output
        File to write; without it, the run's name in the current folder.
    preprocessing
        The file takes images as bytes 0-255 and scales them; without, it takes floats that are scaled already.
    force
        Overwrite a file that is there.
    data
        Data whose test images the file is tried on; without it, what the run was trained on.
    runs
        Folder in which to look for the latest run.
    quiet
        Print the file's name only.
    json
        Print what was found as one JSON object.
    """
    observer = ConsoleObserver(quiet=quiet)
    to = choose_format(to, output)
    path = model or find_latest(runs)
    models = load_for_export(path)
    target = output or Path(default_name(path, to))
    dataset = find_dataset(path, models[0], data, observer.note)
    result = export_model(
        models, to, target, dataset=dataset, preprocessing=preprocessing, force=force, note=observer.note
    )
    if json:
        print(json_module.dumps({"model": str(path), **result.as_dict()}))
    elif quiet:
        print(result.path)
    else:
        show(result)


def choose_format(to: str | None, output: Path | None) -> str:
    """Return the format that was asked for, or that the suffix of the file to write stands for."""
    by_suffix = {suffix: name for name, suffix in FORMATS.items()}
    if to is None and output is not None and output.suffix in by_suffix:
        return by_suffix[output.suffix]
    if to is None:
        raise ConfigError("export needs --to onnx or --to numpy, or an --output that ends in .onnx or .py")
    if to not in FORMATS:
        raise ConfigError(f"--to: unknown format {to!r}; {nearest(to, FORMATS)}")
    return to


def default_name(path: Path, to: str) -> str:
    """Return the name of the file: of the run, and of the weights unless they are the best; a .py can be imported."""
    whole = path.resolve()
    parts = [whole.name] if whole.is_dir() else [whole.stem]
    if not whole.is_dir() and RunFolder(whole.parent).config.exists():
        parts = [whole.parent.name, *(part for part in parts if part != "best")]
    if re.fullmatch(r"seed-\d+", parts[0]):
        parts.insert(0, whole.parent.name if whole.is_dir() else whole.parent.parent.name)
    name = "-".join(parts)
    if to == "numpy":
        name = re.sub(r"\W", "_", name)
        name = f"model_{name}" if not name.isidentifier() else name
    return name + FORMATS[to]


def find_dataset(path: Path, model: SavedModel, data: str | None, note: Callable[[str], None]) -> Dataset | None:
    """Return the data to try the file on: as asked, or the run's own where it is still there and fits."""
    if data is not None:
        return load_dataset(data, note=note)
    folder = path if path.is_dir() else path.parent
    try:
        if RunFolder(folder).config.exists():
            own = stored_config(folder).data
            dataset = load_dataset(
                own.path, image_size=own.image_size, color=bool(own.color), skip_broken=True, note=note
            )
        else:
            dataset = load_dataset(note=note)
    except BarenetError as error:
        note(f"the data of the run cannot be had: {error}")
        return None
    return dataset if dataset.n_inputs == model.mlp.n_inputs else None


def show(result: ExportResult) -> None:
    """Print what was written and how it compares with the model."""
    exported = result.exported
    shape = ", ".join(["batch", *map(str, exported.image_shape)])
    print(f"{result.path}: {result.path.stat().st_size / 1e6:.2f} MB, takes images ({shape}) of {exported.input_dtype}")
    print(f"compared with the model on {result.images}:")
    for agreement in result.agreements:
        print(f"  {agreement.runtime}: {describe(agreement)}")
    if result.test_accuracy is not None:
        print(f"test accuracy {result.test_accuracy:.4f}")


def describe(agreement: Agreement) -> str:
    """Return how an exported file agrees with the model, in words."""
    n_same, n_images = agreement.n_same, agreement.n_images
    same = "all classes the same" if n_same == n_images else f"{n_same:,} of {n_images:,} classes the same"
    near = f" ({agreement.n_near_ties:,} near ties)" if agreement.n_near_ties else ""
    words = f"{same}{near}, probabilities within {agreement.largest_difference:.1e}"
    if agreement.largest_difference > TOLERANCE:
        words += f"; the model's own float32 is within {agreement.limit - TOLERANCE:.1e} of exact arithmetic"
    return words
