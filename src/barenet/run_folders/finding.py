"""Find what a person names: a run, a study or a model file, by its path or by its name alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from barenet.errors import RunError
from barenet.messages import as_typed

__all__ = ["RUNS", "STUDIES", "STUDY", "find_folder", "find_run", "is_run_or_study", "name_of_run", "parts_of_name"]

STUDY = "study.json"  # what a study's folder has and no run's
RUNS, STUDIES = "runs", "studies"  # where commands put what they make


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
    return any((folder / marker).exists() for marker in (STUDY, "config.toml", "best.safetensors"))


def find_run(name: str | Path, note: Callable[[str], None] = lambda message: None, runs: str | Path = RUNS) -> Path:
    """Return the run or the model file that a path names, as `find_folder` does; of a study its best run.

    `runs` is the folder in which runs are looked for by their names.

    Raises RunError: several are meant, or a study has no best run yet.
    """
    path = find_folder(name, (str(runs), STUDIES))
    if path != Path(name):
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

    It is `course-search-1, best run` for a study's best run, and `quick-2, seed-1` for one of several seeds.
    """
    *whole, own = parts_of_name(folder)
    return ", ".join([*whole, f"{own} run" if (folder.resolve().parent / STUDY).exists() else own])


def parts_of_name(folder: Path) -> tuple[str, ...]:
    """Return the name of a run's folder, behind that of the study or the run that it is a part of."""
    folder = folder.resolve()
    is_seed = folder.name.startswith("seed-") and (folder.parent / "config.toml").exists()
    is_part = is_seed or (folder.parent / STUDY).exists()
    return (folder.parent.name, folder.name) if is_part else (folder.name,)
