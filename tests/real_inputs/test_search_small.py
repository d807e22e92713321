"""Searches on small data, values of a space as Python has them, and words of other libraries."""

from __future__ import annotations

import itertools
from collections import deque

import numpy as np
import pytest
from told import listen

import barenet
from barenet.cli.application import explain_usage
from barenet.cli.settings_or_data import take_data
from barenet.config.names import OTHER_WORDS, setting_path
from barenet.config.reading import read_toml
from barenet.config.sources import build_config
from barenet.data.datasets import from_arrays
from barenet.errors import ConfigError
from barenet.tuning.space.points import Base
from barenet.tuning.space.runnable import check_values
from barenet.tuning.space.search_space import Space
from barenet.tuning.space.space_file import as_lists

N_TRAIN = 120


class Notes(barenet.SearchObserver):
    """Keeps all notes."""

    def __init__(self):
        self.heard = listen()


@pytest.fixture(scope="module")
def small_arrays():
    """150 images of 8 x 8 pixels, three classes."""
    rng = np.random.default_rng(0)
    return {"x": rng.integers(0, 256, (150, 8, 8)).astype(np.uint8), "y": np.arange(150) % 3}


@pytest.fixture
def search(small_arrays, tmp_path, monkeypatch):
    fixed = {"workers": 0, "epochs": 1, "n_valid": 30, "hidden_sizes": (4,), "output": tmp_path / "studies"}

    def run(space, **values):
        return barenet.search(space, **small_arrays, **{**fixed, "verbose": False, **values})

    return run


@pytest.fixture(scope="module")
def check(small_arrays):
    """Return a function that checks which values of a space can be trained on 120 images."""
    dataset = from_arrays(**small_arrays)

    def run(space, recipe="quick", **given):
        base = Base(recipe, {"data.n_valid": 30, **given})
        resolved, data = base.prepare(dataset, "acc")
        assert data.n_train == N_TRAIN
        parsed = Space.parse(as_lists(space), n_hidden=2)
        check_values(parsed, lambda point: base.resolve(point, resolved, dataset, data.n_train))

    return run


# ------------------------------------------------------------------------------------------- fewer images than a batch


@pytest.mark.slow
def test_a_recipe_s_batch_shrinks_for_every_trial(search):
    assert build_config("quick").data.batch_size > N_TRAIN
    notes = Notes()
    result = search({"lr": [0.1, 0.01]}, recipe="quick", observer=notes)
    assert [trial.config.data.batch_size for trial in result.trials] == [N_TRAIN] * 2
    assert notes.heard == ["batch size 256 is more than the 120 training images; taking 120"]


def test_a_batch_that_a_person_gave_is_an_error(search):
    message = "data.batch_size must be at most the 120 training images, got 200"
    with pytest.raises(ConfigError, match=message):
        search({"lr": [0.1, 0.01]}, batch_size=200)


# --------------------------------------------------------------------------------------------- what cannot be trained


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"batch_size": [32, 121]}, r"at most the 120 training images, got 121 \(at the point batch_size=121\)"),
        ({"batch_size": {"low": 16, "high": 500}}, "at most the 120 training images, got 500"),
        ({"shift": [0, 4]}, "data.shift must be less than half of an image's height and width, got 4 for 8x8"),
        ({"dropout": [0.1, 1.5]}, "model.dropout must be less than 1, got 1.5"),
        ({"lr": {"low": -1.0, "high": 0.1}}, "learning_rate must be greater than 0, got -1.0"),
        # nesterov needs momentum, and there is none in any point
        ({"nesterov": [False, True], "optimizer.name": ["sgd"], "momentum": [0.0]}, "nesterov needs momentum above 0"),
        # in a space that is too large to be tried as a whole
        ({f"hidden_size_{i}": list(range(4, 20)) for i in (1, 2)} | {"batch_size": [8, 121]}, "got 121"),
    ],
)
def test_a_value_that_can_never_be_trained_is_an_error_before_anything_is(space, message, check):
    with pytest.raises(ConfigError, match=message):
        check(space)


@pytest.mark.parametrize(
    "space",
    [
        {"optimizer.name": ["adamw", "sgd"], "momentum": [0.0, 0.9], "weight_decay": [0.0]},
        # only sgd with momentum takes nesterov: 1 in 4 of its points, in a space that is not tried as a whole
        {
            **{"nesterov": [False, True], "optimizer.name": ["adamw", "sgd"], "momentum": [0.0, 0.9]},
            **{"weight_decay": [0.0], "lr": np.linspace(0.01, 0.1, 10), "dropout": np.linspace(0, 0.5, 10)},
        },
        # of a hundred rates one is above the minimum
        {"schedule.minimum": [0.0, 0.99], "lr": np.linspace(0.01, 1.0, 100), "l2": [0, 1, 2]},
        # the condition names a value between the ends of a range
        {"n_hidden_layers": {"low": 1, "high": 3}, "dropout": {"choices": [0.1], "when": {"n_hidden_layers": 2}}},
        {"batch_size": [8, 120], "shift": [0, 3]},
    ],
)
def test_values_that_only_contradict_each_other_are_no_error(space, check):
    check(space)


