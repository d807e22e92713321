"""A run that was stopped at any place ends like one that never stopped: all files agree, except for the seconds."""

from __future__ import annotations

import csv
import errno
import json
import math
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from families import slow_except
from safetensors.numpy import load_file
from told import listen

import barenet
import barenet.run_folders.run as run_module
from barenet.config.sources import build_config
from barenet.data.datasets import from_arrays
from barenet.engine.parts import RULE_VERSION
from barenet.errors import CheckpointError, DivergedError, MachineError, RunError
from barenet.run_folders import writing
from barenet.run_folders.checkpoint import ModelInfo, read_model, read_state
from barenet.run_folders.folder import RunFolder, lock_run, network_folders
from barenet.run_folders.going_on.resuming import (
    check_settings_file,
    config_to_resume,
    prepare_as_before,
    resume_run,
    stored_config,
)
from barenet.run_folders.machine import describe_machine, read_machine, read_parts_version
from barenet.run_folders.observer import Observer
from barenet.run_folders.run import start_run
from barenet.storage.history import read_history
from barenet.storage.sealing import seal, unseal
from barenet.training.preparation import prepare
from barenet.training.records import Stop as Stopped
from barenet.training.trainer import Trainer

SETTINGS = {
    "adamw": {"dropout": 0.2, "input_dropout": 0.1, "shift": 1},
    "sgd": {"optimizer": "sgd", "momentum": 0.9, "clip_norm": 0.5, "schedule": "step", "lr": 0.05, "mirror": True},
    "batch norm": {"normalization": "batch", "average_decay": 0.9, "dropout": 0.2},
    "seeds": {"n_seeds": 3, "keep_best": 2, "class_weight": {0: 3, 2: 0.5}},
    "patient seeds": {"n_seeds": 3, "keep_best": 1, "patience": 1, "epochs": 8, "eval_every": 2, "lr": 0.02},
}


class Stop(Observer):
    """Press Ctrl-C at the record of an epoch of a network, or at the first progress in an epoch."""

    def __init__(self, epoch: int, network: int | None = 0) -> None:
        self.epoch, self.network = epoch, network

    def record(self, record) -> None:
        if (record.network, record.epoch) == (self.network, self.epoch):
            raise KeyboardInterrupt

    def progress(self, epoch, step, n_steps, n_networks) -> None:
        if self.network is None and epoch == self.epoch:
            raise KeyboardInterrupt


def without_seconds(path: pathlib.Path):
    """Return the content of a run's file without wall-clock times."""
    if path.name == "history.jsonl":
        return [json.loads(line) | {"seconds": 0, "checksum": ""} for line in path.read_text("utf-8").splitlines()]
    if path.name == "history.csv":
        return [row | {"seconds": ""} for row in csv.DictReader(path.read_text("utf-8").splitlines())]
    if path.name == "train.log":
        return re.sub(r"Epoch Time: [\d.]+ s", "", path.read_text("utf-8"))
    if path.name == "test.json":
        return json.loads(re.sub(r'"(training_seconds|run|checksum)": [^,\n]+', r'"\1": null', path.read_text("utf-8")))
    return path.read_bytes()


def contents(folder: pathlib.Path) -> dict:
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.name != ".lock"]
    return {str(p.relative_to(folder)): without_seconds(p) for p in files}


