"""`find_learning_rate` has the losses of training with any number of threads, and does not use the test images."""

from __future__ import annotations

import csv
import math
from importlib.util import find_spec

import numpy as np
import pytest

import barenet
from barenet.api import learning_rates
from barenet.config.names import setting_path
from barenet.config.sources import build_config
from barenet.engine.numpy_engine.engine import NumpyEngine
from barenet.errors import ConfigError, DataError, MachineError
from barenet.interrupts import Interrupted
from barenet.storage import files
from barenet.training import epochs
from barenet.training.preparation import prepare
from barenet.training.trainer import Trainer
from barenet.tuning.range_test.curve import smooth

SMALL = {"n_valid": 100, "hidden_sizes": (16, 8), "batch_size": 48, "label_smoothing": 0, "verbose": False}
RANGE = {"lowest": 1e-4, "highest": 1e-2, "steps": 66}  # so low that no loss blows up
ENGINES = [
    "numpy",
    pytest.param(
        "compiled",
        marks=[pytest.mark.extra, pytest.mark.skipif(find_spec("numba") is None, reason="Numba is not installed")],
    ),
]
EPOCH = math.ceil(500 / 48)
SIZES = np.array([48] * 10 + [20])


@pytest.fixture(scope="module")
def training(arrays):
    return {"x": arrays["x"], "y": arrays["y"]}


def find(training, **values):
    return barenet.find_learning_rate(**training, **{**SMALL, **RANGE, **values})


class Forced(Trainer):
    """A trainer that takes its learning rates from a list."""

    def learning_rates(self, configs, first):
        return self.forced[first : first + self.n_steps, None]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_the_losses_are_those_of_training_with_the_same_rates(engine, optimizer, training, dataset):
    small = {**SMALL, "dropout": 0.1, "shift": 1, "engine": engine, "optimizer": optimizer}
    del small["verbose"]
    found = find(training, **small)
    flags = {setting_path(name): value for name, value in {**small, "lr": 1, "epochs": 6}.items()}
    config, data = prepare(build_config(flags=flags), dataset)
    trainer = Forced([config], data)
    trainer.forced = found.rates
    train_losses = [record.train_loss for record in trainer]
    means = [np.vecdot(found.losses[i : i + EPOCH], SIZES) / 500 for i in range(0, 66, EPOCH)]
    assert train_losses == means  # to the last bit
    assert len(means) == 6


def test_the_rates_rise_by_the_same_factor_from_the_lowest_to_the_highest(training):
    found = find(training)
    assert found.rates == pytest.approx(np.geomspace(1e-4, 1e-2, 66), rel=1e-12)
    assert found.smoothed == pytest.approx(smooth(found.losses, 2))


@pytest.mark.parametrize("engine", ENGINES)
def test_any_number_of_threads_gives_the_same_bits(engine, training):
    some = {"engine": engine, "hidden_sizes": (512,), "batch_size": 200, "steps": 60}
    one, two = (find(training, threads=threads, **some) for threads in (1, 2))
    assert one.losses.tobytes() == two.losses.tobytes()


def test_several_seeds_give_the_mean_of_their_losses(training):
    alone = [find(training, seed=seed).losses for seed in (3, 4)]
    assert find(training, seed=3, n_seeds=2).losses == pytest.approx(np.mean(alone, axis=0), rel=1e-15)


def test_where_the_test_ends_does_not_depend_on_how_fast_steps_are(training, monkeypatch):
    wide = {"optimizer": "sgd", "lowest": 1e-3, "highest": 1e6, "steps": 300}
    found = find(training, **wide)
    assert 60 < len(found.losses) < 300  # it blew up
    assert np.isfinite(found.losses).all()
    monkeypatch.setattr(epochs, "PROGRESS_SECONDS", 0.0)  # progress is reported after each step
    again = find(training, **wide)
    assert again.losses.tobytes() == found.losses.tobytes()


def test_in_a_wide_range_the_suggestion_is_below_the_rate_of_the_smallest_loss(training):
    wide = {"optimizer": "sgd", "lowest": 1e-4, "highest": 100, "steps": 300}
    for schedule, divisor, words in (("constant", 10, "a tenth"), ("cosine", 3, "a third")):
        found = find(training, settings={"schedule": {"name": schedule}}, **wide)
        assert found.falls_from < found.falls_fastest_at < found.smallest_at < found.half_lost_at
        assert found.suggestion == float(f"{found.smallest_at / divisor:.2g}")
        assert found.words[0].startswith(f"suggestion: learning_rate={found.suggestion:g}, {words} of about ")


def test_a_schedule_that_never_lowers_the_rate_counts_as_constant(training):
    settings = {"schedule": {"name": "step", "decay_rate": 0.5, "decay_step": 10**6}}
    found = find(training, settings=settings, optimizer="sgd", lowest=1e-4, highest=100, steps=300)
    assert " a tenth of about " in found.words[0]


def test_the_rate_that_is_suggested_trains(training):
    found = find(training, optimizer="sgd", lowest=1e-4, highest=100, steps=300)
    common = {**training, **SMALL, "optimizer": "sgd", "epochs": 4, "output": None}
    at = {
        rate: barenet.train(**common, learning_rate=rate).networks[0].validation_accuracy
        for rate in rates_to_try(found)
    }
    assert max(at, key=at.get) == found.suggestion


