"""Resumed runs and studies: with the same arguments, with data in another place, and with more epochs."""

from __future__ import annotations

import json
import math
import shutil

import numpy as np
import pytest
from families import slow_except
from told import listen

import barenet
from barenet.api import training
from barenet.cli.application import app
from barenet.cli.commands.test import test as run_test  # as the command line calls it
from barenet.config.sources import build_config
from barenet.data.formats.idx import write_idx
from barenet.errors import ConfigError, RunError
from barenet.run_folders.checkpoint import read_state
from barenet.storage.history import read_history

SMALL = {"hidden_sizes": (4,), "n_valid": 12, "batch_size": 16, "verbose": False}
FLAGS = ["--hidden", "4", "--data.n-valid", "12", "--batch-size", "16", "--epochs", "1", "--quiet"]
N_STEPS = 3  # an epoch of 48 images in batches of 16


class Notes(barenet.Observer):
    """Keeps all notes; sends Ctrl-C after the given epoch."""

    def __init__(self, stop_after=None):
        self.heard, self.stop_after = listen(), stop_after

    def record(self, record):
        if record.epoch == self.stop_after:
            raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def drawn(monkeypatch):
    """Keep the folders of the figures of runs."""
    paths = []
    monkeypatch.setattr(training, "draw_learning_curves", lambda history, best, path, smoothing: paths.append(path))
    return paths


def write_data(path, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 256, (60, 4, 4)).astype(np.uint8), np.arange(60) % 3
    x[np.arange(60), y, 0] = 255
    np.savez(path, x_train=x, y_train=y, x_test=x[:9], y_test=y[:9])
    return path


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A file of 60 images of 3 classes, in the current folder, which is also the home folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return write_data(tmp_path / "d.npz")


def train(data, name="run", observer=None, **settings):
    return barenet.train(data=data, output="runs", name=name, observer=observer, **{**SMALL, "epochs": 2, **settings})


def resume(*arguments, **values):
    return barenet.resume(*arguments, **{"verbose": False, **values})


def state_of(folder):
    return read_state(folder / "last.safetensors")[1].arrays()


def same_states(one, other):
    a, b = state_of(one), state_of(other)
    return set(a) == set(b) and all(np.array_equal(a[name], b[name]) for name in a)


# -------------------------------------------------------------------------------------------- the same arguments again


WRITTEN = ["d.npz", "./d.npz", "~/d.npz", "link.npz", "folder/../d.npz", "{folder}/d.npz"]