@pytest.fixture(scope="module", autouse=True)
def after_each_epoch():
    """Write a checkpoint after each epoch, independent of the time, so that it is known which epochs have one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "SHARE", math.inf)
        yield


@pytest.fixture(scope="module")
def whole_runs(dataset, make_config, tmp_path_factory):
    """Runs that never stopped."""
    output = tmp_path_factory.mktemp("whole")
    return {n: start_run(make_config(**s), dataset, output=output, name=n).folder for n, s in SETTINGS.items()}


class Notes(Observer):
    """Keeps all notes."""

    def __init__(self):
        self.heard = listen()


def interrupt(config, dataset, output, observer) -> pathlib.Path:
    with pytest.raises(KeyboardInterrupt):
        start_run(config, dataset, output=output, name="stopped", observer=observer)
    return output / "stopped"


@pytest.mark.slow
def test_each_network_s_folder_says_on_which_machine_it_was_trained(whole_runs):
    folders = [whole_runs["adamw"], *(whole_runs["seeds"] / f"seed-{i}" for i in range(3))]
    for folder in folders:
        machine = read_machine(folder)
        assert machine == describe_machine()
        assert machine["NumPy"] == np.__version__
    assert not (whole_runs["seeds"] / "machine.json").exists()


def test_a_resumed_run_says_on_which_machine_it_continues(dataset, make_config, tmp_path):
    folder = interrupt(make_config(), dataset, tmp_path, Stop(1))
    steps = int(read_state(folder / "last.safetensors")[1].n_steps[0])
    other = {**describe_machine(), "processor": "another", "BLAS": "openblas 0.3.1 Atari"}
    (folder / "machine.json").write_text(json.dumps(other), "utf-8")
    notes = Notes()
    resume_run(folder, dataset, observer=notes)
    blas = describe_machine()["BLAS"]
    assert notes.heard == [
        f"{folder} goes on with other arithmetic (BLAS {blas}, was openblas 0.3.1 Atari): its results differ in the "
        f"last digits from those without the break"
    ]
    machine = read_machine(folder)
    assert machine.pop("earlier machines") == [{**other, "until step": steps}]
    assert machine == describe_machine()
    resume_run(folder, dataset, observer=notes)
    assert len([note for note in notes.heard if "arithmetic" in note]) == 1


def test_there_is_no_note_about_another_processor_with_the_same_arithmetic(dataset, make_config, tmp_path):
    folder = interrupt(make_config(), dataset, tmp_path, Stop(1))
    (folder / "machine.json").write_text(json.dumps({**describe_machine(), "processor": "another"}), "utf-8")
    notes = Notes()
    resume_run(folder, dataset, observer=notes)
    assert notes.heard == []


@pytest.mark.parametrize(("started", "resumed"), slow_except([(None, 1), (1, 2), (2, 1)], (1, 2), (2, 1)))
def test_a_run_continues_with_another_number_of_threads(started, resumed, whole_runs, dataset, make_config, tmp_path):
    folder = interrupt(make_config(**SETTINGS["adamw"], threads=started), dataset, tmp_path, Stop(2))
    result = resume_run(folder, dataset, config=config_to_resume(folder, {"trainer.threads": resumed}))
    assert result.config.trainer.threads in {resumed, None}  # None where the machine has one core
    whole = whole_runs["adamw"]
    assert contents(folder)["history.jsonl"] == contents(whole)["history.jsonl"]
    for name, array in load_file(whole / "last.safetensors").items():
        np.testing.assert_array_equal(load_file(folder / "last.safetensors")[name], array, name)


@pytest.mark.parametrize(
    "described",
    slow_except(["{}", '{"parts of a step": "rule 0"}', "not JSON", None], '{"parts of a step": "rule 0"}', "not JSON"),
)
def test_a_run_whose_steps_were_cut_by_another_rule_continues_with_a_note(described, dataset, make_config, tmp_path):
    folder = interrupt(make_config(), dataset, tmp_path, Stop(1))
    if described is None:
        (folder / "machine.json").unlink()
    else:
        (folder / "machine.json").write_text(described, "utf-8")
    notes = Notes()
    resume_run(folder, dataset, observer=notes)
    assert [note for note in notes.heard if "cuts a step into other parts" in note] == notes.heard != []
    assert read_parts_version(folder) == RULE_VERSION


def test_a_run_whose_steps_are_cut_by_this_rule_continues_without_a_note(dataset, make_config, tmp_path):
    notes = Notes()
    resume_run(interrupt(make_config(), dataset, tmp_path, Stop(1)), dataset, observer=notes)
    assert notes.heard == []


def test_the_same_settings_give_the_same_files(whole_runs, dataset, make_config, tmp_path):
    again = start_run(make_config(**SETTINGS["seeds"]), dataset, output=tmp_path).folder
    assert contents(again) == contents(whole_runs["seeds"])


class StopAfterPause(Observer):
    """Save inside epochs after every group of steps, and press Ctrl-C after `n` savings."""

    def __init__(self, n: int) -> None:
        self.left = n

    def start(self, folder, config, trainer) -> None:
        write = trainer.pause

        def pause(network, state) -> None:
            write(network, state)
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt

        trainer.pause, trainer.pause_seconds = pause, 0


class FirstStep(Observer):
    """Remembers the epoch and the step with which training begins."""

    seen: tuple[int, int] | None = None

    def progress(self, epoch, step, n_steps, n_networks) -> None:
        self.seen = self.seen or (epoch, step)


@pytest.mark.parametrize("n", slow_except([1, 3, 4, 14], 4))
@pytest.mark.parametrize("name", slow_except([*SETTINGS], "adamw", "batch norm", "seeds"))
def test_a_run_stopped_inside_an_epoch_continues_from_there(
    name, n, whole_runs, dataset, make_config, tmp_path, monkeypatch
):
    monkeypatch.setattr("barenet.training.epochs.PROGRESS_SECONDS", 0)  # one step in each group
    folder = interrupt(make_config(**SETTINGS[name]), dataset, tmp_path, StopAfterPause(n))
    states = [read_state(network / "last.safetensors")[1] for network in network_folders(folder)]
    assert max(state.n_begun for state in states) > 0
    least = min(states, key=lambda state: state.n_steps[0])
    first = FirstStep()
    resume_run(folder, dataset, observer=first)
    assert first.seen == (int(least.epoch[0]) + 1, least.n_begun)
    after, whole = contents(folder), contents(whole_runs[name])
    assert after == whole


@pytest.mark.parametrize("name", slow_except(["adamw", "sgd"], "adamw"))
@pytest.mark.parametrize(("epoch", "network"), slow_except(product((1, 2, 3, 4), (0, None)), (2, 0), (3, None)))
def test_a_single_run_resumes_to_the_same_files(*, name, epoch, network, whole_runs, dataset, make_config, tmp_path):
    folder = interrupt(make_config(**SETTINGS[name]), dataset, tmp_path, Stop(epoch, network))
    assert not (folder / "test.json").exists()
    epochs_done = epoch if network == 0 else epoch - 1
    assert read_state(folder / "last.safetensors")[1].epoch[0] == epochs_done
    result = resume_run(folder, dataset)
    assert contents(folder) == contents(whole_runs[name])
    assert [record.epoch for record in result.networks[0].history] == [1, 2, 3, 4]


@pytest.mark.parametrize(("epoch", "network"), slow_except(product((1, 3, 4), (0, 1, 2, None)), (1, 1), (3, None)))
def test_a_folder_of_seeds_resumes_to_the_same_files(epoch, network, whole_runs, dataset, make_config, tmp_path):
    folder = interrupt(make_config(**SETTINGS["seeds"]), dataset, tmp_path, Stop(epoch, network))
    resume_run(folder, dataset)
    assert contents(folder) == contents(whole_runs["seeds"])


def test_networks_that_ran_out_of_patience_do_not_change(whole_runs, dataset, make_config, tmp_path):
    lengths = [len(read_history(whole_runs["patient seeds"] / f"seed-{i}" / "history.jsonl").records) for i in range(3)]
    folder = interrupt(make_config(**SETTINGS["patient seeds"]), dataset, tmp_path, Stop(max(lengths) - 1, None))
    resume_run(folder, dataset)
    assert contents(folder) == contents(whole_runs["patient seeds"])


def test_a_run_may_be_stopped_and_resumed_after_every_epoch(whole_runs, dataset, make_config, tmp_path):
    folder = interrupt(make_config(**SETTINGS["seeds"]), dataset, tmp_path, Stop(1, 1))
    for epoch in (2, 3, 4):
        with pytest.raises(KeyboardInterrupt):
            resume_run(folder, dataset, observer=Stop(epoch, 2))
    resume_run(folder, dataset)
    assert contents(folder) == contents(whole_runs["seeds"])


def test_networks_that_stopped_at_different_epochs_catch_up(whole_runs, dataset, make_config, tmp_path):
    class Keep(Stop):
        """Keep a copy of the state of seed 1 after two epochs."""

        def record(self, record) -> None:
            if (record.network, record.epoch) == (1, 2):
                shutil.copy(tmp_path / "stopped" / "seed-1" / "last.safetensors", tmp_path / "older")
            super().record(record)

    folder = interrupt(make_config(**SETTINGS["seeds"]), dataset, tmp_path, Keep(3, 2))
    shutil.copy(tmp_path / "older", folder / "seed-1" / "last.safetensors")
    epochs = [int(read_state(folder / f"seed-{i}" / "last.safetensors")[1].epoch[0]) for i in range(3)]
    assert epochs == [3, 2, 3]
    seen = []

    class Watch(Observer):
        def record(self, record) -> None:
            seen.append((record.epoch, record.network))

    resume_run(folder, dataset, observer=Watch())
    assert seen == [(3, 1), (4, 0), (4, 1), (4, 2)]
    assert contents(folder) == contents(whole_runs["seeds"])


@pytest.mark.parametrize("damage", slow_except(["torn", "one too many", "both"], "both"))
def test_records_of_an_epoch_whose_state_was_not_written_are_dropped(
    damage, whole_runs, dataset, make_config, tmp_path
):
    folder = interrupt(make_config(**SETTINGS["adamw"]), dataset, tmp_path, Stop(2))
    lines = (folder / "history.jsonl").read_text("utf-8").splitlines(keepends=True)
    assert len(lines) == 2
    extra = seal(unseal(lines[-1].encode()) | {"epoch": 3, "train_loss": 99.0}) + "\n"
    with (folder / "history.jsonl").open("a", encoding="utf-8") as file:
        file.write({"torn": extra[:40], "one too many": extra, "both": extra + extra[:40]}[damage])
    for name in ("history.csv", "train.log"):
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write("0,3,99\n")
    resume_run(folder, dataset)
    assert contents(folder) == contents(whole_runs["adamw"])


def test_trimming_the_history_survives_a_full_disk(whole_runs, monkeypatch, tmp_path):
    folder = RunFolder(shutil.copytree(whole_runs["adamw"], tmp_path / "copy"))
    before = folder.history.read_bytes()

    def full(self, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pathlib.Path, "replace", full)
    with pytest.raises(MachineError, match="No space left"):
        folder.trim_history(2)
    assert folder.history.read_bytes() == before


def test_trimming_all_records_leaves_the_heading(whole_runs, tmp_path):
    folder = RunFolder(shutil.copytree(whole_runs["adamw"], tmp_path / "copy"))
    heading = (folder.path / "history.csv").read_text("utf-8").splitlines()[0]
    records = read_history(folder.history).records
    folder.trim_history(0)
    assert read_history(folder.history).records == []
    folder.append(records[0])
    assert read_history(folder.history).records == records[:1]
    assert (folder.path / "history.csv").read_text("utf-8").splitlines()[0] == heading
    assert len((folder.path / "history.csv").read_text("utf-8").splitlines()) == 2


def test_a_damaged_line_of_the_history_loses_only_its_record_and_is_kept(whole_runs, dataset, tmp_path):
    folder = shutil.copytree(whole_runs["adamw"], tmp_path / "copy")
    lines = (folder / "history.jsonl").read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b'"train_loss": ', b'"train_loss": 1')
    damaged = b"".join(lines)
    (folder / "history.jsonl").write_bytes(damaged)
    notes = Notes()
    resume_run(folder, dataset, observer=notes)
    assert (folder / "history.jsonl").read_bytes() == b"".join([lines[0], *lines[2:]])
    assert (folder / "history.damaged-1.jsonl").read_bytes() == damaged
    assert notes.heard[:3] == [
        f"{folder / 'history.jsonl'}: line 2 is damaged and left out",
        f"{folder / 'history.jsonl'} has no record of epoch 2",
        f"the damaged file is kept as {folder / 'history.damaged-1.jsonl'}",
    ]


@pytest.mark.parametrize("name", ["adamw", "seeds"])
def test_a_finished_run_is_only_tested_again(name, whole_runs, dataset, tmp_path):
    folder = shutil.copytree(whole_runs[name], tmp_path / "copy")
    for path in folder.rglob("test.json"):
        path.unlink()
    watching = Notes()
    result = resume_run(folder, dataset, observer=watching)
    assert contents(folder) == contents(whole_runs[name])
    assert all(network.stopped.kind == "finished" for network in result.networks)
    epochs = result.config.trainer.epochs
    assert watching.heard[-1] == f"{folder} is finished ({epochs} epochs); --epochs {2 * epochs} trains it for longer"


def test_the_note_about_a_run_that_ran_out_of_patience_does_not_offer_longer_training(whole_runs, dataset, tmp_path):
    folder = shutil.copytree(whole_runs["patient seeds"], tmp_path / "copy")
    notes = Notes()
    resume_run(folder, dataset, observer=notes)
    assert notes.heard[-1] == f"{folder} is finished: stopped early: 1 validations without a better one"


def test_outdated_weights_after_a_crash_are_deleted_on_resuming(whole_runs, dataset, tmp_path):
    folder = shutil.copytree(whole_runs["adamw"], tmp_path / "copy")
    kept = {path.name for path in folder.glob("epoch-*")}
    assert len(kept) == 3
    shutil.copy(folder / "best.safetensors", folder / "epoch-99.safetensors")
    resume_run(folder, dataset)
    assert {path.name for path in folder.glob("epoch-*")} == kept


@pytest.mark.slow
def test_a_run_that_is_killed_many_times_ends_like_one_that_was_not(dataset, make_config, tmp_path):
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import pathlib, conftest\n"
        "from barenet.config.names import setting_path\n"
        "from barenet.config.sources import build_config\n"
        "from barenet.data.datasets import from_arrays\n"
        "from barenet.run_folders.going_on.resuming import resume_run\n"
        "from barenet.run_folders.run import start_run\n"
        "x, y = conftest.draw_images(600, 1); x_test, y_test = conftest.draw_images(120, 2)\n"
        "data, output = from_arrays(x, y, x_test, y_test), pathlib.Path(sys.argv[2])\n"
        "values = {**conftest.SMALL, 'epochs': 40, 'n_seeds': 2}\n"
        "if (output / 'run').exists():\n    resume_run(output / 'run', data)\n"
        "else:\n"
        "    flags = {setting_path(name): value for name, value in values.items()}\n"
        "    start_run(build_config(flags=flags), data, output=output, name='run')\n"
    )
    arguments = [sys.executable, "-c", script, str(pathlib.Path(__file__).parents[1]), str(tmp_path)]
    history = tmp_path / "run" / "seed-1" / "history.jsonl"
    kills = 0
    for attempt in (1, 3, 5):
        process = subprocess.Popen(arguments)
        before = len(read_history(history).records) if history.exists() else 0
        while process.poll() is None and (not history.exists() or history.read_bytes().count(b"\n") < before + 4):
            time.sleep(0.001 * attempt)
        kills += process.poll() is None
        process.kill()
        process.wait()
    assert kills >= 2
    assert subprocess.run(arguments, check=False).returncode == 0
    whole = start_run(make_config(epochs=40, n_seeds=2), dataset, output=tmp_path, name="whole").folder
    # The clock decides which epoch the previous checkpoint holds.
    survived, right = (
        {name: held for name, held in contents(folder).items() if not name.endswith((".tmp", "previous.safetensors"))}
        for folder in (tmp_path / "run", whole)
    )
    assert survived == right


def test_checkpoints_between_epochs_take_a_small_share_of_the_time_and_are_never_far_apart(dataset, make_config):
    resolved, data = prepare(make_config(), dataset)
    files = writing.RunFiles(resolved, Trainer([resolved], data), None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "SHARE", 0.01)
        patch.setattr(writing.time, "perf_counter", lambda: 1000.0)
        for at, seconds, is_due in ((999, 0.02, False), (999, 0.01, True), (971, 60, False), (970, 60, True)):
            files.saved[0] = writing.Saved(0, at, seconds)
            assert files.is_due(0) == is_due
        files.saved[0] = writing.Saved(0, 999, 0.02)
        files.behind[0] = MachineError("a full disk")
        assert files.is_due(0)
        files.behind.clear()
        files.trainer.stopped[0] = Stopped("finished", "finished")
        assert files.is_due(0)


def test_the_time_that_a_checkpoint_took_decides_when_the_next_one_is_due(dataset, make_config, tmp_path, monkeypatch):
    resolved, data = prepare(make_config(), dataset)
    trainer, now = Trainer([resolved], data), [1000.0]
    files = writing.RunFiles(resolved, trainer, tmp_path)
    monkeypatch.setattr(writing, "SHARE", 0.01)
    monkeypatch.setattr(writing.time, "perf_counter", lambda: now[0])
    write = writing.write_model

    def write_in(seconds):
        def write_slowly(*arguments, **values):
            now[0] += seconds
            write(*arguments, **values)

        monkeypatch.setattr(writing, "write_model", write_slowly)
        files.write_inside(0, trainer.states[0])

    for seconds, wait in ((0.1, 10), (0.02, 2)):
        write_in(seconds)
        now[0] += wait - 0.5
        assert not files.is_due(0)
        now[0] += 1
        assert files.is_due(0)


@pytest.mark.parametrize("name", ["adamw", "seeds"])
def test_the_last_state_is_saved_whatever_ends_training(name, whole_runs, dataset, make_config, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "SHARE", 1e-9)
    folder = interrupt(make_config(**SETTINGS[name]), dataset, tmp_path, Stop(3))
    network = network_folders(folder)[0]
    assert read_state(network / "previous.safetensors")[1].epoch[0] == 1  # this checkpoint showed how long one takes
    assert read_state(network / "last.safetensors")[1].epoch[0] == 3
    resume_run(folder, dataset)
    ended, right = contents(folder), contents(whole_runs[name])
    assert {n: held for n, held in ended.items() if "previous" not in n} == {
        n: held for n, held in right.items() if "previous" not in n
    }


# ------------------------------------------------------------------------------------------- what the folder holds


def test_each_file_of_weights_has_its_epoch_and_its_validation_results(whole_runs):
    for network in (whole_runs["adamw"], whole_runs["seeds"] / "seed-2"):
        records = {record.epoch: record for record in read_history(network / "history.jsonl").records}
        files = {path.name: read_model(path).info for path in network.glob("*.safetensors") if "test" not in path.name}
        first = files.pop("initial.safetensors")
        assert (first.epoch, first.step, first.metrics) == (0, 0, {})
        assert files["last.safetensors"].epoch == 4
        for name, info in files.items():
            assert name in (
                f"epoch-{info.epoch}.safetensors",
                "best.safetensors",
                "last.safetensors",
                "previous.safetensors",
            )
            record = records[info.epoch]
            assert (info.step, info.seed) == (record.step, int(network.name == "seed-2") * 2)
            assert info.metrics == {
                "validation_loss": record.valid_loss,
                "validation_accuracy": record.valid_accuracy,
            }


def test_a_run_folder_holds_these_files_and_no_pickle(whole_runs):
    for name in ("adamw", "sgd"):
        files = contents(whole_runs[name])
        weights = [path for path in files if re.fullmatch(r"epoch-\d+\.safetensors", path)]
        assert len(weights) == 3
        assert set(files) - set(weights) == {
            *("config.toml", "history.jsonl", "history.csv", "train.log", "test.json", "learning.json"),
            "machine.json",
            *("initial.safetensors", "best.safetensors", "last.safetensors", "previous.safetensors"),
            "test-probabilities.safetensors",
        }
    for path in whole_runs["seeds"].rglob("*"):
        if path.is_file():
            assert b"\x80\x04" not in path.read_bytes()[:2]
            assert path.suffix in {".toml", ".jsonl", ".csv", ".log", ".json", ".safetensors", ""}


@pytest.mark.slow
@pytest.mark.parametrize("keep_best", [1, 2, 5])
@pytest.mark.parametrize("metric", ["acc", "loss"])
def test_the_weights_kept_are_those_of_the_best_epochs(keep_best, metric, dataset, make_config, tmp_path):
    # The validation labels are wrong, so the network gets worse with time, and the best epochs are not the last ones.
    wrong = {"valid_images": dataset.train_images[:100], "valid_labels": (dataset.train_labels[:100] + 1) % 4}
    config = make_config(keep_best=keep_best, metric=metric, epochs=6, average_decay=0, lr=0.02, n_valid=100)
    result = start_run(config, replace(dataset, **wrong), output=tmp_path)
    records = read_history(result.folder / "history.jsonl").records

    def worth(record):  # of two equal epochs the earlier one is better
        return (record.valid_accuracy if metric == "acc" else -record.valid_loss, -record.epoch)

    ranked = [record.epoch for record in sorted(records, key=worth, reverse=True)]
    assert {p.name for p in result.folder.glob("epoch-*")} == {f"epoch-{e}.safetensors" for e in ranked[:keep_best]}
    assert ranked[0] != 6
    best = (result.folder / "best.safetensors").read_bytes()
    assert best == (result.folder / f"epoch-{ranked[0]}.safetensors").read_bytes()
    assert result.networks[0].best_epoch == ranked[0]
    assert json.loads((result.folder / "test.json").read_text("utf-8"))["epoch"] == ranked[0]
    last = read_model(result.folder / "last.safetensors").mlp.parameters.values
    assert not np.array_equal(read_model(result.folder / "best.safetensors").mlp.parameters.values, last)
    # The tested weights are those kept as best.
    model = result.networks[0].model
    np.testing.assert_array_equal(
        model.mlp.parameters.values, read_model(result.folder / "best.safetensors").mlp.parameters.values
    )
    predicted = model.mlp.forward(dataset.test_images.astype(np.float32) / 255).argmax(axis=1)
    assert result.networks[0].scores.accuracy == pytest.approx((predicted == dataset.test_labels).mean(), abs=0.01)


def test_last_holds_both_the_averages_and_the_weights(whole_runs):
    path = whole_runs["adamw"] / "last.safetensors"
    _, state = read_state(path)
    np.testing.assert_array_equal(read_model(path).mlp.parameters.values, state.average[0])
    assert not np.array_equal(state.average, state.values)


def test_weights_files_hold_averages_that_include_the_running_statistics(whole_runs):
    folder = whole_runs["batch norm"]
    _, state = read_state(folder / "last.safetensors")
    model = read_model(folder / "last.safetensors")
    views, averaged = model.mlp.parameters.views, model.mlp.parameters.named(state.average[0])
    n = averaged["b1"].size
    mean, variance = state.statistics[0, :n], state.statistics[0, n : 2 * n]  # of the first layer
    assert variance.min() > 0
    assert not np.array_equal(variance, np.ones(n))
    np.testing.assert_allclose(views["W1"], averaged["W1"] / np.sqrt(variance + 1e-5), rtol=1e-6)
    np.testing.assert_allclose(
        views["b1"][0], averaged["b1"][0] - mean / np.sqrt(variance + 1e-5), rtol=1e-4, atol=1e-6
    )
    assert model.mlp.architecture.rows[0].functions.startswith("batch norm")


def test_training_from_the_written_settings_gives_the_same_run(whole_runs, dataset, tmp_path):
    config = build_config("course", whole_runs["sgd"] / "config.toml")
    again = start_run(config, dataset, output=tmp_path).folder
    assert contents(again) == contents(whole_runs["sgd"])


def test_the_log_has_the_form_of_the_course_s_log(whole_runs):
    lines = (whole_runs["adamw"] / "train.log").read_text("utf-8").splitlines()
    number = r"\d+\.\d{4}"
    assert re.fullmatch(
        rf"Epoch 1 \| learning rate: {number} \| Train Loss: {number} \| Train Acc: {number} \| "
        rf"Valid Loss: {number} \| Valid Acc: {number} \| Epoch Time: \d+\.\d\d s",
        lines[0],
    )
    assert len(lines) == 4


# --------------------------------------------------------------------------------------------------- what is refused


def test_other_data_are_refused(whole_runs, dataset, arrays, tmp_path):
    folder = shutil.copytree(whole_runs["adamw"], tmp_path / "copy")
    other = from_arrays(**arrays | {"x": arrays["x"][:, ::-1]}, name="upside-down")
    with pytest.raises(
        RunError, match=r"other images or labels than these: 'arrays' then, 'upside-down' now"
    ) as caught:
        resume_run(folder, other)
    assert str(caught.value).isprintable()


def test_other_validation_images_are_refused(arrays, make_config, tmp_path):
    def validated_on(start, stop):
        validation = {"x_val": arrays["x"][start:stop], "y_val": arrays["y"][start:stop]}
        return from_arrays(**arrays, **validation)

    with pytest.raises(KeyboardInterrupt):
        start_run(make_config(n_valid=50), validated_on(0, 50), output=tmp_path, name="a", observer=Stop(1))
    for other in (validated_on(100, 150), validated_on(0, 49), from_arrays(**arrays)):
        with pytest.raises(RunError, match="other images or labels"):
            resume_run(tmp_path / "a", other)
    assert resume_run(tmp_path / "a", validated_on(0, 50)).networks[0].stopped.kind == "finished"


@pytest.mark.parametrize(
    ("path", "value", "was"),
    [("trainer.patience", 9, None), ("optimizer.learning_rate", 0.5, 0.002), ("model.hidden_sizes", "8", r"\(16, 8\)")],
)
def test_other_settings_are_refused(path, value, was, whole_runs):
    with pytest.raises(RunError, match=f"was started with {path} = {was}, not .*; leave it out, or start a new run"):
        config_to_resume(whole_runs["adamw"], {path: value})


def test_the_same_settings_may_be_given_again(whole_runs, dataset, tmp_path):
    folder = shutil.copytree(whole_runs["adamw"], tmp_path / "copy")
    config = config_to_resume(folder, {"trainer.epochs": 4, "model.hidden_sizes": "16-8"})
    assert resume_run(folder, dataset, config=config).networks[0].stopped.kind == "finished"


def test_a_folder_that_is_not_a_run_is_refused(dataset, tmp_path):
    with pytest.raises(RunError, match=r"is not a run folder: it has no config\.toml"):
        resume_run(tmp_path, dataset)


def test_a_folder_that_lacks_a_network_is_refused(whole_runs, dataset, tmp_path):
    folder = shutil.copytree(whole_runs["seeds"], tmp_path / "copy")
    shutil.rmtree(folder / "seed-2")
    with pytest.raises(RunError, match="incomplete: 2 of 3 networks"):
        resume_run(folder, dataset)


def flip_a_bit(path: pathlib.Path) -> None:
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


def test_a_run_whose_checkpoints_are_both_damaged_says_so(whole_runs, dataset, tmp_path):
    folder = shutil.copytree(whole_runs["adamw"], tmp_path / "copy")
    flip_a_bit(folder / "last.safetensors")
    flip_a_bit(folder / "previous.safetensors")
    with pytest.raises(CheckpointError, match=r"previous\.safetensors is damaged"):
        resume_run(folder, dataset)


@pytest.mark.parametrize("damage", [flip_a_bit, pathlib.Path.unlink])
@pytest.mark.parametrize("name", ["adamw", "seeds"])
def test_a_run_continues_from_the_checkpoint_before_a_damaged_one(name, damage, whole_runs, dataset, tmp_path):
    folder = shutil.copytree(whole_runs[name], tmp_path / "copy")
    damaged = next(folder.rglob("last.safetensors"))
    damage(damaged)
    notes = Notes()
    resume_run(folder, dataset, observer=notes)
    assert [note for note in notes.heard if "goes on from previous.safetensors" in note and str(damaged) in note]
    after, whole = contents(folder), contents(whole_runs[name])
    assert after == whole


# ------------------------------------------------------------------------------------------------------- divergence

LATE = {
    **{"optimizer": "sgd", "lr": 1e-9, "schedule": "exponential", "decay_rate": 10**0.4, "decay_step": 1},
    **{"activation": "leaky_relu", "warmup_epochs": 0, "average_decay": 0, "epochs": 12},
}


def test_when_all_networks_diverge_the_state_before_is_kept(dataset, make_config, tmp_path):
    config, data = prepare(make_config(**LATE), dataset)
    trainer = Trainer([config], data)
    lost_in = list(trainer)[-1].epoch
    with pytest.raises(DivergedError, match=f"training diverged in epoch {lost_in}, step ") as caught:
        start_run(config, dataset, output=tmp_path, name="lost")
    assert caught.value.exit_code == 4
    assert str(caught.value).isprintable()
    folder = tmp_path / "lost"
    _, state = read_state(folder / "last.safetensors")
    assert state.epoch[0] == lost_in - 1
    np.testing.assert_array_equal(state.values, trainer.states[0].values)
    assert np.isfinite(read_model(folder / "best.safetensors").mlp.parameters.values).all()
    assert not (folder / f"epoch-{lost_in}.safetensors").exists()
    records = read_history(folder / "history.jsonl").records
    assert [record.epoch for record in records] == list(range(1, lost_in + 1))
    assert records[-1].diverged
    assert f"diverged in epoch {lost_in}" in str(records[-1].stopped)
    before = contents(folder)
    with pytest.raises(DivergedError):
        resume_run(folder, dataset)
    after = contents(folder)
    for name in ("history.jsonl", "history.csv"):
        assert str(after.pop(name)) == str(before.pop(name))  # as text: NaN is not equal to itself
    assert after == before


def test_a_seed_that_diverges_does_not_change_the_others(whole_runs, dataset, make_config, monkeypatch, tmp_path):
    original = run_module.network_configs

    def with_one_absurd_rate(config):
        configs = original(config)
        return [*configs[:1], configs[1].with_values(optimizer__learning_rate=1e30), *configs[2:]]

    monkeypatch.setattr(run_module, "network_configs", with_one_absurd_rate)
    settings = SETTINGS["seeds"] | {"activation": "leaky_relu", "warmup_epochs": 0}
    result = start_run(make_config(**settings), dataset, output=tmp_path)
    assert len(result.lost) == 1
    assert [network.seed for network in result.networks] == [0, 2]
    assert not (result.folder / "seed-1" / "best.safetensors").exists()
    assert result.as_dict()["diverged"] == result.lost
    expected = np.mean([network.scores.accuracy for network in result.networks])
    assert result.as_dict()["test_accuracy"] == pytest.approx(expected)


def test_a_history_lost_by_a_crash_does_not_stop_a_run(whole_runs, dataset, tmp_path):
    folder = shutil.copytree(whole_runs["sgd"], tmp_path / "run")
    (folder / "history.jsonl").unlink()
    result = resume_run(folder, dataset)
    metrics = read_model(folder / "best.safetensors").info.metrics
    assert result.networks[0].validation_accuracy == metrics["validation_accuracy"]


def test_the_state_of_another_seed_is_refused(whole_runs, dataset, tmp_path):
    folder = shutil.copytree(whole_runs["seeds"], tmp_path / "run")
    shutil.copy(folder / "seed-1" / "last.safetensors", folder / "seed-0" / "last.safetensors")
    with pytest.raises(RunError, match="is of seed 1, not 0"):
        resume_run(folder, dataset)


def test_a_run_stopped_before_its_first_state_says_so(whole_runs, dataset, tmp_path):
    folder = shutil.copytree(whole_runs["sgd"], tmp_path / "run")
    (folder / "last.safetensors").unlink()
    (folder / "previous.safetensors").unlink()
    with pytest.raises(RunError, match=r"has no last\.safetensors"):
        resume_run(folder, dataset)


def test_partly_written_files_are_deleted(whole_runs, dataset, tmp_path):
    folder = shutil.copytree(whole_runs["sgd"], tmp_path / "run")
    torn = folder / ".last.safetensors.4711.tmp"
    torn.write_bytes(b"half")
    resume_run(folder, dataset)
    assert not torn.exists()


def test_one_seed_is_locked_with_its_run(whole_runs, dataset, tmp_path):
    folder = shutil.copytree(whole_runs["seeds"], tmp_path / "run")
    with lock_run(folder), pytest.raises(RunError, match="in use"):
        resume_run(folder / "seed-0", dataset)


def test_a_fraction_of_validation_images_may_be_repeated_when_resuming(dataset, make_config, tmp_path):
    result = start_run(make_config(n_valid=0.25, epochs=1), dataset, output=tmp_path)
    again = resume_run(result.folder, dataset, config=config_to_resume(result.folder, {"data.n_valid": 0.25}))
    assert again.networks[0].validation_loss == result.networks[0].validation_loss


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [("keep_best = 3", "keep_best = 5", "trainer.keep_best is 5"), ("    16,\n    8,", "    9,", "hidden_sizes")],
)
def test_a_config_that_was_changed_since_is_refused(old, new, named, whole_runs, dataset, tmp_path):
    folder = shutil.copytree(whole_runs["sgd"], tmp_path / "run")
    text = (folder / "config.toml").read_text("utf-8")
    assert old in text
    (folder / "config.toml").write_text(text.replace(old, new), "utf-8")
    with pytest.raises(RunError, match=rf"config.toml of .* was changed: .*{named}"):
        resume_run(folder, dataset)


def test_settings_that_a_runs_version_did_not_have_count_as_their_defaults(whole_runs):
    folder = RunFolder(whole_runs["sgd"])
    config = build_config("quick", folder.config)
    older = config.as_tables()
    del older["model"]["dropout"], older["data"]["shift"]
    check_settings_file(folder, config, older)
    with pytest.raises(RunError, match=r"model\.dropout is 0\.5, and was 0\.0 when"):
        check_settings_file(folder, config.with_values(model__dropout=0.5), older)


@pytest.mark.parametrize("kind", ["features", "images"])
@pytest.mark.parametrize("was_standardised", [True, False])
def test_inputs_are_scaled_in_the_same_way_as_when_the_run_was_started(kind, was_standardised, make_config):
    x = np.random.default_rng(3).normal(50, 9, (40, 3)).astype(np.float32)
    remembered = {"mean": [50.0] * 3, "deviation": [9.0] * 3} if was_standardised else {}
    info = ModelInfo(
        **{"architecture": [], "loss": "cross_entropy", "label_smoothing": 0.0, "image_shape": [3], "scale": 0.25},
        **{"input_dtype": "float32", "class_names": ["0", "1"], "epoch": 1, "step": 4, "seed": 0, "data_name": "x"},
        **{"data_fingerprint": "sha256:0", "preprocessing": remembered},
    )
    table = replace(from_arrays(x, np.arange(40) % 2), kind=kind)
    _, data = prepare_as_before(pathlib.Path(), make_config(n_valid=8, batch_size=8), table, info, custom=None)
    assert data.scale == 0.25
    mean, deviation = data.images[data.train_rows].mean(axis=0), data.images[data.train_rows].std(axis=0)
    if was_standardised:
        np.testing.assert_allclose([mean, deviation], [[0, 0, 0], [1, 1, 1]], atol=1e-5)
    else:
        np.testing.assert_array_equal(data.images, x)


def test_the_note_about_more_epochs_names_no_learning_rate_for_a_run_without_a_step(dataset, make_config, tmp_path):
    folder = interrupt(make_config(), dataset, tmp_path, Stop(1, None))
    assert read_state(folder / "last.safetensors")[1].n_steps[0] == 0
    notes = Notes()
    notes.progress = Stop(1, None).progress
    with pytest.raises(KeyboardInterrupt):
        resume_run(folder, dataset, config=config_to_resume(folder, {"trainer.epochs": 5}), observer=notes)
    assert notes.heard == [f"{folder}: trainer.epochs is raised from 4 to 5"]
    assert stored_config(folder).trainer.epochs == 5


class FullDisk(Observer):
    """Make every write fail between two epochs."""

    def __init__(self, monkeypatch, first: int, last: int) -> None:
        self.monkeypatch, self.first, self.last, self.heard = monkeypatch, first, last, listen()

    def record(self, record) -> None:
        if record.epoch == self.first and record.network == 0:
            self.monkeypatch.setattr(os, "fsync", self.fail)
        if record.epoch == self.last and record.network == 0:
            self.monkeypatch.undo()

    @staticmethod
    def fail(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("name", ["adamw", "seeds"])
def test_nothing_is_lost_if_a_disk_is_full_for_some_time(name, whole_runs, dataset, make_config, tmp_path, monkeypatch):
    disk = FullDisk(monkeypatch, 1, 3)
    result = start_run(make_config(**SETTINGS[name]), dataset, output=tmp_path, name="run", observer=disk)
    assert result.unsaved is None
    full, again = (note for note in disk.heard if str(result.folder) in note)
    assert "No space left on device: training goes on" in full
    assert again == f"{result.folder} is saved again, and nothing is lost"
    after, whole = contents(result.folder), contents(whole_runs[name])
    assert {path: after[path] for path in whole if "previous" not in path} == {
        path: content for path, content in whole.items() if "previous" not in path
    }


def test_the_result_says_that_a_disk_was_full_to_the_end(dataset, make_config, tmp_path, monkeypatch):
    disk = FullDisk(monkeypatch, 2, 99)
    result = start_run(make_config(**SETTINGS["adamw"]), dataset, output=tmp_path, name="run", observer=disk)
    monkeypatch.undo()
    assert len([note for note in disk.heard if str(result.folder) in note]) == 1
    assert len(result.networks[0].history) == 4
    assert result.networks[0].scores is not None
    assert result.unsaved.endswith(f"make room, and write them by: barenet train --resume {result.folder}")
    resume_run(result.folder, dataset)
    assert read_state(result.folder / "last.safetensors")[1].epoch[0] == 4


def test_a_run_that_cannot_be_started_leaves_no_folder(dataset, make_config, tmp_path, monkeypatch):
    def full(*arguments):
        raise MachineError("no space")

    monkeypatch.setattr("barenet.run_folders.writing.write_model", full)
    with pytest.raises(MachineError, match="no space"):
        start_run(make_config(), dataset, output=tmp_path, name="a")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_recipe_may_be_given_again_if_each_of_its_few_epochs_is_validated(arrays, tmp_path):
    small = {"recipe": "course", "epochs": 3, "hidden_sizes": (4,), "n_valid": 100, "verbose": False}
    run = barenet.train(**arrays, **small, output=tmp_path)
    assert [record.epoch for record in run.networks[0].history if record.valid_loss is not None] == [1, 2, 3]
    longer = barenet.resume(run.folder, **arrays, **small | {"epochs": 4})
    assert [record.epoch for record in longer.networks[0].history if record.valid_loss is not None] == [1, 2, 3, 4]
    with pytest.raises(RunError, match=r"was started with trainer.eval_every = 1, not 2"):
        barenet.resume(run.folder, **arrays, eval_every=2)