def rates_to_try(found):
    """The suggestion, and rates far below and above it."""
    return [found.suggestion / 100, found.suggestion, found.half_lost_at * 2]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"lowest": 1e-8, "highest": 1e-7}, "the loss did not fall; try lowest=1e-10 highest=1e-05 steps=132"),
        ({"lowest": 1e8, "highest": 1e9}, "the loss blew up at once; try lowest=1e+05"),
        ({"steps": 300, "lowest": 1e-4, "highest": 0.02}, "the loss was still falling at the end; try highest=0.2"),
    ],
)
def test_without_a_suggestion_the_words_say_why_and_what_to_try(values, words, training):
    found = find(training, optimizer="sgd", normalization="none", **values)
    assert found.suggestion is None
    assert found.as_dict()["smallest_at"] is None
    [sentence] = found.words
    assert sentence.startswith("no suggestion: between ")
    assert sentence.endswith(words)


def test_the_test_images_are_not_used(write_data, tmp_path, monkeypatch):
    seen = []

    def prepare_and_look(config, dataset, **options):
        seen.append((dataset.test_images, dataset.test_labels))
        return prepare(config, dataset, **options)

    monkeypatch.setattr(learning_rates, "prepare", prepare_and_look)
    find({}, data=write_data(tmp_path / "data"))
    assert seen == [(None, None)]


# What is written


def test_without_an_output_nothing_is_written(training, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = find(training)
    assert (found.picture, found.table) == (None, None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_table_has_every_step_and_the_same_test_writes_the_same_bytes(training, tmp_path):
    contents = []
    for _ in range(2):
        found = find(training, output=tmp_path / "some" / "folder")
        assert sorted(found.picture.parent.iterdir()) == [found.table, found.picture]
        contents.append((found.picture.read_bytes(), found.table.read_bytes()))
    assert contents[0] == contents[1]
    assert contents[0][0].startswith(b"\x89PNG")
    with found.table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == list(range(1, 67))
    for name, values in (("learning_rate", found.rates), ("loss", found.losses), ("smoothed_loss", found.smoothed)):
        assert [float(row[name]) for row in rows] == values.tolist()


def test_a_picture_that_cannot_be_written_leaves_the_one_before(training, tmp_path, monkeypatch):
    monkeypatch.setattr(learning_rates, "range_test_plot", lambda result: result.losses.tobytes())
    find(training, output=tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def no_room(path, data):
        path.write_bytes(data[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write_flushed", no_room)
    with pytest.raises(MachineError, match=r"cannot write .*: No space left on device"):
        find(training, output=tmp_path, seed=5)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


# What is refused


@pytest.mark.parametrize(
    ("values", "kind", "words"),
    [
        ({"lowest": 0.1, "highest": 0.1}, ConfigError, "must be below the highest, got 0.1 and 0.1"),
        ({"lowest": 2.0, "highest": None}, ConfigError, "must be below the highest, got 2 and 1"),
        ({"lowest": 0}, ConfigError, "the lowest learning rate must be a positive number, got 0"),
        ({"highest": math.inf}, ConfigError, "the highest learning rate must be a positive number, got inf"),
        ({"highest": "1"}, ConfigError, "the highest learning rate must be a positive number, got '1'"),
        ({"steps": 59}, ConfigError, "steps must be a whole number from 60 to 100,000, one for each learning rate"),
        ({"steps": 100.5}, ConfigError, "steps must be a whole number from 60"),
        ({"lr": 0.1}, ConfigError, "optimizer.learning_rate = 0.1: a range test sets the rate of each step itself"),
        ({"schedule": "cosine"}, ConfigError, "schedule.name = cosine: a range test sets the rate of each step itself"),
        ({"warmup_epochs": 1}, ConfigError, "schedule.warmup_epochs = 1: a range test sets the rate"),
        ({"output": "a.png"}, ConfigError, "a.png ends like a file, and the picture and the table go to a folder"),
        ({"engine": "quick"}, ConfigError, "trainer.engine must be"),
    ],
)
def test_wrong_input_is_refused_before_training(values, kind, words, training, monkeypatch):
    monkeypatch.setattr(learning_rates, "measure_losses", None)
    with pytest.raises(kind) as refused:
        find(training, **values)
    assert words in str(refused.value)
    assert str(refused.value).isprintable()


def test_a_data_set_that_is_too_small_is_refused(training):
    few = {"x": training["x"][:24], "y": training["y"][:24]}
    with pytest.raises(DataError, match=r"has 19 training images, too few for a range test .*: 20 are needed"):
        find(few, n_valid=5, batch_size=4)


def test_a_signal_ends_the_test_and_its_threads_and_writes_nothing(training, tmp_path, monkeypatch):
    events, close = [], NumpyEngine.close

    def check():
        events.append("look")
        if len(events) > 5:
            raise Interrupted(2)

    def close_and_tell(engine):
        events.append("close")
        close(engine)

    monkeypatch.setattr(epochs, "check", check)
    monkeypatch.setattr(epochs, "PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(NumpyEngine, "close", close_and_tell)
    with pytest.raises(Interrupted):
        find(training, output=tmp_path, engine="numpy")
    assert events[-2:] == ["look", "close"]
    assert list(tmp_path.iterdir()) == []


def test_a_custom_function_has_the_losses_that_it_has_in_training(training):
    shift = barenet.Activation.custom("shifted", lambda z: np.tanh(z) + 0.1, lambda da, z, a: da * (1 - (a - 0.1) ** 2))
    assert len(find(training, activation=shift).losses) == 66
