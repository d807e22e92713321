"""What a run left behind: the weights that it started from, and files that are missing or damaged."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from barenet.analysis.evidence import read_evidence
from barenet.errors import RunError
from barenet.run_folders.checkpoint import read_model


def test_the_first_weights_are_those_the_run_started_from(make_run, tmp_path):
    folder, dataset = make_run("plain")
    initial = read_model(folder / "initial.safetensors").mlp.parameters.values
    of_file = read_evidence(folder / "best.safetensors", dataset=dataset)
    assert not of_file.is_redrawn
    np.testing.assert_array_equal(of_file.initial.parameters.values, initial)
    shutil.copy(folder / "best.safetensors", tmp_path / "alone.safetensors")
    alone = read_evidence(tmp_path / "alone.safetensors", dataset=dataset)
    assert alone.is_redrawn
    assert "drawn anew" in " ".join(alone.notes)


@pytest.mark.parametrize(
    "name", ["initial.safetensors", "history.jsonl", "test-probabilities.safetensors", "config.toml"]
)
def test_a_missing_file_is_named(name, make_run, tmp_path):
    folder, dataset = make_run("plain")
    copy = shutil.copytree(folder, tmp_path / "run")
    (copy / name).unlink()
    with pytest.raises(RunError, match=name):
        read_evidence(copy, dataset=dataset)


def test_a_damaged_history_is_named(make_run, tmp_path):
    folder, dataset = make_run("plain")
    copy = shutil.copytree(folder, tmp_path / "run")
    (copy / "history.jsonl").write_text('{"epoch": 1}\n', "utf-8")
    with pytest.raises(RunError, match=r"history\.jsonl is damaged"):
        read_evidence(copy, dataset=dataset)
