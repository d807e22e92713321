"""Find the model of a command: the one that is named, or the latest run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from barenet.data.files import fault_of_file
from barenet.deploy.inputs import looks_like_input
from barenet.errors import ConfigError, RunError
from barenet.notes import logger
from barenet.run_folders.finding import (
    STUDIES,
    describe_names,
    find_folder,
    find_latest,
    find_run,
    is_run_or_study,
    likely_name,
)

__all__ = ["find_model", "split_model"]

MODEL_FILES = (".safetensors", ".pkl", ".pickle", ".npz")  # `predict` takes no inputs from such files


def find_model(model: Path | None, runs: Path) -> Path:
    """Return the run or the model file that a person named, or the latest run in `runs`, which is noted.

    Raises RunError: there is none, or the name fits several.
    """
    if model is not None:
        path = find_run(model, runs)
        if not path.exists():
            raise RunError(
                f"no model file {str(model)!r}, and no run or study of that name: {describe_names(model, runs)}"
            )
        return path
    latest = find_latest(runs)
    logger.info(f"taking the latest run, {latest}")
    return latest


def split_model(words: Sequence[str], runs: Path) -> tuple[Path | None, list[str]]:
    """Return the model that the first of some words names, None for the latest run, and the inputs after it.

    A word is a model if it is the path or the name of a run, a study or a model file. Any other is an input.

    Raises ConfigError: there is no input, or the first word may mean both, or it is neither.
    """
    if not words:
        raise ConfigError(
            "nothing to predict: name pictures, folders, .npy, IDX or .csv files, or - for standard input; before "
            "them a run or a model file, without which the latest run predicts"
        )
    first, path = words[0], Path(words[0])
    found = None if first == "-" else find_folder(path, (str(runs), STUDIES))
    is_model = found is not None and (found.suffix.lower() in MODEL_FILES or is_run_or_study(found))
    is_input = first == "-" or (looks_like_input(path) and not (is_model and found == path))
    if is_model and is_input and len(words) > 1:
        raise ConfigError(
            f"{first} may mean the model {found} or what is in {path.absolute()}: give one of these paths"
        )
    if is_input:
        return None, list(words)
    if is_model and len(words) > 1:
        return path, list(words[1:])
    if is_model:
        raise ConfigError(f"nothing to predict: {first} is a model; name pictures or the like after it")
    fault = (fault_of_file(path) or "is of no known kind") if path.exists() else "does not exist"
    likely = likely_name(path, runs)
    if likely is not None and not path.exists():
        raise ConfigError(f"{first} does not exist: did you mean the run {likely!r}?")
    raise ConfigError(
        f"{first} {fault}: expected a model (a run or its name, an ensemble, a study, a model file) or something to "
        f"predict (a picture, a folder, an .npy, IDX or .csv file)"
    )
