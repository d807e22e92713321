"""`verify`: whole runs pass, and each kind of damage or change is found."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file

import barenet
from barenet.analysis import verification
from barenet.analysis.verification import verify
from barenet.data.datasets import from_arrays
from barenet.run_folders import writing
from barenet.run_folders.checkpoint import read_state, write_model
from barenet.run_folders.machine import describe_machine
from barenet.run_folders.observer import Observer
from barenet.terminal.verification import show_verification


class StopInside(Observer):
    """Save inside epochs after every group of steps, and press Ctrl-C after the third saving."""

    def start(self, folder, config, trainer) -> None:
        write, self.left = trainer.pause, 3

        def pause(network, state) -> None:
            write(network, state)
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt

        trainer.pause, trainer.pause_seconds = pause, 0


@pytest.fixture(scope="module")
def arrays():
    rng = np.random.default_rng(4)
    x, y = rng.integers(0, 256, (300, 6, 6), dtype=np.uint8), np.arange(300) % 3
    return {"x": x, "y": y, "x_test": x[:30], "y_test": y[:30]}


@pytest.fixture(scope="module")
def dataset(arrays):
    return from_arrays(**arrays)


SETTINGS = {"epochs": 3, "hidden_sizes": (8,), "batch_size": 32, "n_valid": 60, "dropout": 0.2, "verbose": False}


@pytest.fixture(scope="module", autouse=True)
def after_each_epoch():
    """Write a checkpoint after each epoch, independent of the time, so that it is known which epochs have one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "SHARE", math.inf)
        yield


@pytest.fixture(scope="module")
def made(arrays, tmp_path_factory):
    output = tmp_path_factory.mktemp("verified")
    barenet.train(**arrays, **SETTINGS, output=output, name="one")
    barenet.train(**arrays, **SETTINGS, n_seeds=2, output=output, name="two")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("barenet.training.epochs.PROGRESS_SECONDS", 0)
        with pytest.raises(KeyboardInterrupt):
            barenet.train(**arrays, **SETTINGS, output=output, name="stopped", observer=StopInside())
    return output


@pytest.fixture
def run(made, tmp_path):
    return shutil.copytree(made / "one", tmp_path / "one")


@pytest.mark.slow
def test_a_finished_run_passes_by_its_last_epoch(made, dataset):
    found = verify(made / "one", dataset=dataset)
    assert found.passed
    assert found.problems == found.other == []
    assert [(replay.first_step, replay.last_step, replay.differing) for replay in found.replays] == [(16, 24, [])]
    n_weights = len(list((made / "one").glob("*.safetensors"))) - 1
    assert found.checked == n_weights + 3  # test.json and its probabilities, history.jsonl
    assert json.loads(json.dumps(found.as_dict()))["passed"] is True


def test_settings_that_training_would_reduce_are_kept_as_they_were(tmp_path):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(100, 3)), np.arange(100) % 2
    arrays = {"x": x, "y": y, "x_test": x[:10], "y_test": y[:10]}
    kept = {"epochs": 1, "hidden_sizes": (4,), "n_valid": 40, "batch_size": 10, "verbose": False}
    run = barenet.train(**arrays, **kept, output=tmp_path)  # by default 20 of 100 rows would be held out
    assert verify(run, dataset=from_arrays(**arrays)).passed


@pytest.mark.slow
def test_several_seeds_pass_from_the_start(made, dataset):
    found = verify(made / "two", dataset=dataset, whole=True)
    assert found.passed
    assert [(replay.first_step, replay.last_step) for replay in found.replays] == [(0, 24), (0, 24)]


def test_a_run_stopped_inside_an_epoch_passes(made, dataset):
    found = verify(made / "stopped", dataset=dataset)
    assert found.passed
    [replay] = found.replays
    assert replay.last_step % 8 != 0
    assert replay.last_step > replay.first_step


def test_weights_that_training_does_not_give_are_found(run, dataset):
    info, state = read_state(run / "last.safetensors")
    state.values[0, 5] += 1e-6
    arrays = load_file(run / "last.safetensors")
    parameters = {name: array for name, array in arrays.items() if not name.startswith("state.")}
    write_model(run / "last.safetensors", info, parameters, state)
    found = verify(run, dataset=dataset)
    assert found.problems == []
    assert found.replays[0].differing == ["values"]
    assert not found.passed


@pytest.mark.parametrize("name", ["best.safetensors", "test.json", "test-probabilities.safetensors", "history.jsonl"])
def test_a_damaged_file_is_named(name, run, dataset):
    content = bytearray((run / name).read_bytes())
    content[-20] ^= 1
    (run / name).write_bytes(content)
    found = verify(run, dataset=dataset)
    assert not found.passed
    assert found.replays == []
    assert str(run / name) in found.problems[0]


def test_other_arithmetic_is_named(run, dataset):
    machine = {**describe_machine(), "NumPy": "0.1", "processor": "another"}
    (run / "machine.json").write_text(json.dumps(machine), "utf-8")
    found = verify(run, dataset=dataset)
    assert found.other == ["NumPy"]
    assert found.machine == machine


@pytest.mark.parametrize("rule", [None, "rule 0", "rule 1"])
def test_the_rule_of_parts_of_an_earlier_version_is_named_where_steps_gave_other_bits(rule, run, dataset, capsys):
    machine = {name: value for name, value in describe_machine().items() if name != "parts of a step"}
    machine |= {} if rule is None else {"parts of a step": rule}
    (run / "machine.json").write_text(json.dumps(machine), "utf-8")
    found = verify(run, dataset=dataset)
    assert found.passed
    assert found.other == []
    replays = [replace(replay, differing=["values"]) for replay in found.replays]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verification, "replay", lambda *about, **how: replays[0])
        found = verify(run, dataset=dataset)
    assert not found.passed
    assert found.other == ([] if rule == "rule 1" else ["parts of a step"])
    show_verification(found)
    printed = " ".join(capsys.readouterr().out.split())
    assert ("an earlier version of barenet trained this run, or its machine.json is lost" in printed) == (
        rule != "rule 1"
    )
    assert "this machine has another" not in printed
