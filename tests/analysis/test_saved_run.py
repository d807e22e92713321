"""Reading a saved run: the weights that it started from, and files that are missing or damaged."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from barenet.analysis.saved_run import read_saved_run
from barenet.errors import RunError
from barenet.run_folders.checkpoint import read_model
from barenet.run_folders.going_on.resuming import stored_config


def test_the_first_weights_are_those_the_run_started_from(make_run, tmp_path):
    folder, dataset = make_run("plain")
    initial = read_model(folder / "initial.safetensors").mlp.parameters.values
    of_file = read_saved_run(folder / "best.safetensors", dataset=dataset)
    assert not of_file.is_redrawn
    np.testing.assert_array_equal(of_file.initial.parameters.values, initial)
    shutil.copy(folder / "best.safetensors", tmp_path / "alone.safetensors")
    alone = read_saved_run(tmp_path / "alone.safetensors", dataset=dataset)
    assert alone.is_redrawn
    assert "drawn again" in " ".join(alone.notes)


@pytest.mark.parametrize(
    "name", ["initial.safetensors", "history.jsonl", "test-probabilities.safetensors", "config.toml"]
)
def test_a_missing_file_is_named(name, make_run, tmp_path):
    folder, dataset = make_run("plain")
    copy = shutil.copytree(folder, tmp_path / "run")
    (copy / name).unlink()
    with pytest.raises(RunError, match=name):
        read_saved_run(copy, dataset=dataset)


def test_a_damaged_history_is_named(make_run, tmp_path):
    folder, dataset = make_run("plain")
    copy = shutil.copytree(folder, tmp_path / "run")
    lines = (copy / "history.jsonl").read_text("utf-8").splitlines()
    (copy / "history.jsonl").write_text("\n".join(['{"epoch": 1}', *lines[1:]]) + "\n", "utf-8")
    saved = read_saved_run(copy, dataset=dataset)
    assert [record.epoch for record in saved.history] == list(range(2, len(lines) + 1))
    assert saved.notes[0] == f"{copy / 'history.jsonl'}: line 1 is damaged and left out"


def test_a_note_names_settings_that_were_changed_after_training(make_run, tmp_path):
    folder, dataset = make_run("plain")
    copy = shutil.copytree(folder, tmp_path / "run")
    config = (copy / "config.toml").read_text("utf-8")
    before = stored_config(copy).optimizer.l2
    (copy / "config.toml").write_text(config.replace(f"l2 = {before}", "l2 = 0.125"), "utf-8")
    assert read_saved_run(folder, dataset=dataset).notes == []
    [note] = read_saved_run(copy, dataset=dataset).notes
    assert note == (
        f"config.toml of {copy} was changed: optimizer.l2 is 0.125, and was {before} when the run was started"
    )
