"""Several networks as one model, whose probabilities are the mean of theirs; or one line that says why not."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from told import listen

import barenet
from barenet.api import ensembles, members
from barenet.data.datasets import from_arrays
from barenet.errors import CheckpointError, ConfigError, DataError, MachineError, RunError
from barenet.run_folders.checkpoint import read_model, write_model
from barenet.run_folders.folder import lock_run
from barenet.storage.sealing import seal, unseal

SMALL = {"n_valid": 60, "batch_size": 40, "epochs": 2, "label_smoothing": 0, "verbose": False}
KINDS = {
    "a": {"hidden_sizes": 12, "activation": "tanh"},
    "b": {"hidden_sizes": (16, 8), "activation": "relu", "dropout": 0.2, "seed": 3},
    "seeds": {"hidden_sizes": 6, "activation": "tanh", "learning_rate": 0.02, "n_seeds": 2, "seed": 7},
}
FUNCTIONS = {"tanh": np.tanh, "relu": lambda z: np.maximum(z, 0)}


@pytest.fixture(scope="module")
def runs(arrays, tmp_path_factory) -> Path:
    """A folder with runs of different networks on the same images."""
    folder = tmp_path_factory.mktemp("work") / "runs"
    for name, values in KINDS.items():
        barenet.train(**arrays, **(SMALL | values), output=folder, name=name)
    return folder


@pytest.fixture
def home(runs, tmp_path, monkeypatch) -> Path:
    """A copy of the runs, for one test, in the current folder."""
    shutil.copytree(runs, tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def textbook(folder: Path, images: np.ndarray, activation: str) -> np.ndarray:
    """Return the probabilities (n, C) of a network's best weights in float64, layer by layer."""
    views = read_model(folder / "best.safetensors").mlp.parameters.views
    a = images.reshape(len(images), -1) / 255
    n = len(views) // 2
    for i in range(1, n + 1):
        z = a @ views[f"W{i}"].astype(np.float64) + views[f"b{i}"]
        a = FUNCTIONS[activation](z) if i < n else z
    shares = np.exp(a - a.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def files_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.name != ".lock")


# ------------------------------------------------------------------------------------------------ making one


def test_its_probabilities_are_the_mean_of_its_members(home, arrays, dataset):
    made = barenet.ensemble("a", "b", dataset=dataset)
    assert made.folder == Path("runs/ensemble-1")
    assert repr(made) == f"Ensemble({made.folder}: 2 networks, test accuracy {100 * made.scores.accuracy:.2f} %)"
    images, labels = arrays["x_test"], arrays["y_test"]
    alone = [textbook(home / "runs" / name, images, KINDS[name]["activation"]) for name in ("a", "b")]
    expected = (alone[0] + alone[1]) / 2
    assert np.abs(alone[0] - alone[1]).max() > 0.05  # there is something to average
    predictor = barenet.load(made)
    np.testing.assert_allclose(predictor.predict_proba(images), expected, atol=1e-5)
    np.testing.assert_allclose(predictor.predict_proba(images.reshape(120, 64)), expected, atol=1e-5)
    np.testing.assert_allclose(made.scores.probabilities, expected, atol=1e-5)
    assert made.scores.accuracy == np.mean(expected.argmax(axis=1) == labels)
    assert made.scores.loss == pytest.approx(-np.log(expected[np.arange(120), labels]).mean(), rel=1e-4)
    assert [member.source for member in made.members] == [str(Path("runs/a")), str(Path("runs/b"))]
    assert [member.scores.accuracy for member in made.members] == [np.mean(s.argmax(axis=1) == labels) for s in alone]


def test_it_works_without_the_runs_that_it_was_made_of(home, arrays, dataset):
    expected = barenet.load(barenet.ensemble("a", "b", dataset=dataset)).predict_proba(arrays["x_test"])
    for name in ("a", "b"):
        shutil.rmtree(home / "runs" / name)
    np.testing.assert_array_equal(barenet.load("ensemble-1").predict_proba(arrays["x_test"]), expected)


