"""The split data of a study, without test images, as files that workers map into memory: a machine reads them once.

A worker keeps what it has opened, so that data are loaded once a process. A worker that does not see the study's
folder, as on another machine of a cluster, loads the data set from its path instead and splits it in the same way.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from barenet.config.tables import Config
from barenet.data.loading import load_dataset
from barenet.errors import DataError, MachineError
from barenet.messages import one_line
from barenet.run_folders.teaching import with_teacher
from barenet.storage.arrays import checksum
from barenet.storage.files import replace_file
from barenet.storage.sealing import seal, unseal
from barenet.training.preparation import TrainingData, prepare

__all__ = ["SharedData", "forget_data", "share_data"]

CHECKSUMS = "checksums"
_opened: dict[str, TrainingData] = {}


@dataclass(frozen=True)
class SharedData:
    """Where a worker finds the data: the folder of mapped files, or else the settings that name the data set.

    has_path: whether the data can be loaded by the settings alone; arrays given in Python are in the folder only.
    """

    folder: str
    fingerprint: str
    config: Config
    has_path: bool

    @property
    def key(self) -> str:
        """A text that differs from that of other data."""
        # The probabilities of a teacher belong to the study: its name may mean another run by now.
        taught_for = "" if self.config.model.teacher is None else self.folder
        return f"{self.fingerprint} {self.config.data.split_seed} {self.config.data.n_valid} {taught_for}"

    def open(self) -> TrainingData:
        """Return the data; raises DataError if neither place has them, or if they are not those of the study."""
        if self.key not in _opened:
            _opened.clear()
            _opened[self.key] = self.load()
        return _opened[self.key]

    def load(self) -> TrainingData:
        """Map the files, or load and split the data set."""
        folder = Path(self.folder)
        if (folder / "about.json").exists():
            return self.map_files(folder)
        if not self.has_path:
            raise DataError(f"a worker does not see {folder}, where the images are; put the study on a shared disk")
        dataset = load_dataset(**self.config.data.reading(), trained_on=self.fingerprint)
        _, data = prepare(self.config, dataset, custom=with_teacher(self.config, dataset))
        if data.fingerprint != self.fingerprint:
            raise DataError(f"a worker finds other data at {self.config.data.path} than the study has; copy them there")
        return data

    def map_files(self, folder: Path) -> TrainingData:
        """Map the files and compare their checksums: networks must not train on damaged data."""
        try:
            about = unseal((folder / "about.json").read_bytes())
            checksums = about.pop(CHECKSUMS)
            # Plain arrays of the mapped file: views of a memmap would be memmaps in every step.
            arrays = {name: np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r")) for name in checksums}
            wrong = [name for name, array in arrays.items() if checksum(array) != checksums[name]]
        except (OSError, ValueError, KeyError, TypeError, EOFError, SyntaxError) as error:
            raise MachineError(f"the data for the workers in {folder} cannot be read: {one_line(error)}") from None
        if wrong:
            raise MachineError(f"the data for the workers in {folder} are damaged: {wrong[0]}.npy was changed")
        lists = {name: tuple(value) for name, value in about.items() if isinstance(value, list)}
        return TrainingData(**{**about, **lists, **arrays})


def share_data(folder: Path, data: TrainingData, config: Config, *, has_path: bool, write: bool = True) -> SharedData:
    """Write the data into `folder` and return where workers find them.

    Without `write` they stay in memory, for rungs that are trained in this process.
    """
    shared = SharedData(str(folder.absolute()), data.fingerprint, config, has_path)
    _opened.clear()
    if not write:
        _opened[shared.key] = data
        return shared
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        about: dict[str, Any] = {CHECKSUMS: {}}
        for name, value in vars(data).items():
            if isinstance(value, np.ndarray):
                np.save(folder / f"{name}.npy", np.ascontiguousarray(value), allow_pickle=False)
                about[CHECKSUMS][name] = checksum(value)
            else:
                about[name] = value
        # Written last: if it is there, all other files are.
        replace_file(folder / "about.json", seal(about))
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        megabytes = sum(value.nbytes for value in vars(data).values() if isinstance(value, np.ndarray)) / 1e6
        # If a disk becomes full in the middle of an array, NumPy raises the error, without the system's message.
        reason = error.strerror or one_line(error)
        raise MachineError(
            f"cannot write {megabytes:.0f} MB of data for the workers to {folder}: {reason}; "
            "choose another --output, or --workers 0"
        ) from None
    return shared


def forget_data(folder: Path) -> None:
    """Delete the files of the data; they are made anew when a search goes on."""
    _opened.clear()
    shutil.rmtree(folder, ignore_errors=True)
