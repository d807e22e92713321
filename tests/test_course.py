"""The course project's dictionaries, unchanged: which settings they mean, and the message about a wrong one."""

from __future__ import annotations

import numpy as np
import pytest
from told import listen

from barenet import course
from barenet.config.sources import build_config
from barenet.errors import BarenetError, ConfigError
from barenet.nn.schedules import Schedule
from barenet.run_folders.observer import Observer

ARCHITECTURE = [
    {"input_dim": 784, "output_dim": 128, "activation": "relu"},
    {"input_dim": 128, "output_dim": 32, "activation": "relu"},
    {"input_dim": 32, "output_dim": 10, "activation": "softmax"},
]
ALL_WORDS = {
    "nn_architecture": ARCHITECTURE,
    "dataloader_kwargs": {"path_dir": "data/fashion-mnist", "n_valid": 2000, "batch_size": 16},
    "optimizer_kwargs": {"lr": 0.05, "ld": 0.001, "decay_rate": 0.95, "decay_step": 6000},
    "trainer_kwargs": {"n_epochs": 100, "eval_step": 10, "metric": "acc", "n": 3, "keep_last": True},
}


class Notes(Observer):
    def __init__(self):
        self.notes = listen()


def config_of(**dictionaries):
    tables = course.course_settings(**dictionaries)
    flags = {f"{table}.{name}": value for table, own in tables.items() for name, value in own.items()}
    return build_config("course", None, flags)


def small_data(n=120, n_inputs=6, n_classes=3):
    rng = np.random.default_rng(0)
    labels = np.arange(n) % n_classes
    images = rng.normal(size=(n, n_inputs)).astype(np.float32)
    images[np.arange(n), labels] += 3
    return images, labels


def small_architecture(*, n_inputs=6, n_classes=3, activation="tanh"):
    return [
        {"input_dim": n_inputs, "output_dim": 5, "activation": activation},
        {"input_dim": 5, "output_dim": n_classes, "activation": "softmax"},
    ]


def test_every_word_reaches_its_setting():
    config = config_of(
        nn_architecture=small_architecture(),
        dataloader_kwargs={"path_dir": "some/folder", "n_valid": 0.25, "batch_size": 7},
        optimizer_kwargs={"lr": 0.3, "ld": 0.02, "decay_rate": 0.5, "decay_step": 11},
        trainer_kwargs={"n_epochs": 4, "eval_step": 2, "metric": "loss", "n": 5, "keep_last": True},
    )
    assert (config.data.path, config.data.n_valid, config.data.batch_size) == ("some/folder", 0.25, 7)
    assert (config.optimizer.learning_rate, config.optimizer.l2) == (0.3, 0.02)
    assert (config.schedule.decay_rate, config.schedule.decay_step) == (0.5, 11)
    assert (config.trainer.epochs, config.trainer.eval_every) == (4, 2)
    assert (config.trainer.metric, config.trainer.keep_best) == ("loss", 5)
    assert [row.model_dump() for row in config.model.layers] == [
        {**row, "normalization": "none", "residual": False} for row in small_architecture()
    ]


def test_words_left_out_keep_the_values_of_the_recipe():
    assert config_of() == build_config("course")
    changed = config_of(optimizer_kwargs={"lr": 0.1}, trainer_kwargs={})
    assert changed == build_config("course", None, {"optimizer.learning_rate": 0.1})


def test_the_recipe_is_what_the_dictionaries_of_the_course_say():
    recipe, own = build_config("course"), config_of(**ALL_WORDS)
    assert own.optimizer == recipe.optimizer
    assert own.schedule == recipe.schedule
    assert own.trainer == recipe.trainer
    assert own.data == recipe.data.model_copy(update={"path": "data/fashion-mnist"})
    widths = [row.output_dim for row in own.model.layers[:-1]]
    assert tuple(widths) == recipe.model.hidden_sizes


def test_the_rate_falls_only_while_it_is_above_a_hundredth():
    config = config_of(optimizer_kwargs={"lr": 0.05, "decay_rate": 0.5, "decay_step": 3})
    schedule = Schedule(
        config.schedule.name,
        config.optimizer.learning_rate,
        n_steps=30,
        decay_rate=config.schedule.decay_rate,
        decay_step=config.schedule.decay_step,
        minimum=config.schedule.minimum,
    )
    expected, rate = [], 0.05
    for step in range(30):
        if step and step % 3 == 0 and rate > 0.01:
            rate *= 0.5
        expected.append(rate)
    np.testing.assert_allclose(schedule.rates(np.arange(30)), expected, rtol=1e-15)
    assert expected[-1] == 0.05 / 8


@pytest.mark.parametrize("rate", [None, 0, 1, 1.5, -0.5, 0.0, np.float64(2)])
def test_decay_is_off_outside_zero_to_one_whatever_decay_step_says(rate):
    config = config_of(optimizer_kwargs={"decay_rate": rate, "decay_step": None})
    assert config.schedule.decay_rate == 1
    assert config.schedule.name == "step"


@pytest.mark.parametrize("rate", ["fast", True, float("nan")])
def test_a_decay_rate_that_is_no_number_is_an_error(rate):
    with pytest.raises(ConfigError, match=r"^schedule\.decay_rate .*"):
        config_of(optimizer_kwargs={"decay_rate": rate})