def test_its_folder_holds_its_members_and_the_test_results(home, dataset):
    made = barenet.ensemble("a", "b", dataset=dataset, name="both")
    files = ["best.safetensors", "config.toml", "history.jsonl", "learning.json"]
    tested = ["test-probabilities.safetensors", "test.json"]
    names = [f"member-{i}/{name}" for i in range(2) for name in [*files, *tested]]
    assert files_below(made.folder) == sorted(["ensemble.json", "member-0", "member-1", *names, *tested])
    held = unseal((made.folder / "test.json").read_bytes())
    assert (held["test_accuracy"], held["test_loss"]) == (made.scores.accuracy, made.scores.loss)
    for i, name in enumerate(("a", "b")):
        for file in files:
            if file != "config.toml":  # its settings are those stored with the weights
                assert (made.folder / f"member-{i}" / file).read_bytes() == Path("runs", name, file).read_bytes()


def test_all_seeds_of_a_run_are_taken_and_a_note_says_so(home, arrays, dataset):
    said = listen()
    made = barenet.ensemble("runs/seeds", dataset=dataset)
    assert said == [f"{Path('runs/seeds')} has 2 seeds: all of them are taken"]
    folders = [home / "runs" / "seeds" / f"seed-{i}" for i in (7, 8)]
    assert [member.source for member in made.members] == [str(Path("runs/seeds", folder.name)) for folder in folders]
    # The test of the average in the run has the same bits as that of the ensemble.
    average = Path("runs/seeds/test-probabilities.safetensors").read_bytes()
    assert (made.folder / "test-probabilities.safetensors").read_bytes() == average
    expected = np.mean([textbook(folder, arrays["x_test"], "tanh") for folder in folders], axis=0)
    np.testing.assert_allclose(barenet.load("seeds").predict_proba(arrays["x_test"]), expected, atol=1e-5)
    (home / "runs" / "seeds" / "seed-8" / "best.safetensors").unlink()  # as if the seed had diverged
    barenet.ensemble("seeds", "a", dataset=dataset)
    assert f"{Path('runs/seeds')} has 2 seeds: 1 of them have best weights and are taken" in said


def test_the_members_of_an_ensemble_are_taken_each_with_the_same_weight(home, arrays, dataset):
    said = listen()
    barenet.ensemble("a", "b", dataset=dataset, name="first")
    shutil.rmtree("runs/a")
    made = barenet.ensemble("first", "seeds", dataset=dataset)
    words = "is an ensemble: its 2 members are taken, each with the weight of every other"
    assert f"{Path('runs/first')} {words}" in said
    assert len(made.members) == 4
    assert made.members[0].source == str(Path("runs/a"))  # the run that it was first copied from
    folders = [Path("runs/first/member-0"), Path("runs/b"), *(Path(f"runs/seeds/seed-{i}") for i in (7, 8))]
    names = ["tanh", "relu", "tanh", "tanh"]
    alone = [textbook(folder, arrays["x_test"], name) for folder, name in zip(folders, names, strict=True)]
    np.testing.assert_allclose(made.scores.probabilities, np.mean(alone, axis=0), atol=1e-5)


def test_a_model_file_is_a_member_without_a_history(home, dataset):
    made = barenet.ensemble("a", "runs/a/epoch-1.safetensors", dataset=dataset)
    assert made.members[1].model.info.epoch == 1
    assert not (made.folder / "member-1" / "history.jsonl").exists()


def test_probabilities_may_be_those_of_images_and_their_mirror_images(home, arrays, dataset):
    barenet.ensemble("a", "b", dataset=dataset)
    images = arrays["x_test"]
    found = barenet.load("ensemble-1", mirror=True).predict_proba(images)
    assert found.shape == (120, 4)
    both = [
        textbook(home / "runs" / name, seen, KINDS[name]["activation"])
        for name in ("a", "b")
        for seen in (images, images[:, :, ::-1])
    ]
    np.testing.assert_allclose(found, np.mean(both, axis=0), atol=1e-5)


