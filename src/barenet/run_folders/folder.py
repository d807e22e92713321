"""A run's folder: its name, its files, and the lock that keeps a second process out."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import tomli_w
from filelock import FileLock, Timeout

from barenet.config.tables import Config
from barenet.errors import MachineError, RunError
from barenet.messages import as_typed
from barenet.run_folders.files import append_line, check_folder_name, replace_file
from barenet.training.records import EpochRecord, read_history

__all__ = [
    "RunFolder",
    "create_folder",
    "create_run",
    "drop_torn_files",
    "find_latest",
    "hold_lock",
    "lock_run",
    "network_folders",
    "seed_folders",
]

LOCK = ".lock"


def create_run(output: Path, name: str | None, prefix: str) -> Path:
    """Make an empty folder for a run: `output/name`, or `output/prefix-1`, `-2`, ... without a name."""
    return create_folder(output, name, prefix, kind="run", marker="config.toml")


def create_folder(output: Path, name: str | None, prefix: str, *, kind: str, marker: str) -> Path:
    """Make an empty folder for a run or a study; one that holds the file `marker` is one of that kind already.

    Raises:
        RunError: the folder is there already and holds something.
        MachineError: it cannot be made.
    """
    if name is not None and (name in ("", ".", "..") or set(name) & set("/\\")):
        raise RunError(f"--name must be the name of one folder, got {name!r}; choose where it lies by --output")
    for path in [output] if name is None else [output, output / name]:
        check_folder_name(path, f"the files of a {kind}")
    try:
        output.mkdir(parents=True, exist_ok=True)
        if name is None:
            return next_numbered(output, prefix)
        folder = output / name
        folder.mkdir(exist_ok=True)
        holds = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    except (NotADirectoryError, FileExistsError) as error:
        raise RunError(f"{error.filename} is a file, not a folder; choose another --output or --name") from None
    except OSError as error:
        raise MachineError(
            f"cannot make a {kind} folder in {output}: {error.strerror}; choose another --output"
        ) from None
    if marker in holds:
        raise RunError(
            f"{folder} holds a {kind} already; go on with it by --resume {as_typed(folder)}, or choose another --name"
        )
    if holds:
        raise RunError(f"{folder} holds something else ({', '.join(holds[:3])}); choose another --name")
    return folder


def next_numbered(output: Path, prefix: str) -> Path:
    """Make and return the first free `prefix-N`; two processes never get the same one."""
    taken = [path.name.removeprefix(f"{prefix}-") for path in output.glob(f"{prefix}-*")]
    number = max((int(t) for t in taken if t.isdecimal()), default=0) + 1
    while True:
        try:
            folder = output / f"{prefix}-{number}"
            folder.mkdir()
            return folder
        except FileExistsError:
            number += 1


@contextmanager
def lock_run(folder: Path) -> Iterator[None]:
    """Lock a run folder for this process; the lock goes when the process does, however it ends.

    Raises:
        RunError: another process is training in it.
        MachineError: the folder cannot be written.
    """
    # One of several seeds is locked with the run that it belongs to.
    is_part = folder.name.startswith("seed-") and (folder.parent / "config.toml").exists()
    in_use = f"{folder} is in use: another process is training in it; wait for it, or choose another"
    with hold_lock(folder.parent if is_part else folder, lambda: in_use):
        yield


@contextmanager
def hold_lock(folder: Path, in_use: Callable[[], str]) -> Iterator[None]:
    """Hold the lock of a folder; raise RunError with the words of `in_use` if another process has it."""
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RunError(in_use()) from None
    except OSError as error:
        raise MachineError(f"cannot write in {folder}: {error.strerror}; choose another --output") from None
    try:
        yield
    finally:
        lock.release()


def drop_torn_files(folder: Path) -> None:
    """Delete what a process that was killed left half written beside its target."""
    for path in folder.glob("**/.*.tmp"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def find_latest(output: str | Path = "runs") -> Path:
    """Return the run in `output` that was written to last; RunError if there is none."""
    runs = [path.parent for path in Path(output).glob("*/config.toml")]
    if not runs:
        raise RunError(f"no run in {output}; train one first, or name a run folder or a model file")
    usable = [run for run in runs if any(run.glob("**/best.safetensors"))] or runs
    return max(
        usable, key=lambda run: max(p.stat().st_mtime for p in (run / "config.toml", *run.glob("**/last.safetensors")))
    )


def network_folders(run: Path) -> list[Path]:
    """Return the folders of a run's networks: its `seed-*` folders, or the run itself."""
    seeds = [path for path in run.glob("seed-*") if path.name.removeprefix("seed-").isdecimal()]
    return sorted(seeds, key=lambda path: int(path.name.removeprefix("seed-"))) or [run]


@dataclass(frozen=True)
class RunFolder:
    """The files of one network's run."""

    path: Path

    @property
    def config(self) -> Path:
        """Every setting, resolved."""
        return self.path / "config.toml"

    @property
    def last(self) -> Path:
        """Everything needed to go on."""
        return self.path / "last.safetensors"

    @property
    def best(self) -> Path:
        """The best weights on validation."""
        return self.path / "best.safetensors"

    @property
    def history(self) -> Path:
        """One record an epoch."""
        return self.path / "history.jsonl"

    def epoch(self, epoch: int) -> Path:
        """Weights of one of the best epochs."""
        return self.path / f"epoch-{epoch}.safetensors"

    def write_config(self, config: Config) -> None:
        """Write every setting as TOML that trains the same run again."""
        replace_file(self.config, tomli_w.dumps(config.as_tables()))

    def append(self, record: EpochRecord) -> None:
        """Append a record to history.jsonl, history.csv and train.log."""
        if not self.history.exists():
            append_line(self.path / "history.csv", csv_line(record.csv_header()))
        append_line(self.history, record.as_json())
        append_line(self.path / "history.csv", csv_line(record.as_csv()))
        append_line(self.path / "train.log", record.as_line())

    def trim_history(self, epoch: int) -> None:
        """Drop records after `epoch`: of an epoch that was written down, but whose state was not."""
        if not self.history.exists():
            return
        records = [record for record in read_history(self.history) if record.epoch <= epoch]
        rows = [EpochRecord.csv_header(), *(record.as_csv() for record in records)]
        replace_file(self.path / "history.csv", "".join(csv_line(row) + "\n" for row in rows))
        replace_file(self.path / "train.log", "".join(record.as_line() + "\n" for record in records))
        replace_file(self.history, "".join(record.as_json() + "\n" for record in records))


def seed_folders(run: Path, configs: Sequence[Config]) -> list[RunFolder]:
    """Return the folder of each network of a run: the run's own, or one a seed."""
    return [RunFolder(run / f"seed-{config.trainer.seed}" if len(configs) > 1 else run) for config in configs]


def csv_line(values: Sequence[object]) -> str:
    """Return one line of CSV, without its end."""
    buffer = io.StringIO()
    csv.writer(buffer).writerow(values)
    return buffer.getvalue().rstrip("\r\n")