@pytest.mark.parametrize(
    ("name", "key", "hint"),
    [
        ("dataloader_kwargs", "batchsize", "did you mean 'batch_size'?"),
        ("optimizer_kwargs", "decayrate", "did you mean 'decay_rate'?"),
        ("trainer_kwargs", "epochs", "did you mean 'n_epochs'?"),
        ("trainer_kwargs", "batch_size", "it belongs to dataloader_kwargs"),
        ("optimizer_kwargs", "xyz", "known: lr, ld, decay_rate, decay_step"),
        ("optimizer_kwargs", 3, "known: lr, ld, decay_rate, decay_step"),
    ],
)
def test_an_unknown_word_is_one_line_that_names_the_nearest(name, key, hint):
    with pytest.raises(ConfigError) as caught:
        course.course_settings(**{name: {key: 1}})
    assert str(caught.value) == f"unknown key {key!r} in {name}; {hint}"


def test_something_other_than_a_dictionary_is_an_error():
    for name in ("dataloader_kwargs", "optimizer_kwargs", "trainer_kwargs"):
        with pytest.raises(ConfigError, match=f"{name} must be a dictionary, got 0.05"):
            course.course_settings(**{name: 0.05})


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"input_dim": 6, "output_dim": 5, "activation": "relu"}, *small_architecture()[1:2]], None),
        ([small_architecture()[0], {"input_dim": 4, "output_dim": 3, "activation": "softmax"}], "chain"),
        ([{"input_dim": 7, "output_dim": 3, "activation": "softmax"}], "takes 7 values, the images have 6"),
        ([{"input_dim": 6, "output_dim": 9, "activation": "softmax"}], "gives 9 values for 3 classes"),
        ([{"input_dim": 6, "output_dim": 3, "activation": "rleu"}], "did you mean 'relu'"),
        ([{"input_dim": 6, "output_dim": 3}], "entry 1 has no activation"),
        ([{"input_dim": 6, "output_dim": 3, "activation": "softmax", "bias": 1}], "unknown 'bias'"),
        ([], "at least one layer"),
        ({"input_dim": 6}, "must be a list"),
    ],
)
def test_an_architecture_that_does_not_fit_is_one_line(rows, message):
    images, labels = small_data()

    def train():
        more = {"verbose": False, "output": None, "x": images, "y": labels, "n_valid": 30}
        return course.train(rows, trainer_kwargs={"n_epochs": 1}, **more)

    if message is None:
        assert train().networks[0].best_epoch == 1
        return
    with pytest.raises(BarenetError) as caught:
        train()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_training_fills_a_run_folder_and_learns(tmp_path):
    images, labels = small_data()
    result = course.train(
        small_architecture(),
        {"n_valid": 30, "batch_size": 4},
        {"lr": 0.1, "ld": 0.0},
        {"n_epochs": 6, "eval_step": 2, "metric": "loss", "n": 2},
        x=images,
        y=labels,
        output=tmp_path / "runs",
        verbose=False,
    )
    assert result.folder == tmp_path / "runs" / "course-1"
    assert sorted(path.name for path in result.folder.glob("epoch-*")) == ["epoch-4.safetensors", "epoch-6.safetensors"]
    assert result.networks[0].validation_accuracy > 0.9
    validated = [record.epoch for record in result.networks[0].history if record.valid_loss is not None]
    assert validated == [2, 4, 6]


def test_settings_by_name_win_over_the_dictionaries():
    images, labels = small_data()
    result = course.train(
        small_architecture(),
        {"n_valid": 30},
        trainer_kwargs={"n_epochs": 50},
        x=images,
        y=labels,
        output=None,
        verbose=False,
        epochs=1,
        n_seeds=2,
        momentum=0.5,
    )
    assert [len(network.history) for network in result.networks] == [1, 1]
    assert result.config.optimizer.momentum == 0.5


def test_keep_last_false_is_accepted_with_a_note():
    images, labels = small_data()
    notes = Notes()
    common = {"x": images, "y": labels, "output": None, "observer": notes, "n_valid": 30}
    course.train(small_architecture(), None, None, {"n_epochs": 1, "keep_last": True}, **common)
    assert not any("always kept" in note for note in notes.notes)
    course.train(small_architecture(), None, None, {"n_epochs": 1, "keep_last": False}, **common)
    assert sum("always kept" in note for note in notes.notes) == 1


@pytest.mark.slow
def test_a_fashion_mnist_folder_that_is_not_there_is_the_carried_data_with_a_note(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    notes = Notes()
    result = course.train(
        dataloader_kwargs={"path_dir": "data/fashion-mnist", "n_valid": 59_000, "batch_size": 100},
        trainer_kwargs={"n_epochs": 1},
        output=None,
        observer=notes,
    )
    assert len([note for note in notes.notes if "Fashion-MNIST that comes with barenet" in note]) == 1
    assert len(result.networks[0].scores.probabilities) == 10_000


def test_progress_is_shown_unless_it_is_asked_not_to_be(capsys):
    images, labels = small_data()
    more = {"x": images, "y": labels, "output": None, "n_valid": 30}
    course.train(small_architecture(), trainer_kwargs={"n_epochs": 1}, **more)
    assert "Epoch 1 | learning rate: 0.0500 | Train Loss:" in capsys.readouterr().err
    course.train(small_architecture(), trainer_kwargs={"n_epochs": 1}, verbose=False, **more)
    assert capsys.readouterr() == ("", "")
