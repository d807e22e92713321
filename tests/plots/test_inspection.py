"""Pictures of what a network learnt: of every kind of run, the same bytes each time, and the numbers behind them."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from families import slow_except
from odd_runs import KINDS

import barenet
from barenet.analysis.activity import measure_activity, portray
from barenet.analysis.evidence import read_evidence
from barenet.errors import ConfigError, RunError
from barenet.nn.mlp import MLP
from barenet.plots.inspection import choose_network, inspect
from barenet.run_folders.checkpoint import read_model


@pytest.mark.parametrize("kind", slow_except(["colour", "no pictures", "no hidden layer", "diverged"], "no pictures"))
def test_odd_runs_give_the_pictures_that_can_be_drawn_of_them(kind, make_run, tmp_path):
    folder, dataset = make_run(kind)
    found = inspect(folder, dataset=dataset, output=tmp_path)
    names = {path.name for path in found.files}
    n_layers = len(KINDS[kind][2].get("hidden_sizes", (12,))) + 1
    assert {"weight-histograms.png", *(f"weights-{i + 1}.png" for i in range(n_layers))} <= names
    assert ("neurons.png" in names) == (kind != "no pictures")
    assert ("activations.png" in names) == (kind != "no hidden layer")


@pytest.mark.slow
def test_the_same_run_gives_the_same_bytes(make_run, tmp_path):
    folder, dataset = make_run("plain")
    found = [inspect(folder, dataset=dataset, output=tmp_path / name) for name in ("a", "b")]
    assert len(found[0].files) == len(found[1].files) == 9
    for a, b in zip(found[0].files, found[1].files, strict=True):
        assert a.read_bytes().startswith(b"\x89PNG")
        assert a.read_bytes() == b.read_bytes(), a.name


def test_a_relu_that_is_never_on_is_dead_and_a_tanh_that_is_always_at_its_end_saturated(make_run):
    folder, dataset = make_run("16x16")
    model = read_model(folder / "best.safetensors")
    model.mlp.parameters.views["b1"][0, 3] = -1e4
    assert measure_activity(model, dataset.train_images)[0].dead.count(3) == 1
    folder, dataset = make_run("colour")
    model = read_model(folder / "best.safetensors")
    model.mlp.parameters.views["W1"][:, 2] = 0
    model.mlp.parameters.views["b1"][0, 2] = 5.0  # tanh' = 1 / cosh(5)^2 = 0.00018
    layer = measure_activity(model, dataset.train_images)[0]
    assert 2 in layer.dead
    model.mlp.parameters.views["W1"][0, 2] = -5.0 / (dataset.train_images[7, 0] / 255)  # but not for image 7
    rows = [7, *np.flatnonzero(dataset.train_images[:, 0] < dataset.train_images[7, 0] * 0.5)]
    layer = measure_activity(model, dataset.train_images[rows])[0]
    assert layer.saturated is not None
    assert 2 in layer.saturated
    assert 2 not in layer.dead


def test_a_neuron_switched_off_is_a_neuron_without_outgoing_weights(make_run):
    folder, dataset = make_run("plain")
    model = read_model(folder / "best.safetensors")
    portrait = portray(model, dataset.train_images, dataset.train_labels, 1, 4)
    x = (dataset.train_images / 255).astype(np.float32)
    full = model.mlp.forward(x).copy()
    model.mlp.parameters.views["W2"][4] = 0
    cut = model.mlp.forward(x)
    push = np.mean(full - cut, axis=0)
    assert portrait.push == pytest.approx(push - push.mean(), abs=1e-5)
    right = [np.mean(np.argmax(z, axis=1) == dataset.train_labels) for z in (full, cut)]
    assert portrait.lost == pytest.approx(right[0] - right[1])
    assert portrait.activations[portrait.most[0]] == portrait.activations.max()
    assert portrait.activations[portrait.least[0]] == portrait.activations.min()


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


@pytest.mark.parametrize("text", ["3:0", "1:12", "0:1", "-1", "x", "1:2:3", ""])
def test_a_neuron_that_is_not_there_is_refused_with_those_that_are(text, make_run, tmp_path):
    folder, dataset = make_run("plain")
    with pytest.raises(ConfigError, match="1:0 to 1:11, 2:0 to 2:6"):
        inspect(folder, dataset=dataset, neuron=text, output=tmp_path)


def test_images_that_are_not_at_hand_leave_weights_to_look_at(make_run, tmp_path):
    folder, _ = make_run("plain")  # trained on arrays, which no settings name
    notes: list[str] = []
    found = inspect(folder, output=tmp_path, note=notes.append)
    assert "not at hand" in notes[0]
    assert found.layers == []
    assert {path.name for path in found.files} >= {"weights-1.png", "neurons.png"}


def test_of_several_seeds_the_best_on_validation_is_looked_at(arrays, tmp_path):
    values = {"hidden_sizes": (5,), "epochs": 1, "n_valid": 100, "n_seeds": 3, "verbose": False}
    result = barenet.train(arrays["x"], arrays["y"], output=tmp_path, name="run", **values)
    best = max(result.networks, key=lambda network: network.validation_accuracy)
    notes: list[str] = []
    assert choose_network(tmp_path / "run", notes.append) == best.folder
    assert str(best.folder) in notes[0]


def test_a_network_without_finite_activations_is_still_shown(make_run):
    folder, dataset = make_run("plain")
    model = read_model(folder / "best.safetensors")
    model.mlp.parameters.values[...] = 1e30
    layers = measure_activity(model, dataset.train_images)
    assert len(layers) == 2
    assert isinstance(model.mlp, MLP)
