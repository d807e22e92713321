"""How much of its stack's time the best trial of a study took.

A run's history has the seconds on the clock. The trials of a stack train together, so of a trial they are too many; the
records of its rungs hold its share.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count, takewhile
from pathlib import Path

from barenet.run_folders.finding import STUDY
from barenet.storage.sealing import unseal
from barenet.training.records import EpochRecord, training_seconds
from barenet.tuning.study.folder import StudyFolder

__all__ = ["Shared", "share_time"]

UNKNOWN = "on the clock, shared with the trials of its search that trained together with it"


@dataclass(frozen=True)
class Shared:
    """The records of a run with its part of the seconds, and in words whose the seconds are.

    Both words are empty where the run shared its time with no other. is_known: whether the seconds are its part alone.
    """

    history: list[EpochRecord]
    words: str = ""
    short: str = ""
    is_known: bool = True


def share_time(run: Path, history: Sequence[EpochRecord]) -> Shared:
    """Return a history with the run's share of each epoch's seconds where it is the best run of a study.

    Where the study no longer tells the share, the seconds stay, and the words say that they were shared.
    """
    study = run.resolve().parent
    if run.resolve().name != "best" or not (study / STUDY).exists():
        return Shared([*history])
    rungs = read_rungs(StudyFolder(study))
    together = [record for record in history if rungs and record.epoch <= rungs[-1][0]]
    clock, share = training_seconds([together]), math.fsum(seconds for _, seconds in rungs)
    if not (clock > 0 and share > 0):
        return Shared([*history], UNKNOWN, "shared with other trials", is_known=False)
    if share > 0.99 * clock:
        return Shared([*history])
    own = [replace(record, seconds=record.seconds * share / clock) for record in together]
    words = f"its share of the {clock:.1f} s in which it trained together with other trials of its search"
    return Shared([*own, *history[len(together) :]], words, "its share")


def read_rungs(study: StudyFolder) -> list[tuple[int, float]]:
    """Return epochs and seconds after each rung of the study's best trial; none where its files do not tell."""
    try:
        number = unseal((study.path / "results.json").read_bytes())["best"]["trial"]
        paths = takewhile(Path.exists, (study.rung(f"{number:05d}", rung) for rung in count()))
        contents = [unseal(path.read_bytes()) for path in paths]
        return [(int(content["epochs"]), float(content["seconds"])) for content in contents]
    except (OSError, KeyError, TypeError, ValueError):
        return []
