"""Write a trained model to a file that works without barenet, after running it and comparing it with the model."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.analysis.images import Source, try_dataset
from barenet.data.datasets import Dataset
from barenet.deploy.export_images import find_images, prepare_images
from barenet.deploy.exported import Agreement, Exported, compare, describe_networks, measure_rounding
from barenet.deploy.predictor import Predictor
from barenet.deploy.tables.numbers import numbers_of, table_text
from barenet.deploy.targets import FORMATS, check_target, choose_target, default_name
from barenet.errors import CheckpointError, ConfigError, ShapeError, nearest
from barenet.nn import CUSTOM, Activation, Loss
from barenet.printing.shown import Shown
from barenet.run_folders.checkpoint import SavedModel
from barenet.run_folders.finding import Named, find_run
from barenet.run_folders.loading import load_models
from barenet.storage.files import replace_file

__all__ = ["ExportResult", "export", "export_model", "load_for_export"]


@dataclass(frozen=True, repr=False)
class ExportResult(Shown):
    """The file that was written, and how it compared with the model."""

    path: Path
    format: str
    agreements: list[Agreement]
    images: str
    test_accuracy: float | None
    exported: Exported

    def as_dict(self) -> dict[str, Any]:
        """Return the figures for `--json`."""
        return {
            "file": str(self.path),
            "format": self.format,
            "bytes": self.path.stat().st_size,
            "input": {"shape": [None, *self.exported.image_shape], "dtype": self.exported.input_dtype},
            "compared_on": self.images,
            "comparisons": [agreement.as_dict() for agreement in self.agreements],
            "test_accuracy": self.test_accuracy,
        }


def export(
    path: Named = None,
    to: str | None = None,
    *,
    output: str | Path | None = None,
    dataset: Source | None = None,
    preprocessing: bool = True,
    tolerance: float | None = None,
    force: bool = False,
) -> ExportResult:
    """Write a trained network to a file that works without barenet, run that file, and compare it with the model.

    Args:
        path: a run folder or its name, the result of training, a folder of seeds (averaged), a `.safetensors` file, or
            the course project's `.pkl`; by default the latest run.
        to: "onnx", or "numpy" for one Python file that needs only NumPy; by default the ending of `output` decides.
        output: the file to write, which ends in .onnx or .py; by default the run's name in the current folder.
        dataset: the data set for the comparison, whose test images are used, or its path; by default the data set of
            the run, or random images where it cannot be read.
        preprocessing: True if the file takes raw images (bytes) or features and scales them; False if it takes floats
            that are scaled already.
        tolerance: the largest allowed difference between probabilities of the file and the model; by default it depends
            on the rounding of the model.
        force: overwrite an existing file.

    Returns:
        Where the file is, and how it compares with the model.

    Raises:
        ConfigError: no format or an unknown one, an `output` with another ending, or a tolerance outside of 0 to 1.
        RunError: there is no run, or the file exists and `force` is not given.
        CheckpointError: the model cannot be read or exported, or the exported file does not agree with it.
        DataError: `dataset` cannot be read.
        MachineError: a package is missing, or the file cannot be written.
    """
    to, named = choose_target(to, output)
    path = find_run(path)
    models = load_for_export(path)
    target = named or Path(default_name(path, to))
    found = data_to_try(models[0], path, dataset)
    options = {"dataset": found, "preprocessing": preprocessing, "tolerance": tolerance, "force": force}
    return export_model(models, to, target, **options)  # type: ignore[arg-type]


def data_to_try(model: SavedModel, path: Path, source: Source | None) -> Dataset | None:
    """Return the data set for the comparison: the given one, or that of the run if it can be read and fits."""
    options = {"skip_broken": True} if source is None else {}
    dataset = try_dataset(model, path, source, "the data of the run cannot be read", **options)
    if source is not None or dataset is None:
        return dataset
    # If the run names no data, these are the carried ones, which may have another size or scale.
    return dataset if dataset.n_inputs == model.mlp.n_inputs and is_taken(model, dataset) else None


def is_taken(model: SavedModel, dataset: Dataset) -> bool:
    """Whether a model takes the images of a data set, by their scale."""
    try:
        model.inputs(dataset.train_images[:1])
    except ShapeError:
        return False
    return True


def load_for_export(path: Path, activations: Sequence[Activation] = (), loss: Loss | None = None) -> list[SavedModel]:
    """Return the models at `path`; raise CheckpointError with the reason for models with custom functions."""
    try:
        return load_models(path, activations, loss)
    except CheckpointError as error:
        if CUSTOM not in str(error):
            raise
        name = re.search(rf"{CUSTOM}[^';\s]*", str(error))
        raise CheckpointError(
            f"{path} cannot be exported: it was trained with {name[0] if name else 'a function'!r}, a custom Python "
            f"function, which an exported file cannot hold; use the model in Python by barenet.load"
        ) from None


def export_model(
    models: Sequence[SavedModel],
    to: str,
    target: Path,
    *,
    dataset: Dataset | None = None,
    preprocessing: bool = True,
    tolerance: float | None = None,
    force: bool = False,
) -> ExportResult:
    """Write models, averaged where there are several, to `target` as "onnx" or "numpy".

    Before it is written, the file is run on the test images of `dataset` (or on random images) and compared with the
    model. With `preprocessing` it takes raw images (bytes) or features; without, floats that are scaled already.

    Raises:
        ConfigError: an unknown format, or a custom function in the model.
        RunError: there is a file at `target`, and `force` is not given.
        CheckpointError: the exported file does not agree with the model.
        MachineError: a package is missing, or the file cannot be written.
    """
    if to not in FORMATS:
        raise ConfigError(f"unknown format {to!r}; {nearest(to, FORMATS)}")
    if tolerance is not None and not 0 < tolerance < 1:
        raise ConfigError(f"tolerance must be between 0 and 1, a difference of probabilities, got {tolerance:g}")
    check_target(target, force)
    if to == "onnx":
        from barenet.deploy.export_onnx import require_onnx

        require_onnx()
    images, labels, described = find_images(models[0], dataset)
    expected = Predictor(models).run(images.reshape(len(images), -1))
    accuracy = None if labels is None else float(np.mean(np.argmax(expected, axis=-1) == labels))
    exported = describe_networks(models, facts(models, accuracy), preprocessing=preprocessing)
    prepared = prepare_images(models[0], images, exported)
    rounding = measure_rounding(exported, prepared, expected)
    content, found = WRITERS[to](exported, prepared, target)
    check = partial(compare, rounding=rounding, tolerance=tolerance)
    agreements = [check(runtime, expected, shares, classes) for runtime, shares, classes in found]
    replace_file(target, content)
    return ExportResult(target, to, agreements, described, accuracy, exported)


Runs = list[tuple[str, NDArray[np.floating], NDArray[np.integer]]]


def write_onnx(exported: Exported, images: NDArray[Any], target: Path) -> tuple[bytes, Runs]:
    """Return the ONNX file, and its results in two runtimes."""
    from barenet.deploy.export_onnx import build_onnx, run_onnxruntime, run_reference

    content = build_onnx(exported).SerializeToString()
    if exported.rows_of:
        images = numbers_of(exported.rows_of, images)
    return content, [
        ("onnxruntime", *run_onnxruntime(content, images)),
        ("onnx.reference", *run_reference(content, images)),
    ]


def write_numpy(exported: Exported, images: NDArray[Any], target: Path) -> tuple[bytes, Runs]:
    """Return the Python file, and its results as a program."""
    from barenet.deploy.export_numpy import build_source, run_file

    source = build_source(exported, target.stem)
    columns = exported.rows_of
    given = images if columns is None else table_text(columns, numbers_of(columns, images))
    shares = run_file(source, given, target.stem)
    return source.encode(), [("python", shares, np.argmax(shares, axis=-1))]


WRITERS: dict[str, Callable[[Exported, NDArray[Any], Path], tuple[bytes, Runs]]] = {
    "onnx": write_onnx,
    "numpy": write_numpy,
}


def facts(models: Sequence[SavedModel], test_accuracy: float | None) -> dict[str, Any]:
    """Return the facts about the training that a file holds; validation accuracy is the mean over networks."""
    info = models[0].info
    known: dict[str, Any] = {
        "trained_on": info.data_name or None,
        "epoch": [model.info.epoch for model in models] if len(models) > 1 else info.epoch,
        "test_accuracy": test_accuracy,
    }
    validation = [model.info.metrics.get("validation_accuracy") for model in models]
    if None not in validation:
        known["validation_accuracy"] = float(np.mean([v for v in validation if v is not None]))
    return {name: value for name, value in known.items() if value is not None}