@pytest.mark.parametrize(
    "strategy", [pytest.param(s, marks=[pytest.mark.slow] * (s == "tpe")) for s in ("grid", "random", "tpe")]
)
@pytest.mark.slow
def test_a_point_that_contradicts_itself_fails_alone_in_every_strategy(strategy, search):
    space = {"optimizer.name": ["adamw", "sgd"], "momentum": [0.0, 0.9], "weight_decay": [0.0]}
    notes = Notes()
    result = search(space, strategy=strategy, observer=notes)
    ended = {(t.point["optimizer.name"], t.point["momentum"]): (t.ended, t.last.reason) for t in result.trials}
    reason = "cannot run: optimizer.momentum = 0.9 belongs to sgd; adamw has beta1: leave it out"
    assert ended == {
        **dict.fromkeys([("adamw", 0.0), ("sgd", 0.0), ("sgd", 0.9)], ("finished", None)),
        ("adamw", 0.9): ("failed", reason),
    }
    assert any(note.startswith("1 trial cannot run and counts as failed: trial ") for note in notes.heard)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("strategy", ["grid", "random", "tpe"])
def test_what_is_an_error_does_not_depend_on_strategy_or_seed(strategy, seed, search):
    space = {"batch_size": [8, 16, 121], "lr": [0.1, 0.01, 0.001]}
    with pytest.raises(ConfigError, match="at most the 120 training images, got 121"):
        search(space, strategy=strategy, search_seed=seed, **({} if strategy == "grid" else {"trials": 1}))


# --------------------------------------------------------------------------------------------------- values from Python


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (range(5, 20, 5), [5, 10, 15]),
        ({0.1, 0.01, 0.001}, [0.001, 0.01, 0.1]),
        (frozenset({"relu", "gelu", "tanh"}), ["gelu", "relu", "tanh"]),
        ({(128, 32), (64,)}, [[64], [128, 32]]),
        ({None, 2.0, 1.0}, [None, 1.0, 2.0]),
        ((0.1, 0.01), [0.1, 0.01]),
        (np.array([[8, 4], [6, 2]]), [[8, 4], [6, 2]]),
        (np.float64(0.5), 0.5),
        ((10.0**-i for i in range(2)), [1.0, 0.1]),
        (map(int, "31"), [3, 1]),
        (deque([2, 1]), [2, 1]),
        ({"b": 0, "a": 0}.keys(), ["b", "a"]),
        ("relu", "relu"),
        (
            {"choices": range(2), "when": {"optimizer.name": {"sgd"}}},
            {"choices": [0, 1], "when": {"optimizer.name": ["sgd"]}},
        ),
    ],
)
def test_values_of_a_space_may_be_of_any_kind(given, expected):
    assert as_lists({"x": given}) == {"x": expected}


def test_images_in_the_place_of_the_space_are_led_to_x():
    with pytest.raises(ConfigError, match=r"the space is a value of type ndarray, expected .* given as x=\.\.\., y="):
        barenet.search(np.zeros((9, 4, 4)), np.arange(9) % 3)


def test_a_generator_without_an_end_is_refused():
    with pytest.raises(ConfigError, match="more than 10,000 values; give it low and high"):
        as_lists({"epochs": itertools.count(1)})


@pytest.mark.slow
def test_a_space_of_ranges_and_sets_is_searched_in_order(search):
    result = search({"seed": range(2), "activation": {"tanh", "relu"}})
    points = [trial.point for trial in sorted(result.trials, key=lambda trial: trial.number)]
    assert points == [{"seed": s, "activation": a} for s in (0, 1) for a in ("relu", "tanh")]