@pytest.mark.parametrize("written", slow_except(WRITTEN, "./d.npz", "link.npz"))
def test_a_run_goes_on_however_the_path_of_its_data_is_written(written, data, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.npz").symlink_to(data)
    first = train(data, epochs=1)
    config = (first.folder / "config.toml").read_bytes()
    again = resume(first.folder, data=written.format(folder=tmp_path))
    assert again.networks[0].validation_loss == first.networks[0].validation_loss
    assert (first.folder / "config.toml").read_bytes() == config


def test_a_folder_of_data_may_end_in_a_slash(data, tmp_path):
    (tmp_path / "tables").mkdir()
    with np.load(data) as arrays:
        np.save("tables/x_train.npy", arrays["x_train"].reshape(60, 16))
        np.save("tables/y_train.npy", arrays["y_train"])
    folder = train("tables", epochs=1).folder
    assert resume(folder, data="tables/").networks[0].stopped.kind == "finished"


def test_the_same_command_line_goes_on(data, capsys):
    line = ["train", "--data", "d.npz", "--name", "mine", *FLAGS]
    app(line, result_action="return_value")
    first = capsys.readouterr().out
    app([*line, "--resume", "runs/mine"], result_action="return_value")
    assert capsys.readouterr().out.splitlines()[:3] == first.splitlines()[:3]
    with pytest.raises(ConfigError, match="in the run's folder, runs/mine; leave out --name other"):
        app(["train", "--name", "other", "--resume", "runs/mine"], exit_on_error=False, print_error=False)


def test_a_recipe_and_a_settings_file_may_be_given_again(data, tmp_path):
    file = tmp_path / "my.toml"
    file.write_text('[data]\npath = "d.npz"\n[model]\nhidden_sizes = [4]\n[trainer]\nepochs = 1\n', "utf-8")
    first = barenet.train(settings=file, recipe="course", output="runs", verbose=False, n_valid=12)
    again = resume(first.folder, settings=file, recipe="course", n_valid=12)
    assert again.networks[0].validation_loss == first.networks[0].validation_loss
    # Without a batch size in the file, the recipe's 256 was made smaller for 48 images: it is no changed setting.
    quick = barenet.train(settings=file, output="runs", verbose=False, n_valid=12)
    assert quick.config.data.batch_size == 48
    assert resume(quick.folder, settings=file, recipe="quick").config.data.batch_size == 48
    with pytest.raises(RunError, match=r"started with model\.activation = gelu, not relu; give it again, or leave out"):
        resume(quick.folder, settings=file, recipe="course")
    file.write_text(file.read_text("utf-8").replace("[4]", "[5]"), "utf-8")
    with pytest.raises(RunError, match=r"started with model\.hidden_sizes = \(4,\), not \(5,\); leave it out"):
        resume(quick.folder, settings=file)


# ------------------------------------------------------------------------------------------------------ data that moved


def test_data_that_moved_are_taken_where_they_are_now(data, tmp_path):
    observer = Notes(stop_after=1)
    with pytest.raises(KeyboardInterrupt):
        train(data, observer=observer)
    folder = tmp_path / "runs" / "run"
    (tmp_path / "there").mkdir()
    shutil.move(data, tmp_path / "there")
    with pytest.raises(RunError, match=r"data of .*run are not at .*d\.npz; say where they are now by --data"):
        resume(folder)
    write_data(tmp_path / "other.npz", seed=1)
    with pytest.raises(RunError, match="started with other images or labels"):
        resume(folder, data="other.npz")
    moved = resume(folder, data="there/d.npz")
    assert [record.epoch for record in moved.networks[0].history] == [1, 2]
    assert build_config("quick", folder / "config.toml").data.path == str(tmp_path / "there" / "d.npz")
    assert resume(folder).networks[0].validation_loss == moved.networks[0].validation_loss


# ---------------------------------------------------------------------------------------------------------- more epochs


def cosine(step, n_steps, rate):
    """Return half a cosine from `rate` down to 0 (Loshchilov and Hutter 2017)."""
    return rate / 2 * (1 + math.cos(math.pi * step / n_steps))


def test_a_finished_run_is_trained_for_longer(data, drawn):
    notes = Notes()
    settings = {"schedule": "cosine", "warmup_epochs": 0, "learning_rate": 0.01, "keep_best": 9}
    first = train(data, epochs=2, **settings)
    files = {path.name: path.read_bytes() for path in first.folder.glob("epoch-*.safetensors")}
    before = (first.folder / "history.jsonl").read_text("utf-8")
    (first.folder / "test.json").unlink()
    drawn.clear()
    longer = resume(first.folder, epochs=5, observer=notes)
    assert len(files) == 2
    assert all((first.folder / name).read_bytes() == content for name, content in files.items())
    assert (first.folder / "history.jsonl").read_text("utf-8").startswith(before)
    records = longer.networks[0].history
    assert [record.epoch for record in records] == [1, 2, 3, 4, 5]
    lengths = [6, 6, 15, 15, 15]  # in steps: of the run at first, then with more epochs
    rates = [cosine(N_STEPS * epoch - 1, n, 0.01) for epoch, n in enumerate(lengths, start=1)]
    assert [record.learning_rate for record in records] == pytest.approx(rates)
    last, following = f"{cosine(5, 6, 0.01):.3g}", f"{cosine(6, 15, 0.01):.3g}"
    assert notes.heard[-1] == (
        f"{first.folder}: trainer.epochs is raised from 2 to 5; the schedule cosine is stretched over all 5, so the "
        f"learning rate goes from {last} at the end of epoch 2 to {following} at the start of epoch 3"
    )
    assert json.loads((first.folder / "test.json").read_text("utf-8"))["epoch"] == longer.networks[0].best_epoch
    assert drawn == [first.folder / "figures" / "learning-curves.png"]
    # From here on it is a run of five epochs, which needs no --epochs to be resumed.
    again = resume(first.folder)
    assert again.networks[0].history == records


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"schedule": "constant"}, "the learning rate stays 0.005"),
        (
            {"schedule": "step", "decay_rate": 0.5, "decay_step": 4},
            "0.0025 at the end of epoch 2 to 0.0025 at the start of epoch 3",
        ),
        ({"schedule": "exponential", "decay_rate": 0.5, "decay_step": 6}, "schedule exponential goes on: the learning"),
    ],
)
def test_schedules_without_an_end_make_the_same_weights_as_one_long_training(settings, words, data):
    settings |= {"warmup_epochs": 0}
    notes = Notes()
    short = train(data, "short", epochs=2, **settings)
    resume(short.folder, epochs=4, observer=notes)
    assert words in notes.heard[-1]
    assert same_states(short.folder, train(data, "long", epochs=4, **settings).folder)


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle"])
@pytest.mark.slow
def test_a_longer_training_does_not_depend_on_threads_or_on_breaks(schedule, data):
    first = train(data, schedule=schedule, n_seeds=2).folder
    one, broken = shutil.copytree(first, "runs/one"), shutil.copytree(first, "runs/broken")
    resume(first, epochs=5)
    resume(one, epochs=5, threads=1)
    with pytest.raises(KeyboardInterrupt):
        resume(broken, epochs=5, observer=Notes(stop_after=4))
    resume(broken)
    for seed in ("seed-0", "seed-1"):
        assert same_states(first / seed, first.parent / "one" / seed)
        assert same_states(first / seed, first.parent / "broken" / seed)
        assert [record.epoch for record in read_history(first / seed / "history.jsonl").records] == [1, 2, 3, 4, 5]
        assert build_config("quick", first / seed / "config.toml").trainer.epochs == 5