def test_without_its_data_it_is_made_and_not_tested(home, arrays, monkeypatch):
    carried = from_arrays(arrays["x_test"], arrays["y_test"])  # a run of arrays finds these in place of its data
    monkeypatch.setattr(ensembles, "try_dataset", lambda *about, **options: carried)
    said = listen()
    made = barenet.ensemble("a", "b")
    assert made.scores is None
    assert made.as_dict()["test_accuracy"] is None
    assert not (made.folder / "test.json").exists()
    assert [s for s in said if s.startswith("the ensemble is not tested: the networks were trained on arrays, which")]


# ------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("named", "error", "words"),
    [
        ([], ConfigError, "an ensemble needs two networks or more: name runs, or one run of several seeds"),
        (["a"], ConfigError, "runs.a is one network, and an ensemble needs two or more: name further runs, or train"),
        (["a", None], ConfigError, "an ensemble needs two networks or more"),
        (["a", "b", "runs/a"], ConfigError, "runs.a would be a member twice: name each network once"),
        (["a", "runs/a/best.safetensors"], ConfigError, "best.safetensors holds the same network as runs.a: name each"),
        (["seeds", "runs/seeds/seed-8"], ConfigError, "runs.seeds.seed-8 would be a member twice"),
        (["a", "nowhere"], CheckpointError, "no model file 'nowhere'; give a run folder"),
        (["a", "."], RunError, r"is not a run folder: expected best\.safetensors, found runs"),
    ],
)
def test_less_than_two_networks_are_refused_before_anything_is_written(named, error, words, home):
    before = files_below(home)
    with pytest.raises(error, match=words) as caught:
        barenet.ensemble(*named)
    assert str(caught.value).isprintable()
    assert files_below(home) == before


def change_member(home: Path, **changes) -> None:
    """Write the weights of b again, with another description."""
    path = home / "runs" / "b" / "best.safetensors"
    model = read_model(path)
    parameters = model.mlp.parameters
    write_model(path, replace(model.info, **changes), parameters.named(parameters.values))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"class_names": ["0", "1", "3", "2"]}, "their classes come in another order: class 2 is 2 and 3"),
        ({"class_names": ["0", "1", "2", "coat"]}, "their classes have other names: class 3 is 3 and coat"),
        ({"image_shape": [4, 16]}, r"their inputs have the shapes \(8, 8\) and \(4, 16\)"),
        ({"image_shape": [64]}, r"their inputs have the shapes \(8, 8\) and 64 features"),
        ({"input_dtype": "float32", "scale": 1.0}, "they were trained on numbers of type uint8 and float32"),
        ({"scale": 1 / 128}, "their pixels are multiplied by 0.00392157 and 0.0078125"),
        (
            {"preprocessing": {"mean": [0.5] * 64, "deviation": [2.0] * 64}},
            "one of them standardises its inputs, and the other does not",
        ),
        (
            {"data_fingerprint": "other", "settings": {"data": {"transpose": True}}},
            "their images were turned in different ways: data.transpose is None and True",
        ),
    ],
)
def test_networks_that_do_not_fit_are_refused_with_both_names_and_what_differs(changes, words, home):
    if "scale" in changes or "preprocessing" not in changes:
        known = read_model(home / "runs" / "b" / "best.safetensors").info.preprocessing
        changes = {"preprocessing": known} | changes
    change_member(home, **changes)
    before = files_below(home)
    with pytest.raises(CheckpointError) as caught:
        barenet.ensemble("runs/a", "runs/b")
    assert str(caught.value).startswith(f"{Path('runs/a')} and {Path('runs/b')} cannot be averaged: ")
    caught.match(words)
    assert str(caught.value).isprintable()
    assert files_below(home) == before


