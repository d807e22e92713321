"""Check that two versions give the same bits: weights, histories, test results and searches, byte by byte.

    python benchmarks/same_bits.py OLD [NEW]            commits, or folders with a checkout; NEW is HEAD by default
    python benchmarks/same_bits.py v0.1 . --whole       also the default training to its end, half a minute each
    python benchmarks/same_bits.py OLD --only course search

Needs barenet[sklearn] in this Python: both versions use its libraries. Prints a line for each scenario of
`scenarios.py`: identical, or the first difference; then the exit code is 1. Seconds, plots, pages, logs and Optuna's
record are not compared.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file
from scenarios import SCENARIOS, WHOLE
from versions import Version, install

SCRIPT = Path(__file__).with_name("scenarios.py")
NOT_COMPARED = {"machine.json"}  # it holds the versions of libraries


def main() -> None:
    """Install both versions, run all scenarios with both, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", help="commit or folder")
    parser.add_argument("new", nargs="?", default="HEAD", help="commit or folder [HEAD]")
    parser.add_argument("--only", nargs="+", choices=[*SCENARIOS, *WHOLE], help="run these scenarios alone")
    parser.add_argument("--whole", action="store_true", help="train with the default recipe to its end as well")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep what the scenarios write, in FOLDER")
    arguments = parser.parse_args()
    names = arguments.only or [*SCENARIOS, *(WHOLE if arguments.whole else ())]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        versions = {side: install(getattr(arguments, side), folder / side) for side in ("old", "new")}
        print(f"{versions['old'].name} against {versions['new'].name}, NumPy {np.__version__}", flush=True)
        differences = [compare_scenario(name, versions, folder, arguments.keep) for name in names]
    sys.exit(1 if any(differences) else 0)


def compare_scenario(name: str, versions: dict[str, Version], folder: Path, keep: Path | None) -> bool:
    """Run a scenario with both versions, print the result, and return whether anything differs."""
    contents = []
    for side, version in versions.items():
        # Both use the same folder, since a run stores the path of its data.
        place = folder / name
        place.mkdir()
        version.run(SCRIPT, name, cwd=place)
        contents.append(dict(read_contents(place)))
        if keep is not None:
            shutil.copytree(place, keep / side / name, dirs_exist_ok=True)
        shutil.rmtree(place)
    n_arrays = sum(isinstance(value, np.ndarray) for value in contents[0].values())
    difference = first_difference(*contents)
    same = f"identical ({n_arrays} arrays, {len(contents[0]) - n_arrays} other values)"
    print(f"{name}: {difference or same}", flush=True)
    return difference is not None


def read_contents(folder: Path) -> Iterator[tuple[str, Any]]:
    """Yield everything below a folder that must be equal, as pairs of its place and its value."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name not in NOT_COMPARED):
        where = path.relative_to(folder).as_posix()
        if path.suffix == ".safetensors":
            for name, array in sorted(load_file(path).items()):
                yield f"{where}: {name}", array
        elif path.suffix == ".npy":
            yield where, np.load(path)
        elif path.suffix in (".json", ".out", ".jsonl"):
            text = path.read_text("utf-8")
            lines = text.splitlines() if path.suffix == ".jsonl" else [text]
            for number, line in enumerate(lines, 1):
                yield from read_values(f"{where}: line {number}" if len(lines) > 1 else where, parse(line))
        elif path.suffix == ".csv":
            with path.open(encoding="utf-8", newline="") as file:
                for number, row in enumerate(csv.DictReader(file), 2):
                    yield from read_values(f"{where}: line {number}", row)
        elif path.suffix == ".toml":
            yield from read_values(where, tomllib.loads(path.read_text("utf-8")))


def parse(text: str) -> Any:
    """Return the value of a JSON text, or the text if it is not JSON, such as an error message."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def read_values(where: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the numbers and texts of a value, except seconds, the checksums that cover them, and advice."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if "seconds" not in name and name not in ("checksum", "advice", "reasons"):
                yield from read_values(f"{where}: {name}", inner)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from read_values(f"{where}[{i}]", inner)
    else:
        yield where, value


def first_difference(old: dict[str, Any], new: dict[str, Any]) -> str | None:
    """Return the first place where two contents differ, and by how much."""
    for where in [*old, *(where for where in new if where not in old)]:
        if where not in new or where not in old:
            return f"{where} is only in the {'old' if where in old else 'new'} version"
        before, after = old[where], new[where]
        if isinstance(before, np.ndarray):
            if (before.dtype, before.shape) != (after.dtype, after.shape):
                return f"{where} is {before.dtype} {before.shape} and {after.dtype} {after.shape}"
            if before.tobytes() != after.tobytes():
                largest = np.nanmax(np.abs(before.astype(np.float64) - after.astype(np.float64)))
                return f"{where} differs by at most {largest:.3g}"
        elif repr(before) != repr(after):  # as text, since NaN does not equal itself
            return f"{where} is {before!r} and {after!r}"
    return None


if __name__ == "__main__":
    main()