def test_an_unfinished_run_is_trained_for_longer(data, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(data, epochs=3, schedule="cosine", warmup_epochs=0, learning_rate=0.01, observer=Notes(stop_after=1))
    notes = Notes()
    records = resume(tmp_path / "runs" / "run", epochs=4, observer=notes).networks[0].history
    assert [record.learning_rate for record in records[1:]] == pytest.approx([cosine(s, 12, 0.01) for s in (5, 8, 11)])
    assert "raised from 3 to 4; the schedule cosine is stretched over all 4" in notes.heard[-1]


def test_a_process_that_was_killed_before_the_first_further_epoch_changes_nothing(data):
    killed, whole = train(data, "killed").folder, train(data, "whole").folder
    config = (killed / "config.toml").read_text("utf-8")
    assert "epochs = 2\n" in config
    (killed / "config.toml").write_text(config.replace("epochs = 2\n", "epochs = 4\n"), "utf-8")
    resume(killed)
    resume(whole, epochs=4)
    assert same_states(killed, whole)


def test_fewer_epochs_are_refused(data, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(data, epochs=5, observer=Notes(stop_after=3))
    folder = tmp_path / "runs" / "run"
    for epochs in (2, 4):
        message = f"was started for 5 epochs and has trained 3: trainer.epochs can be raised, not lowered, got {epochs}"
        with pytest.raises(RunError, match=message):
            resume(folder, epochs=epochs)
    assert [record.epoch for record in read_history(folder / "history.jsonl").records] == [1, 2, 3]


def test_patience_that_has_run_out_is_not_renewed_by_more_epochs(data):
    early = train(data, epochs=9, patience=1, learning_rate=1e-12)
    assert early.networks[0].stopped.kind == "early"
    notes = Notes()
    again = resume(early.folder, epochs=20, observer=notes)
    assert len(again.networks[0].history) == len(early.networks[0].history) < 9
    assert "but nothing is left to train: stopped early: 1 validations without" in notes.heard[-1]


# -------------------------------------------------------------------------------------------------------------- studies


def search(**values):
    return barenet.search(**{"output": "studies", "workers": 0, "verbose": False, **values})


@pytest.mark.slow
def test_a_study_goes_on_with_the_same_words_and_with_data_that_moved(data, tmp_path):
    space = {"l2": range(2)}
    study = search(space=space, data="d.npz", epochs=1, hidden_sizes=(4,), n_valid=12).folder
    again = search(resume=study, space=space, data="~/d.npz", epochs="1", hidden_sizes=[4])
    assert [trial.ended for trial in again.trials] == ["finished"] * 2
    (tmp_path / "there").mkdir()
    shutil.move(data, tmp_path / "there")
    with pytest.raises(RunError, match=r"of studies/course-search-1 are not at .*; say where they are now by --data"):
        search(resume=study)
    write_data(tmp_path / "other.npz", seed=1)
    with pytest.raises(RunError, match=r"made from other data than other\.npz; give its data, or say by --data"):
        search(resume=study, data="other.npz")
    assert len(search(resume=study, data="there/d.npz").trials) == 2
    moved = str(tmp_path / "there" / "d.npz")
    assert json.loads((study / "study.json").read_text("utf-8"))["given"]["data.path"] == moved


def test_data_that_are_named_by_what_their_files_begin_with_are_found_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for split in ("digits", "mnist"):
        for part in ("train", "test"):
            write_idx(tmp_path / f"emnist-{split}-{part}-images-idx3-ubyte", rng.integers(0, 256, (30, 4, 4), np.uint8))
            write_idx(tmp_path / f"emnist-{split}-{part}-labels-idx1-ubyte", np.arange(30, dtype=np.uint8) % 3)
    run = train("emnist-digits", epochs=1).folder
    assert len(resume(run, epochs=2).networks[0].history) == 2
    for file in tmp_path.glob("emnist-digits-*"):
        file.unlink()
    for go_on in (resume, lambda folder: run_test(folder, quiet=True)):
        with pytest.raises(RunError, match=r"the data of runs/run are not at emnist-digits; say where they are now by"):
            go_on(run)


@pytest.mark.slow
def test_the_same_command_line_goes_on_with_a_study(data, tmp_path, capsys):
    file, space = tmp_path / "my.toml", "[space]\nlr = [0.1, 0.01, 0.001]\n"
    file.write_text(f'[search]\nstrategy = "random"\ntrials = 2\n{space}', "utf-8")
    line = ["search", "my.toml", "--data", "d.npz", "--name", "mine", "--workers", "0", *FLAGS]
    app(line, result_action="return_value")
    first = capsys.readouterr().out
    go_on = [*line, "--resume", "studies/mine"]
    app(go_on, result_action="return_value")
    assert capsys.readouterr().out == first
    app([*go_on, "--trials", "3"], result_action="return_value")
    assert "3 trials: 3 finished" in capsys.readouterr().out
    app(go_on, result_action="return_value")  # the file still says 2, which was raised since
    assert "3 trials: 3 finished" in capsys.readouterr().out
    file.write_text(f'[search]\nstrategy = "random"\n[trainer]\nepochs = 3\n{space}', "utf-8")
    line.remove("--epochs")
    line.remove("1")
    with pytest.raises(RunError, match=r"studies/mine was made with trainer\.epochs = 1, not 3; leave it out"):
        app([*line, "--resume", "studies/mine"], exit_on_error=False, print_error=False)