def test_classes_columns_and_statistics_of_tables_must_agree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name, columns, classes in (
        ("one", ["width", "height"], "ab"),
        ("more", ["width", "height"], "abc"),
        ("wider", ["width", "depth", "height"], "ab"),
    ):
        rows = rng.normal(size=(120, len(columns))).round(3)
        lines = [",".join([*map(str, row), classes[i % len(classes)]]) for i, row in enumerate(rows)]
        Path(f"{name}.csv").write_text("\n".join([",".join([*columns, "label"]), *lines]) + "\n", "utf-8")
    values = {"n_valid": 20, "batch_size": 20, "epochs": 1, "hidden_sizes": 4, "verbose": False}
    for name in ("one", "more", "wider"):
        barenet.train(data=f"{name}.csv", name=name, **values)
    barenet.train(data="one.csv", name="split", split_seed=5, **values)
    barenet.train(data="one.csv", name="same", seed=5, **values)
    for other, words in {
        "more": "one has 2 classes, the other 3",
        "wider": "their tables have other columns: depth in one alone",
        "split": "their inputs are standardised in different ways: the mean of width is .*; runs of the same data",
    }.items():
        with pytest.raises(CheckpointError, match=words) as caught:
            barenet.ensemble("runs/one", f"runs/{other}")
        assert str(caught.value).isprintable()
    made = barenet.ensemble("runs/one", "runs/same")  # these data have no test rows
    rows = {"width": [0.5, -1.0], "height": [0.1, 2.0]}
    alone = [barenet.load(f"runs/{name}").predict_proba(rows) for name in ("one", "same")]
    np.testing.assert_allclose(barenet.load(made).predict_proba(rows), np.mean(alone, axis=0), atol=1e-6)


def test_other_data_of_the_same_kind_are_noted(home, dataset):
    change_member(home, data_fingerprint="other", data_name="photos")
    said = listen()
    barenet.ensemble("a", "b", dataset=dataset)
    words = "were trained on other data (arrays and photos): one may have been trained on images that the other is"
    assert any(words in sentence for sentence in said)


def test_a_run_in_training_is_refused_and_one_that_was_stopped_is_noted(home, dataset):
    with lock_run(home / "runs" / "b"), pytest.raises(RunError, match=r"runs.b is in use by process"):
        barenet.ensemble("a", "b", dataset=dataset)
    history = home / "runs" / "b" / "history.jsonl"
    first, *_ = history.read_text("utf-8").splitlines()
    history.write_text(first + "\n", "utf-8")
    said = listen()
    barenet.ensemble("a", "b", dataset=dataset)
    assert f"{Path('runs/b')} is at epoch 1 of 2: its best weights so far are taken" in said


def test_a_run_in_a_folder_that_cannot_be_written_to_is_not_in_training(home, dataset, monkeypatch):
    def refuse(folder):
        raise MachineError(f"cannot write in {folder}")

    monkeypatch.setattr(members, "lock_run", refuse)
    assert len(barenet.ensemble("a", "b", dataset=dataset).members) == 2


def test_a_run_without_a_validation_is_refused(home):
    (home / "runs" / "b" / "best.safetensors").unlink()
    (home / "runs" / "b" / "history.jsonl").unlink()
    with pytest.raises(RunError, match="no validation is finished; go on with: barenet train --resume"):
        barenet.ensemble("a", "b")


def test_weights_from_elsewhere_are_refused(home):
    np.savez("weights.npz", W1=np.zeros((64, 4)), b1=np.zeros(4))
    with pytest.raises(CheckpointError, match=r"weights\.npz does not say how its images are read"):
        barenet.ensemble("a", "weights.npz")
    change_member(home, settings={})
    with pytest.raises(CheckpointError, match=r"runs.b does not say how it was trained"):
        barenet.ensemble("a", "b")


