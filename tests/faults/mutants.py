"""Mutants: modules with one small fault each, and whether their tests notice it.

    python tests/faults/mutants.py --n 200 --seed 0 --minutes 60

A mutant is written into a copy of the package that comes before the installed one, so nothing of the project changes.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
PATIENCE = 300  # seconds; if tests take longer, the mutant hangs, which counts as noticed

STORAGE = ["tests/storage", "tests/run_folders/test_checkpoint.py", "tests/faults/test_flips.py"]
RUNS = ["tests/run_folders/test_run_folder.py", "tests/run_folders/test_checkpoint.py"]
RESUMED = ["tests/run_folders/test_resuming.py"]
WENT_ON = [*RESUMED, "tests/real_inputs/test_going_on.py"]
TRAINED = ["tests/training/test_epochs.py", "tests/engine/test_steps.py", "tests/training/test_training_loop.py"]
SAVED = ["tests/faults/test_failing_calls.py", "tests/faults/test_killed_runs.py"]
# From each module to the tests that belong to it, the quickest first.
BELONGS: dict[str, list[str]] = {
    "storage/files.py": [*STORAGE, *RUNS, *SAVED, *RESUMED],
    "storage/folders.py": [*STORAGE, *RUNS, *RESUMED],
    "storage/arrays.py": [*STORAGE, *RESUMED],
    "storage/sealing.py": [*STORAGE, *RESUMED],
    "storage/history.py": [*STORAGE, *RESUMED],
    "run_folders/checkpoint.py": [*RUNS, "tests/faults/test_flips.py", *RESUMED],
    "run_folders/going_on/resuming.py": [*WENT_ON],
    "run_folders/writing.py": [*RUNS, *WENT_ON, "tests/faults/test_small_disks.py"],
    "run_folders/folder.py": [*RUNS, *RESUMED],
    "run_folders/going_on/extending.py": [*WENT_ON],
    "training/epochs.py": [*TRAINED, *RESUMED],
    "engine/state.py": [*TRAINED, *RESUMED],
}
OTHER: dict[type[ast.AST], type[ast.AST]] = {
    **{ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt},
    **{ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And},
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult},
}


@dataclass(frozen=True)
class Mutant:
    """One fault: its module and line, the old code, the new code, and the whole text."""

    module: str
    line: int
    before: str
    after: str
    text: str

    def __str__(self) -> str:
        return f"{self.module}:{self.line}: {self.before!r} -> {self.after!r}"


def changes_of(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what a node may be changed into."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in OTHER:
        yield ast.Compare(node.left, [OTHER[type(node.ops[0])](), *node.ops[1:]], node.comparators)  # type: ignore[list-item]
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(OTHER[type(node.op)](), node.values)  # type: ignore[arg-type]
    elif isinstance(node, ast.BinOp) and type(node.op) in OTHER:
        yield ast.BinOp(node.left, OTHER[type(node.op)](), node.right)  # type: ignore[arg-type]
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield ast.Constant(node.value + 1)
    elif isinstance(node, ast.Return) and node.value is not None:
        yield ast.Return(ast.Constant(None))
    elif isinstance(node, ast.If):
        yield ast.If(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
    elif isinstance(node, ast.Raise | ast.AugAssign) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ):
        yield ast.Pass()


def mutants_of(module: str) -> Iterator[Mutant]:
    """Yield every mutant of a module: not in annotations, and not in the texts of messages."""
    text = (SOURCE / "barenet" / module).read_text("utf-8")
    tree = ast.parse(text)
    skipped = {id(part) for node in ast.walk(tree) for own in words_and_types(node) for part in ast.walk(own)}
    nodes = list(ast.walk(tree))
    for number, node in enumerate(nodes):
        if id(node) in skipped:
            continue
        for change in changes_of(node):
            other = copy.deepcopy(tree)
            same = list(ast.walk(other))[number]
            same.__class__, same.__dict__ = change.__class__, {**same.__dict__, **copy.deepcopy(change).__dict__}
            ast.fix_missing_locations(other)
            yield Mutant(
                module,
                node.lineno,
                first_line(node),
                first_line(same),
                ast.unparse(other),  # type: ignore[attr-defined]
            )


def words_and_types(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the parts of a node that are text for people, or types."""
    if isinstance(node, ast.JoinedStr):
        yield node
    if isinstance(node, ast.AnnAssign | ast.arg) and node.annotation is not None:
        yield node.annotation
    if isinstance(node, ast.FunctionDef) and node.returns is not None:
        yield node.returns
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
        yield from node.exc.args


def first_line(node: ast.AST) -> str:
    return ast.unparse(node).splitlines()[0][:80]


def is_noticed(mutant: Mutant, copied: Path) -> bool:
    """Return whether a test fails, or hangs, with the mutant in place."""
    path = copied / "barenet" / mutant.module
    path.write_text(mutant.text, "utf-8")
    command = [sys.executable, "-m", "pytest", "-n0", "-x", "-q", "-p", "no:cacheprovider", *BELONGS[mutant.module]]
    environment = {**os.environ, "PYTHONPATH": str(copied)}
    try:
        done = subprocess.run(
            command, check=False, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", timeout=PATIENCE
        )
        return done.returncode != 0
    except subprocess.TimeoutExpired:
        return True
    finally:
        shutil.copy(SOURCE / "barenet" / mutant.module, path)


def run(n: int, seed: int, minutes: float) -> tuple[list[Mutant], int]:
    """Try n random mutants, or as many as the time allows; return those that survive, and how many were tried."""
    chosen = [mutant for module in BELONGS for mutant in mutants_of(module)]
    random.Random(seed).shuffle(chosen)
    end, survivors, tried = time.monotonic() + 60 * minutes, [], 0
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(folder) / "src"
        shutil.copytree(SOURCE, copied, ignore=shutil.ignore_patterns("__pycache__"))
        for mutant in chosen[:n]:
            if time.monotonic() > end:
                break
            tried += 1
            if not is_noticed(mutant, copied):
                survivors.append(mutant)
            print(f"{tried}: {'SURVIVES' if mutant in survivors[-1:] else 'noticed'} {mutant}", flush=True)
    return survivors, tried


def main() -> None:
    """Print each mutant and whether it was noticed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=600)
    given = parser.parse_args()
    survivors, tried = run(given.n, given.seed, given.minutes)
    print(f"{tried - len(survivors)} of {tried} mutants noticed")


if __name__ == "__main__":
    main()
