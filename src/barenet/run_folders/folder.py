"""A run's folder: its name, its files, and the lock against a second process."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tomli_w
from numpy.typing import NDArray

from barenet.config.tables import Config
from barenet.errors import MachineError
from barenet.printing.lines import write_csv_row
from barenet.storage.arrays import read_arrays, write_arrays
from barenet.storage.ensembles import ENSEMBLE, member_folder, read_members
from barenet.storage.files import append_line, keep_damaged, replace_file
from barenet.storage.folders import NewFolder, hold_lock
from barenet.storage.history import history_line, read_history
from barenet.training.records import EpochRecord

__all__ = [
    "TEACHER",
    "RunFolder",
    "drop_torn_files",
    "lock_run",
    "network_folders",
    "new_ensemble",
    "new_run",
    "seed_folders",
]

TEACHER = "teacher.safetensors"


def new_run(output: Path, name: str | None, prefix: str) -> NewFolder:
    """Return a new folder for a run: `output/name`, or `output/prefix-1`, `-2`, ... without a name."""
    return NewFolder(output, name, prefix, kind="run", marker="config.toml")


@contextmanager
def lock_run(folder: Path) -> Iterator[None]:
    """Lock a run folder for this process; the lock is released when the process ends, in any way.

    Raises:
        RunError: another process is training in it; the message says which.
        MachineError: the folder cannot be written.
    """
    # The folder of one of several seeds is locked with the whole run.
    is_part = folder.name.startswith("seed-") and (folder.parent / "config.toml").exists()
    with hold_lock(folder.parent if is_part else folder):
        yield


def drop_torn_files(folder: Path) -> None:
    """Delete files that a killed process has written only in part."""
    for path in folder.glob("**/.*.tmp"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def new_ensemble(output: Path, name: str | None) -> NewFolder:
    """Return a new folder for an ensemble: `output/name`, or `output/ensemble-1`, `-2`, ... by default."""
    return NewFolder(output, name, "ensemble", kind="ensemble", marker=ENSEMBLE, goes_on=False)


def network_folders(run: Path) -> list[Path]:
    """Return the folders of a run's networks: its `seed-*` folders, or the run itself; for ensembles, the members'."""
    if (run / ENSEMBLE).exists():
        return [member_folder(run, number) for number in range(len(read_members(run)))]
    seeds = [path for path in run.glob("seed-*") if path.name.removeprefix("seed-").isdecimal()]
    return sorted(seeds, key=lambda path: int(path.name.removeprefix("seed-"))) or [run]


@dataclass(frozen=True)
class RunFolder:
    """The files of one network's run."""

    path: Path

    @property
    def config(self) -> Path:
        """All settings, resolved."""
        return self.path / "config.toml"

    @property
    def last(self) -> Path:
        """Everything that is needed to continue."""
        return self.path / "last.safetensors"

    @property
    def previous(self) -> Path:
        """The checkpoint before the last one, used if the last one is damaged."""
        return self.path / "previous.safetensors"

    @property
    def best(self) -> Path:
        """The best weights on validation."""
        return self.path / "best.safetensors"

    @property
    def history(self) -> Path:
        """One record for each epoch."""
        return self.path / "history.jsonl"

    def epoch(self, epoch: int) -> Path:
        """Weights of one of the best epochs."""
        return self.path / f"epoch-{epoch}.safetensors"

    def write_config(self, config: Config) -> None:
        """Write every setting as TOML that trains the same run again."""
        replace_file(self.config, tomli_w.dumps(config.as_tables()))

    def write_teacher(self, probabilities: NDArray[np.float32]) -> None:
        """Write the probabilities (n, C) that the teacher gave the training images."""
        write_arrays(self.path / TEACHER, {}, {"probabilities": probabilities})

    def read_teacher(self) -> NDArray[np.float32]:
        """Return what `write_teacher` wrote."""
        return read_arrays(self.path / TEACHER)[1]["probabilities"]

    def append(self, record: EpochRecord) -> None:
        """Append a record to history.jsonl, history.csv and train.log."""
        if not self.history.exists():
            append_line(self.path / "history.csv", csv_line(record.csv_header()))
        append_line(self.history, history_line(record), flush=True)
        append_line(self.path / "history.csv", csv_line(record.as_csv()))
        append_line(self.path / "train.log", record.as_line())

    def drop_outdated(self, best_epochs: Iterable[int]) -> None:
        """Delete weights that are not, or no longer, among the best."""
        kept = {self.epoch(int(epoch)) for epoch in best_epochs}
        for path in set(self.path.glob("epoch-*.safetensors")) - kept:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise MachineError(f"cannot delete {path}: {error.strerror}") from None

    def write_history(self, records: Sequence[EpochRecord]) -> None:
        """Write history.jsonl, history.csv and train.log again, with these records."""
        rows = [EpochRecord.csv_header(), *(record.as_csv() for record in records)]
        replace_file(self.path / "history.csv", "".join(csv_line(row) + "\n" for row in rows))
        replace_file(self.path / "train.log", "".join(record.as_line() + "\n" for record in records))
        replace_file(self.history, "".join(history_line(record) + "\n" for record in records))

    def trim_history(self, epoch: int) -> list[str]:
        """Drop records after `epoch`: those of an epoch whose record was written, but whose state was not.

        Returns in words which other records are missing. A damaged file is kept beside the new one.
        """
        if not self.history.exists() and not epoch:
            return []
        history = read_history(self.history)
        problems = history.problems(epoch)
        if history.is_damaged:
            problems.append(f"the damaged file is kept as {keep_damaged(self.history)}")
        self.write_history([record for record in history.records if record.epoch <= epoch])
        return problems


def seed_folders(run: Path, configs: Sequence[Config]) -> list[RunFolder]:
    """Return the folder of each network of a run: one for each seed, or that of the run for a single network."""
    return [RunFolder(run / f"seed-{config.trainer.seed}" if len(configs) > 1 else run) for config in configs]


def csv_line(values: Sequence[object]) -> str:
    """Return one line of CSV, without its end."""
    buffer = io.StringIO()
    write_csv_row(buffer, values)
    return buffer.getvalue().rstrip("\n")