def test_scores_of_a_hinge_loss_are_averaged_as_predictions_show_them(home, arrays, dataset):
    values = SMALL | {"hidden_sizes": 6, "activation": "tanh", "loss": "hinge", "epochs": 1}
    barenet.train(**arrays, **values, name="hinge")
    said = listen()
    made = barenet.ensemble("a", "hinge", dataset=dataset)
    assert any("trained with the loss hinge, whose outputs are scores: the softmax of the scores" in s for s in said)
    alone = [barenet.load(name).predict_proba(arrays["x_test"]) for name in ("a", "hinge")]
    np.testing.assert_allclose(made.scores.probabilities, np.mean(alone, axis=0), atol=1e-6)


def test_a_name_that_is_taken_is_refused(home, dataset):
    barenet.ensemble("a", "b", dataset=dataset, name="both")
    before = files_below(home)
    with pytest.raises(RunError, match="both holds an ensemble already; choose another --name"):
        barenet.ensemble("a", "b", dataset=dataset, name="both")
    with pytest.raises(RunError, match="holds something else"):
        barenet.ensemble("a", "b", dataset=dataset, name="a")
    assert files_below(home) == before


def test_other_data_than_the_networks_were_trained_on_are_refused(home, arrays):
    other = from_arrays(arrays["x_test"], arrays["y_test"], x_test=arrays["x"], y_test=arrays["y"], name="other")
    with pytest.raises(DataError, match="the networks were trained on arrays, not on other"):
        barenet.ensemble("a", "b", dataset=other)
    assert not (home / "runs" / "ensemble-1").exists()


@pytest.mark.parametrize("at", ["write_member", "write_members", "write_scores"])
def test_an_interruption_leaves_nothing_behind(at, home, dataset, monkeypatch):
    before = files_below(home)

    def stop(*about):
        raise KeyboardInterrupt

    monkeypatch.setattr(ensembles, at, stop)
    with pytest.raises(KeyboardInterrupt):
        barenet.ensemble("a", "b", dataset=dataset)
    assert files_below(home) == before


# ------------------------------------------------------------------------------------------------ damage


def spoil_weights(folder: Path) -> None:
    path = folder / "member-1" / "best.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


def spoil_list(folder: Path) -> None:
    text = (folder / "ensemble.json").read_text("utf-8")
    (folder / "ensemble.json").write_text(text.replace("member", "nember"), "utf-8")


def drop_one(folder: Path) -> None:
    content = unseal((folder / "ensemble.json").read_bytes())
    (folder / "ensemble.json").write_text(seal({**content, "members": content["members"][:1]}), "utf-8")


def make_newer(folder: Path) -> None:
    content = unseal((folder / "ensemble.json").read_bytes())
    (folder / "ensemble.json").write_text(seal({**content, "format": 2}), "utf-8")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (spoil_weights, r"member-1.best\.safetensors is damaged: the checksum of"),
        (
            lambda folder: shutil.rmtree(folder / "member-1"),
            "is incomplete: .*best.safetensors is missing; put it back",
        ),
        (
            lambda folder: shutil.copy(folder / "member-0" / "best.safetensors", folder / "member-1"),
            "does not hold the weights of runs.b, which .* was made of; put the right file back, or make it again",
        ),
        (spoil_list, r"ensemble\.json is damaged: its checksum does not fit; make the ensemble again"),
        (drop_one, r"ensemble\.json is damaged: an ensemble has two members or more"),
        (make_newer, r"ensemble\.json has format 2, newer than the 1 that this barenet reads; update barenet"),
    ],
)
def test_damage_is_noticed_and_named(damage, words, home, dataset):
    made = barenet.ensemble("a", "b", dataset=dataset)
    damage(made.folder)
    for use in (barenet.load, barenet.report):
        with pytest.raises((CheckpointError, RunError), match=words) as caught:
            use(made)
        assert str(caught.value).isprintable()


def test_damaged_test_results_are_named(home, dataset):
    made = barenet.ensemble("a", "b", dataset=dataset)
    path = made.folder / "test.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"test_loss": 0.0}), "utf-8")
    with pytest.raises(RunError, match=r"test\.json is damaged: .*; make the ensemble again from its runs"):
        barenet.report(made, dataset=dataset)
