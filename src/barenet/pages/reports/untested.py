"""Why a run has no test results, and the command for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from barenet.config.tables import Config
from barenet.data.datasets import Dataset
from barenet.messages import as_typed
from barenet.run_folders.finding import STUDY
from barenet.training.records import EpochRecord

__all__ = ["Untested", "untested_words"]


@dataclass(frozen=True)
class Untested:
    """Why there are no test results, and the command for them; `lead` comes before it, and `then` after it."""

    why: str = ""
    lead: str = ""
    command: str = ""
    then: str = ""


def untested_words(path: Path, config: Config | None, history: Sequence[EpochRecord], data: Dataset | None) -> Untested:
    """Return what a page says about missing test results of a run or a model file at `path`."""
    study = path.resolve().parent
    if path.resolve().name == "best" and (study / STUDY).exists():
        study = path.parent if path.name == "best" else study
        why, again = "a search does not look at the test images", study / "retrained"
        if (again / "test.json").exists():
            return Untested(why, "Its settings were trained again and tested:", f"barenet report {as_typed(again)}")
        retrain = f"barenet search --resume {as_typed(study)} --retrain"
        return Untested(why, "To train its settings again and test them:", retrain, f"; it writes {again}")
    if data is not None and data.test_images is None:
        return Untested("these data have no test images")
    if not path.is_dir():
        return Untested("a model file holds none", "To see them in the terminal:", f"barenet test {as_typed(path)}")
    epochs = config.trainer.epochs if config is not None else 0
    if history and history[-1].epoch < epochs and history[-1].stopped is None:
        resume = f"barenet train --resume {as_typed(path)}"
        return Untested(f"training is at epoch {history[-1].epoch} of {epochs}", "To continue and test:", resume)
    return Untested()
