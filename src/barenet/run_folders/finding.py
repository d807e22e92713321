"""Find a run, a study or a model file by its path or by its name alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypeAlias

from barenet.errors import RunError, closest
from barenet.messages import as_typed, few
from barenet.notes import logger
from barenet.storage.ensembles import ENSEMBLE

__all__ = [
    "RUNS",
    "STUDIES",
    "STUDY",
    "Named",
    "describe_names",
    "find_folder",
    "find_latest",
    "find_run",
    "find_study",
    "is_ensemble",
    "is_member",
    "is_run_or_study",
    "likely_name",
    "name_of_run",
    "parts_of_name",
]

STUDY = "study.json"  # a study's folder has this file, and a run's folder does not
RUNS, STUDIES = "runs", "studies"  # where commands make new folders


class HasFolder(Protocol):
    """The result of training or of a search."""

    @property
    def folder(self) -> Path | None:
        """The folder of its files; None if it was kept in memory."""


Named: TypeAlias = str | Path | HasFolder | None  # a path, a name, a result; None for the latest run


def find_latest(output: str | Path = "runs") -> Path:
    """Return the run in `output` that was written to last; RunError if there is none."""
    runs = [path.parent for path in Path(output).glob("[!.]*/config.toml")]  # hidden folders are not complete
    if not runs:
        raise RunError(f"no run in {output}; train one first, or name a run folder or a model file")
    usable = [run for run in runs if any(run.glob("**/best.safetensors"))] or runs
    return max(
        usable, key=lambda run: max(p.stat().st_mtime for p in (run / "config.toml", *run.glob("**/last.safetensors")))
    )


def path_of(named: Named, runs: str | Path = RUNS) -> Path:
    """Return the path that a person gave, the folder of a result, or that of the latest run in `runs`.

    Raises RunError if the result was kept in memory, or if there is no run.
    """
    if named is None:
        return find_latest(runs)
    if isinstance(named, str | Path):
        return Path(named)
    if named.folder is None:
        raise RunError("this result was kept in memory; train with output='runs', and its files are in a folder")
    return named.folder


def find_folder(name: str | Path, places: Sequence[str] = (RUNS, STUDIES)) -> Path:
    """Return the run, the study or the model file that a path names; `quick-1` is short for runs/quick-1.

    A path that does not exist, neither as given nor in `places`, is returned as given; its reader will refuse it.

    Raises RunError if there are several, such as runs/mine and studies/mine.
    """
    path = Path(name)
    tried = [path] if path.is_absolute() else [path, *(Path(place) / path for place in places)]
    existing = {place.resolve(): place for place in reversed(tried) if place.exists()}
    found = [place for place in tried if place in existing.values()]
    meant = [place for place in found if place.is_file() or is_run_or_study(place)] or found[:1] or [path]
    if len(meant) > 1:
        words = " or ".join(str(place.absolute() if place == path else place) for place in meant)
        raise RunError(f"{path} may mean {words}: give one of these paths")
    return meant[0]


def is_run_or_study(folder: Path) -> bool:
    """Whether a folder is that of a run, an ensemble or a study."""
    return any((folder / marker).exists() for marker in (STUDY, ENSEMBLE, "config.toml", "best.safetensors"))


def is_ensemble(path: Path) -> bool:
    """Whether a folder holds an ensemble."""
    return (path / ENSEMBLE).exists()


def is_member(folder: Path) -> bool:
    """Whether a folder is that of a member of an ensemble."""
    folder = folder.resolve()
    return folder.name.startswith("member-") and is_ensemble(folder.parent)


def likely_name(wanted: Path, runs: str | Path = RUNS) -> str | None:
    """Return the name of a run or a study that is nearly `wanted`, or None if there is none."""
    return closest(wanted.name, known_names(runs))


def known_names(runs: str | Path = RUNS) -> list[str]:
    """Return the names of all studies, and of all runs and ensembles in `runs`."""
    places = [(place, marker) for place in (Path(runs), Path(STUDIES)) for marker in ("config.toml", ENSEMBLE)]
    return sorted(path.parent.name for place, marker in places for path in place.glob(f"[!.]*/{marker}"))


def describe_names(wanted: Path, runs: str | Path = RUNS) -> str:
    """Return which names exist in place of a missing one, as the end of a message."""
    names, likely = known_names(runs), likely_name(wanted, runs)
    if not names:
        return f"there are none in {runs} and {STUDIES}"
    return f"did you mean {likely!r}?" if likely else f"there are {few(names)} in {runs} and {STUDIES}"


def find_run(named: Named, runs: str | Path = RUNS) -> Path:
    """Return the run or the model file that a path names, as `find_folder` does; for a study, its best run.

    `runs` is the folder in which runs are found by their names. A result of training or of a search means its folder,
    and None means the latest run.

    Raises RunError if the name has several meanings, or if a study has no best run yet.
    """
    name = path_of(named, runs)
    path = find_folder(name, (str(runs), STUDIES))
    if path != name:
        logger.info(f"{name} is taken as {path}")
    if not (path / STUDY).exists():
        return path
    best = path / "best"
    if not (best / "config.toml").exists():
        raise RunError(
            f"{path} is a study that has no best run yet; go on with: barenet search --resume {as_typed(path)}"
        )
    logger.info(f"{path} is a study: taking its best run, {best}")
    return best


def find_study(named: Named, runs: str | Path = RUNS) -> Path | None:
    """Return the folder of the study that a path, a name or a result names, or None if it names no study."""
    name = path_of(named, runs)
    path = find_folder(name, (str(runs), STUDIES))
    if not (path / STUDY).exists():
        return None
    if path != name:
        logger.info(f"{name} is taken as {path}")
    return path


def name_of_run(folder: Path) -> str:
    """Return the name of a run in texts: that of its folder, and of the study, run or ensemble that contains it.

    It is `course-search-1, best run` for a study's best run, `quick-2, seed-1` for one of several seeds, and
    `ensemble-1, member-0` for a member of an ensemble.
    """
    *whole, name = parts_of_name(folder)
    return ", ".join([*whole, f"{name} run" if (folder.resolve().parent / STUDY).exists() else name])


def parts_of_name(folder: Path) -> tuple[str, ...]:
    """Return the name of a run's folder, after that of the study, run or ensemble that contains it."""
    folder = folder.resolve()
    is_seed = folder.name.startswith("seed-") and (folder.parent / "config.toml").exists()
    is_part = is_seed or (folder.parent / STUDY).exists() or is_member(folder)
    return (folder.parent.name, folder.name) if is_part else (folder.name,)
