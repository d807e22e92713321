"""Pictures of what a network learnt: of every kind of run, and the same bytes each time."""

from __future__ import annotations

import shutil

import pytest
from families import full
from odd_runs import KINDS
from told import listen

import barenet
from barenet.errors import ConfigError, MachineError
from barenet.plots.inspection import choose_network, inspect


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["colour", *map(full, ("no pictures", "no hidden layer", "diverged"))])
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


@pytest.mark.parametrize("text", ["3:0", "1:12", "0:1", "-1", "x", "1:2:3", ""])
def test_a_neuron_that_is_not_there_is_refused_with_those_that_are(text, make_run, tmp_path):
    folder, dataset = make_run("plain")
    with pytest.raises(ConfigError, match="1:0 to 1:11, 2:0 to 2:6"):
        inspect(folder, dataset=dataset, neuron=text, output=tmp_path)


@pytest.mark.slow
def test_images_that_are_not_at_hand_leave_weights_to_look_at(make_run, drafts, tmp_path):
    folder, _ = make_run("plain")  # trained on arrays, which no settings name
    notes = listen()
    with drafts():
        found = inspect(folder, output=tmp_path)
    assert "were not found" in notes[0]
    assert found.layers == []
    assert {path.name for path in found.files} >= {"weights-1.png", "neurons.png"}


@pytest.mark.slow
def test_of_several_seeds_the_best_on_validation_is_looked_at(arrays, tmp_path):
    values = {"hidden_sizes": (5,), "epochs": 1, "n_valid": 100, "n_seeds": 3, "verbose": False}
    result = barenet.train(arrays["x"], arrays["y"], output=tmp_path, name="run", **values)
    best = max(result.networks, key=lambda network: network.validation_accuracy)
    notes = listen()
    assert choose_network(tmp_path / "run") == best.folder
    assert str(best.folder) in notes[0]


@pytest.mark.slow
def test_a_link_in_place_of_the_folder_for_pictures_is_not_followed(make_run, tmp_path):
    folder, dataset = make_run("plain")
    copy = shutil.copytree(folder, tmp_path / "run", ignore=shutil.ignore_patterns("figures"))
    (tmp_path / "elsewhere").mkdir()
    (copy / "figures").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(MachineError, match=r"figures is a link to .*elsewhere, outside of the run"):
        inspect(copy, dataset=dataset)
    assert list((tmp_path / "elsewhere").iterdir()) == []
