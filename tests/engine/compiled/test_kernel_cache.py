"""Where compiled kernels are kept, and when they are compiled again; each test has separate processes and folders."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from engines import Case
from families import full_except

pytest.importorskip("numba")

import barenet
from barenet.engine.compiled.available import describe_compiling
from barenet.engine.compiled.kernels import compiling
from barenet.engine.compiled.steps import take_steps

pytestmark = [pytest.mark.extra, pytest.mark.slow]

# Compiles one small kernel, which is quick.
SMALL = """
import numpy as np
from numba import njit
from barenet.engine.compiled.kernels import compiling
from barenet.engine.compiled.kernels.updates import average
from barenet.engine.compiled.kernels.compiling import KERNELS

values, averages = np.full(16, 5, np.float32), np.full(16, 1, np.float32)
number, own = next((n, kernel) for n, kernel in enumerate(KERNELS) if kernel.dispatcher.__name__ == "average")
addresses = np.zeros(len(KERNELS), np.int64)
addresses[number] = own.address()
njit(lambda kernels, x, y: average(kernels, np.float32(0.5), x, y, 0, 16))(addresses, values, averages)
stats = own.dispatcher.stats
print(averages[0], sum(stats.cache_hits.values()), sum(stats.cache_misses.values()), compiling.FOLDER)
"""
# Imports products before all others, and trains.
IN_ANOTHER_ORDER = """
import sys
import time
for name in sys.argv[1:]:
    __import__(f"barenet.engine.compiled.kernels.{name}")
from barenet.engine.compiled.kernels.compiling import KERNELS
print([kernel.dispatcher.__name__ for kernel in KERNELS])
"""


def run(code, *arguments, cache, package=None, **variables):
    """Return the words that a new process prints."""
    others = ("NUMBA_", "BARENET_", "PYTHONWARN")  # the last would let Numba warn of files that it opens
    environment = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    environment |= {"NUMBA_CACHE_DIR": str(cache), **variables}
    if package is not None:
        environment["PYTHONPATH"] = str(package)
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.split()


@pytest.fixture
def package(tmp_path):
    """A copy of the package that a test may edit: the folder to import it from."""
    source = Path(barenet.__file__).parent
    shutil.copytree(source, tmp_path / "copy" / "barenet", ignore=shutil.ignore_patterns("__pycache__", "*.gz"))
    return tmp_path / "copy"


def edit(package, name, old, new):
    path = package / "barenet" / "engine" / "compiled" / "kernels" / name
    text = path.read_text("utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), "utf-8")


def test_a_second_process_compiles_nothing_and_an_edited_intrinsic_is_compiled(package, tmp_path):
    cache = tmp_path / "cache"
    value, hits, misses, folder = run(SMALL, cache=cache, package=package)
    assert (float(value), int(hits), int(misses)) == (3, 0, 1)  # 1 + (5 - 1) / 2
    assert run(SMALL, cache=cache, package=package) == ["3.0", "1", "0", folder]
    edit(package, "vectors.py", "lambda b, x, y: b.fsub(x, y)", "lambda b, x, y: b.fadd(x, y)")
    changed, hits, misses, other = run(SMALL, cache=cache, package=package)
    assert (float(changed), int(hits), int(misses)) == (4, 0, 1)  # 1 + (5 + 1) / 2
    assert other != folder
    assert Path(other).parent == Path(folder).parent == cache


def test_kernels_have_the_same_numbers_whichever_is_imported_first(tmp_path):
    """Compiled code on disk calls them by their numbers."""
    modules = ("products", "updates", "losses", "layers", "inputs", "normalization.over_images")
    orders = [run(IN_ANOTHER_ORDER, *names, cache=tmp_path) for names in (modules, modules[::-1], ("updates",))]
    assert len(orders[0]) >= 10
    assert all(order == orders[0] for order in orders)
    assert [f"'{own.dispatcher.__name__}'" for own in compiling.KERNELS] == [word.strip("[],") for word in orders[0]]


@pytest.mark.skipif(os.name != "posix", reason="of permissions")
@pytest.mark.parametrize("mode", full_except([0o777, 0o775, 0o757], 0o757))
def test_a_folder_that_others_may_write_is_not_used(package, tmp_path, mode):
    cache = tmp_path / "cache"
    folder = Path(run(SMALL, cache=cache, package=package)[3])
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    folder.chmod(mode)
    assert run(SMALL, cache=cache, package=package) == ["3.0", "0", "1", "None"]
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_without_a_folder_kernels_are_compiled_in_memory(package, tmp_path):
    (tmp_path / "file").write_text("a file, and no folder", "utf-8")
    assert run(SMALL, cache=tmp_path / "file" / "cache", package=package) == ["3.0", "0", "1", "None"]
    assert [path.name for path in (package / "barenet").rglob("*.nb?")] == []


def test_by_default_kernels_are_in_the_cache_of_barenet(package, tmp_path):
    folder = run(SMALL, cache="", package=package, BARENET_CACHE=str(tmp_path / "own"))[3]
    assert Path(folder).parent == tmp_path / "own" / "kernels"
    assert list(Path(folder).rglob("*.nbi"))
    assert not list((package / "barenet").rglob("*.nbi"))


@pytest.mark.full
def test_another_umask_makes_no_folder_that_others_may_write(package, tmp_path):
    found = run(f"import os; os.umask(0)\n{SMALL}", cache=tmp_path / "cache", package=package)
    folder = tmp_path / "cache"
    if found[3] != "None":
        assert not any(path.stat().st_mode & 0o022 for path in (folder, *folder.iterdir()))
    assert found[0] == "3.0"


@pytest.mark.full
def test_what_other_versions_compiled_is_removed_after_three_months(package, tmp_path):
    kernels, day = tmp_path / "own" / "kernels", 24 * 3600
    for name, days in (("old", 100), ("recent", 80)):
        (kernels / name).mkdir(parents=True)
        (kernels / name / "code.nbi").write_bytes(b"code")
        os.utime(kernels / name, (time.time() - days * day,) * 2)
    folder = Path(run(SMALL, cache="", package=package, BARENET_CACHE=str(tmp_path / "own"))[3])
    assert {path.name for path in kernels.iterdir()} == {"recent", folder.name}
    assert (kernels / "recent" / "code.nbi").exists()


def test_what_is_compiled_last_is_what_the_note_about_compiling_looks_for():
    Case({}, ({"seed": 0},), kind="compiled").engine((0,), 1).close()
    assert describe_compiling() is None


def test_one_compiled_function_trains_and_evaluates_all_networks():
    """For arrays of another type the function would be compiled again while training waits."""
    rich = {"dropout": 0.2, "input_dropout": 0.1, "shift": 1, "mirror": True, "class_weight": "2=3", "clip_norm": 1}
    for settings in ({}, rich, {"normalization": "layer", "average_decay": 0.9}):
        case = Case(settings, ({"seed": 0}, {"seed": 1}), kind="compiled")
        engine, plan = case.engine((0, 1), 1), case.plan((0, 1))
        engine.begin(plan)
        engine.train(0, plan.n_steps)
        engine.evaluate(case.loss, case.images.images[:20], case.images.labels[:20], 1 / 255)
        engine.close()
    assert len(take_steps.signatures) == 1
