"""Find what a person names: a run, a study or a model file, by its path or by its name alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeAlias

from barenet.errors import RunError, closest
from barenet.messages import as_typed, few
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
    "is_ensemble",
    "is_member",
    "is_run_or_study",
    "likely_name",
    "name_of_run",
    "parts_of_name",
]

STUDY = "study.json"  # what a study's folder has and no run's
RUNS, STUDIES = "runs", "studies"  # where commands put what they make


class HasFolder(Protocol):
    """What training or a search returned."""

    @property
    def folder(self) -> Path | None:
        """Where its files are; None where it was kept in memory."""


Named: TypeAlias = str | Path | HasFolder | None  # a path, a name, a result; None for the latest run


def find_latest(output: str | Path = "runs") -> Path:
    """Return the run in `output` that was written to last; RunError if there is none."""
    runs = [path.parent for path in Path(output).glob("[!.]*/config.toml")]  # hidden ones are not complete
    if not runs:
        raise RunError(f"no run in {output}; train one first, or name a run folder or a model file")
    usable = [run for run in runs if any(run.glob("**/best.safetensors"))] or runs
    return max(
        usable, key=lambda run: max(p.stat().st_mtime for p in (run / "config.toml", *run.glob("**/last.safetensors")))
    )


def path_of(named: Named, runs: str | Path = RUNS) -> Path:
    """Return the path that a person gave, the folder of a result, or that of the latest run in `runs`.

    Raises RunError: the result was kept in memory, or there is no run.
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

    A path of which nothing is there, as it is or in `places`, is returned as it is, for its reader to refuse.

    Raises RunError: there are several, such as runs/mine and studies/mine.
    """
    path = Path(name)
    tried = [path] if path.is_absolute() else [path, *(Path(place) / path for place in places)]
    there = {place.resolve(): place for place in reversed(tried) if place.exists()}
    found = [place for place in tried if place in there.values()]
    meant = [place for place in found if place.is_file() or is_run_or_study(place)] or found[:1] or [path]
    if len(meant) > 1:
        words = " or ".join(str(place.absolute() if place == path else place) for place in meant)
        raise RunError(f"{path} may mean {words}: give one of these paths")
    return meant[0]


def is_run_or_study(folder: Path) -> bool:
    """Whether a folder holds what training or a search writes."""
    return any((folder / marker).exists() for marker in (STUDY, ENSEMBLE, "config.toml", "best.safetensors"))


def is_ensemble(path: Path) -> bool:
    """Whether a folder holds an ensemble."""
    return (path / ENSEMBLE).exists()


def is_member(folder: Path) -> bool:
    """Whether a folder is that of a member of an ensemble."""
    folder = folder.resolve()
    return folder.name.startswith("member-") and is_ensemble(folder.parent)


def likely_name(wanted: Path, runs: str | Path = RUNS) -> str | None:
    """Return the name of a run or a study that is nearly what was asked for, None if there is none."""
    return closest(wanted.name, known_names(runs))


def known_names(runs: str | Path = RUNS) -> list[str]:
    """Return the names of all runs, ensembles and studies, those of runs and ensembles in `runs`."""
    places = [(place, marker) for place in (Path(runs), Path(STUDIES)) for marker in ("config.toml", ENSEMBLE)]
    return sorted(path.parent.name for place, marker in places for path in place.glob(f"[!.]*/{marker}"))


def describe_names(wanted: Path, runs: str | Path = RUNS) -> str:
    """Return what there is in the place of a name that is not there, as the end of a message."""
    names, likely = known_names(runs), likely_name(wanted, runs)
    if not names:
        return f"there are none in {runs} and {STUDIES}"
    return f"did you mean {likely!r}?" if likely else f"there are {few(names)} in {runs} and {STUDIES}"


def find_run(named: Named, note: Callable[[str], None] = lambda message: None, runs: str | Path = RUNS) -> Path:
    """Return the run or the model file that a path names, as `find_folder` does; of a study its best run.

    `runs` is the folder in which runs are looked for by their names. What training or a search returned stands for its
    folder, and None for the latest run.

    Raises RunError: several are meant, or a study has no best run yet.
    """
    name = path_of(named, runs)
    path = find_folder(name, (str(runs), STUDIES))
    if path != name:
        note(f"{name} is taken as {path}")
    if not (path / STUDY).exists():
        return path
    best = path / "best"
    if not (best / "config.toml").exists():
        raise RunError(
            f"{path} is a study that has no best run yet; go on with: barenet search --resume {as_typed(path)}"
        )
    note(f"{path} is a study: taking its best run, {best}")
    return best


def name_of_run(folder: Path) -> str:
    """Return how texts call a run: by its folder, and by the study or the run that it is a part of.

    It is `course-search-1, best run` for a study's best run, `quick-2, seed-1` for one of several seeds, and
    `ensemble-1, member-0` for a member of an ensemble.
    """
    *whole, own = parts_of_name(folder)
    return ", ".join([*whole, f"{own} run" if (folder.resolve().parent / STUDY).exists() else own])


def parts_of_name(folder: Path) -> tuple[str, ...]:
    """Return the name of a run's folder, behind that of the study, the run or the ensemble that it is a part of."""
    folder = folder.resolve()
    is_seed = folder.name.startswith("seed-") and (folder.parent / "config.toml").exists()
    is_part = is_seed or (folder.parent / STUDY).exists() or is_member(folder)
    return (folder.parent.name, folder.name) if is_part else (folder.name,)