# ---------------------------------------------------------------------------------- a path in the place of the settings


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("d.npz", b"PK\x03\x04"),
        ("train-images-idx3-ubyte", b"\0\0\x08\x03"),
        ("iris.data", b"5.1,3.5,1.4,0.2,Iris-setosa\n4.9,3.0,1.4,0.2,Iris-setosa\n"),
        ("table.csv", b"age,label\n1,a\n"),
        ("table.tsv", b"age\tlabel\n1\ta\n"),
        ("table.csv.gz", b"\x1f\x8b\x08"),
        ("pictures", None),
    ],
)
def test_data_in_the_place_of_the_settings_are_taken_as_the_data(name, content, tmp_path):
    path, notes = tmp_path / name, listen()
    path.mkdir() if content is None else path.write_bytes(content)
    assert take_data(path, {"trainer.epochs": "1"}) == (
        None,
        {"trainer.epochs": "1", "data.path": str(path)},
    )
    assert notes == [f"{path} is taken as the data, as --data {path} would"]
    with pytest.raises(ConfigError, match="is data, and so is --data other; give one of them"):
        take_data(path, {"data.path": "other"})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("my.toml", "epochs\n"),
        ("settings.txt", "# mine\n[trainer]\nepochs = 1\n"),
        ("space", "lr = [0.1, 0.01]"),
        ("missing.toml", None),
        ("missing", None),
    ],
)
def test_settings_stay_settings(name, content, tmp_path):
    path, notes = tmp_path / name, listen()
    if content is not None:
        path.write_text(content, "utf-8")
    assert take_data(path, {}) == (path, {})
    assert take_data(None, {}) == (None, {})
    assert notes == []


@pytest.mark.parametrize(("marker", "command"), [("config.toml", "train"), ("study.json", "search")])
def test_a_run_in_the_place_of_the_settings_is_named(marker, command, tmp_path):
    (tmp_path / marker).write_text("", "utf-8")
    with pytest.raises(ConfigError, match=f"a folder that barenet {command} made: go on with it by --resume"):
        take_data(tmp_path, {})


def test_data_in_the_place_of_a_settings_file_get_a_hint_to_data(tmp_path):
    with pytest.raises(ConfigError, match="is a folder, not a settings file; data are chosen with --data"):
        read_toml(tmp_path)
    (tmp_path / "d.npz").write_bytes(b"PK\x03\x04\xff")
    with pytest.raises(ConfigError, match=r"not a TOML file: .*; data are chosen with --data"):
        read_toml(tmp_path / "d.npz")
    with pytest.raises(ConfigError, match=r"no settings file .*; data are named by --data"):
        read_toml(tmp_path / "nothing")


# --------------------------------------------------------------------------------------------- words of other libraries


@pytest.mark.parametrize(
    ("word", "ours"),
    [
        ("early_stopping", "patience"),
        ("n_iter_no_change", "patience"),
        ("max_iter", "epochs"),
        ("num_epochs", "epochs"),
        ("max_epochs", "epochs"),
        ("learning_rate_init", "learning_rate"),
        ("hidden_layer_sizes", "hidden_sizes"),
        ("units", "hidden_sizes"),
        ("alpha", "l2"),
        ("validation_split", "n_valid"),
        ("validation_fraction", "n_valid"),
        ("random_state", "seed"),
    ],
)
def test_words_of_other_libraries_get_a_hint_to_ours(word, ours, small_arrays):
    with pytest.raises(ConfigError, match=f"unknown setting '{word}'; did you mean '{ours}'?"):
        barenet.train(**small_arrays, output=None, verbose=False, **{word: 1})


def test_every_word_of_other_libraries_names_a_setting_and_is_none_of_ours():
    for word, ours in OTHER_WORDS.items():
        assert setting_path(ours)
        with pytest.raises(ConfigError, match="did you mean"):
            setting_path(word)


@pytest.mark.parametrize(
    ("option", "hint"),
    [
        ("--early-stopping", "did you mean --patience?"),
        ("--max-iter", "did you mean --epochs?"),
        ("--learning-rate-init", "did you mean --lr?"),
        ("--beta1", "did you mean --optimizer.beta1?"),
        ("--patiense", "did you mean --patience?"),
        ("--gpu", "barenet trains on the CPU alone"),
        ("--colour-of-the-sky", "see --help for all settings"),
    ],
)
def test_an_unknown_option_names_the_flag_that_is_meant(option, hint):
    from cyclopts import UnknownOptionError

    from barenet.cli.application import app

    with pytest.raises(UnknownOptionError) as error:
        app(["train", option, "1"], exit_on_error=False, print_error=False)
    assert explain_usage(error.value, ["train", option]).startswith(f"unknown option {option}; {hint}")


def test_an_unknown_setting_of_a_file_gets_the_same_hint(tmp_path):
    file = tmp_path / "my.toml"
    file.write_text("[trainer]\nearly_stopping = true\n", "utf-8")
    with pytest.raises(ConfigError, match=r"unknown setting trainer\.early_stopping; did you mean 'patience'?"):
        build_config("quick", file)
