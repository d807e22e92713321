"""`verify`: check that a run on disk is the result of its training.

Its files are compared with their checksums, and its last steps are repeated. Training is exact: training that continues
from the previous checkpoint, with the same arithmetic, gives the last checkpoint bit for bit. Training from the start
does so too, but takes as long as the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.config.sources import complete_settings
from barenet.data.datasets import Dataset
from barenet.data.loading import load_dataset
from barenet.engine.state import TrainingState
from barenet.errors import BarenetError, RunError
from barenet.nn import Activation, Loss
from barenet.notes import held_back
from barenet.run_folders.checkpoint import ModelInfo, read_model, read_state
from barenet.run_folders.finding import Named, find_run, is_ensemble, is_member
from barenet.run_folders.folder import TEACHER, RunFolder, network_folders
from barenet.run_folders.going_on.resuming import changed_settings, prepare_as_before, stored_config
from barenet.run_folders.machine import DECIDES, EARLIER, RULE, describe_machine, read_machine
from barenet.run_folders.scores import PROBABILITIES, read_scores
from barenet.storage.history import read_history
from barenet.training.epochs import Steps
from barenet.training.preparation import Custom
from barenet.training.trainer import Trainer

__all__ = ["Replay", "Verification", "verify"]


@dataclass(frozen=True)
class Replay:
    """Steps of one network that were repeated, and the arrays whose result differs from the one on disk."""

    folder: Path
    first_step: int
    last_step: int
    differing: list[str]


@dataclass(frozen=True)
class Verification:
    """The result of checking a run on disk.

    checked: how many files were read and compared with their checksums. problems: what is damaged, missing or changed.
    machine: the one that the run was trained on, with all earlier machines. here: this machine. other: what differs
    between them and may change the last digits; with the rule of parts of a step, if steps gave other bits.
    """

    folder: Path
    checked: int
    problems: list[str]
    replays: list[Replay]
    machine: dict[str, Any]
    here: dict[str, Any]
    other: list[str]

    @property
    def passed(self) -> bool:
        """Whether all files are undamaged, and all repeated steps gave the arrays on disk."""
        return not self.problems and not any(replay.differing for replay in self.replays)

    def as_dict(self) -> dict[str, Any]:
        """Return the findings for `--json`."""
        values = asdict(self)
        values["folder"] = str(self.folder)
        values["replays"] = [{**asdict(replay), "folder": str(replay.folder)} for replay in self.replays]
        return {"passed": self.passed, **values}


def verify(
    run: Named = None,
    *,
    whole: bool = False,
    data: str | None = None,
    dataset: Dataset | None = None,
    activations: Sequence[Activation] = (),
    loss: Loss | None = None,
) -> Verification:
    """Compare the files of a run with their checksums, and its last steps with the same steps trained here.

    Args:
        run: a run's folder or its name, or the result of training; by default the latest run.
        whole: train from the start, not from the checkpoint before the last.
        data: the path of the data, if they have moved.
        dataset: the data set that the run was trained on, where its settings name none.
        activations: the custom activations of the run.
        loss: the custom loss of the run.

    Raises:
        RunError, ConfigError, DataError, MachineError: see `barenet.errors`. Damage is no error, but a result.
    """
    folder = find_run(run)
    if is_ensemble(folder) or is_member(folder):
        what = "an ensemble" if is_ensemble(folder) else "a member of an ensemble"
        raise RunError(
            f"{folder} is {what}, which keeps no training steps to verify; its files are checked when they are read"
        )
    custom = Custom(tuple(activations), loss)
    config = stored_config(folder)
    networks = [RunFolder(path) for path in network_folders(folder)]
    problems, checked = check_files(list(dict.fromkeys([folder, *(network.path for network in networks)])), custom)
    replays = []
    if not problems:
        stored = [read_state(network.last) for network in networks]
        trained_on = stored[0][0].data_fingerprint
        moved = config if data is None else config.with_values(data__path=data)
        with held_back():
            dataset = dataset or load_dataset(**moved.data.reading(), trained_on=trained_on)
        for network, (info, state) in zip(networks, stored, strict=True):
            problems += changed_settings(network, stored_config(network.path), info.settings)
            if info.data_fingerprint != dataset.fingerprint:
                raise RunError(
                    f"{network.path} was trained on other data than {dataset.name}; say by --data where they are"
                )
            replays.append(replay(network, info, state, dataset, custom, whole=whole))
    machine, here = read_machine(networks[0].path) or {}, describe_machine(config.trainer.engine)
    made = [*machine.get(EARLIER, []), machine]
    decides = DECIDES[config.trainer.engine]
    other = [name for name in decides if any(before.get(name, here[name]) != here[name] for before in made)]
    if config.trainer.engine == "numpy" and any(replay.differing for replay in replays):
        other += [RULE] * any(before.get(RULE) != here[RULE] for before in made)  # earlier versions recorded none
    return Verification(folder, checked, problems, replays, machine, here, other)


def check_files(folders: Sequence[Path], custom: Custom) -> tuple[list[str], int]:
    """Return what is wrong with the files of a run, and how many were read."""
    problems, checked = [], 0
    for folder in folders:
        files = RunFolder(folder)
        for path in sorted(folder.glob("*.safetensors")):
            if path.name == PROBABILITIES:
                continue
            checked += 1
            try:
                if path.name == TEACHER:
                    files.read_teacher()
                else:
                    read_model(path, custom.activations, custom.loss)
            except BarenetError as error:
                problems.append(str(error))
        try:
            checked += 2 * (read_scores(folder) is not None)
        except BarenetError as error:
            problems.append(str(error))
        if files.last.exists() and not problems:
            epochs = int(read_state(files.last)[1].epoch[0])
            checked += files.history.exists()
            problems += read_history(files.history).problems(epochs)
    return problems, checked


def replay(
    folder: RunFolder, info: ModelInfo, target: TrainingState, dataset: Dataset, custom: Custom, *, whole: bool
) -> Replay:
    """Train a network again up to its last checkpoint, and compare the states."""
    config = complete_settings(info.settings, f"settings of {folder.path}")
    with held_back():
        resolved, data = prepare_as_before(folder.path, config, dataset, info, custom=custom)
    state = None
    if folder.previous.exists() and not whole:
        state = read_state(folder.previous)[1]
    trainer = Trainer([resolved], data, None if state is None else [state], custom=custom, until=int(target.epoch[0]))
    first = int(trainer.states[0].n_steps[0])
    for _ in trainer:
        pass
    reached = go_inside(trainer, target)
    differing = [
        name
        for name, array in target.arrays().items()
        if name != "begun_seconds" and not same_bits(reached.arrays()[name], array)
    ]
    return Replay(folder.path, first, int(target.n_steps[0]), differing)


def go_inside(trainer: Trainer, target: TrainingState) -> TrainingState:
    """Train the steps inside an epoch that `target` has taken, and return the state of the trainer's only network."""
    state = trainer.states[0]
    if target.n_begun <= state.n_begun:
        return state
    plan = trainer.plan_of(trainer.configs, state)
    engine = trainer.make_engine((0,))
    try:
        engine.begin(plan)
        steps = Steps(engine, plan, state, trainer.data.labels[plan.order], trainer.batch_size, end=target.n_begun)
        for _ in steps:
            pass
        return steps.state()
    finally:
        engine.close()


def same_bits(one: NDArray[np.generic], other: NDArray[np.generic]) -> bool:
    """Whether two arrays hold the same bytes in the same shape."""
    return one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()
