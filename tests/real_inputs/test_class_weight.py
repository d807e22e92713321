"""`class_weight` of a training: its factors, the loss with them, and where they are written."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest
import tomli_w
from told import listen

import barenet
from barenet.config.reading import read_toml
from barenet.config.sources import build_config
from barenet.data.datasets import from_arrays
from barenet.errors import ConfigError
from barenet.gradcheck.network import check_gradients
from barenet.nn import MLP, Loss
from barenet.run_folders.observer import Observer
from barenet.training.labels import class_factors
from barenet.training.preparation import prepare, training_loss

RNG = np.random.default_rng(0)
Y = np.r_[np.zeros(40), np.ones(13), np.full(7, 2)].astype(int)
X = RNG.integers(0, 256, (60, 2, 2)).astype(np.uint8)
X_VAL, Y_VAL = RNG.integers(0, 256, (30, 2, 2)).astype(np.uint8), np.arange(30) % 3
# Steps so small that the network hardly changes: the mean loss of the epoch is the loss at its end.
STILL = {"optimizer": "sgd", "lr": 1e-12, "warmup_epochs": 0, "average_decay": 0, "label_smoothing": 0, "epochs": 1}
SMALL = {
    "hidden": "3",
    "activation": "relu",
    "normalization": "none",
    "batch_size": 20,
    "output": None,
    "verbose": False,
}
VALIDATION = {"x_val": X_VAL, "y_val": Y_VAL}


class Notes(Observer):
    """Keeps all notes."""

    def __init__(self) -> None:
        self.heard = listen()


def naive_losses(network, images, labels):
    """The cross-entropy of each image, by formulas."""
    W1, b1, W2, b2 = (network.model.mlp.parameters.views[name].astype(np.float64) for name in ("W1", "b1", "W2", "b2"))
    z = np.maximum(images.reshape(-1, 4) / 255 @ W1 + b1, 0) @ W2 + b2
    shares = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    return -np.log(shares[np.arange(len(labels)), labels])


@pytest.mark.parametrize(
    ("class_weight", "factors"),
    [
        ("balanced", [60 / (3 * 40), 60 / (3 * 13), 60 / (3 * 7)]),
        ({0: 1, 1: 5.0, 2: 0.5}, [1, 5, 0.5]),
        ("1=5", [1, 5, 1]),
        ({0: 1, 1: 5, 2: 0, 3: 9}, [1, 5, 0]),  # as in scikit-learn, 3 may be no class if all classes are named
    ],
)
def test_the_training_loss_is_the_weighted_mean_and_the_validation_loss_the_plain_one(class_weight, factors):
    network = barenet.train(X, Y, **VALIDATION, class_weight=class_weight, **STILL, **SMALL).networks[0]
    expected = np.average(naive_losses(network, X, Y), weights=np.asarray(factors)[Y])
    assert network.history[0].train_loss == pytest.approx(expected, rel=1e-5)
    assert network.validation_loss == pytest.approx(naive_losses(network, X_VAL, Y_VAL).mean(), rel=1e-5)


def test_factors_count_as_repetitions_of_images():
    # One batch holds all images, so that the runs differ only in their weights.
    settings = STILL | SMALL | {"lr": 0.5, "epochs": 20, "mirror": False}
    weighted = barenet.train(X, Y, **VALIDATION, class_weight="0=1,1=2,2=3", **settings | {"batch_size": 60})
    times = np.array([1, 2, 3])[Y]
    repeated = barenet.train(
        X.repeat(times, axis=0), Y.repeat(times), **VALIDATION, **settings | {"batch_size": int(times.sum())}
    )
    (one,), (other,) = weighted.networks, repeated.networks
    np.testing.assert_allclose(one.model.mlp.parameters.values, other.model.mlp.parameters.values, rtol=1e-3, atol=1e-5)
    plain = barenet.train(X, Y, **VALIDATION, **settings | {"batch_size": 60}).networks[0]
    assert np.abs(plain.model.mlp.parameters.values - other.model.mlp.parameters.values).max() > 1e-2


@pytest.mark.parametrize("loss", ["cross_entropy", "mse", "hinge"])
def test_the_gradient_agrees_with_the_difference_quotient(loss):
    config = build_config(flags={"model.class_weight": "balanced", "model.loss": loss, "data.batch_size": 20})
    resolved, data = prepare(config, from_arrays(X, Y, **VALIDATION))
    weighted = training_loss(resolved, data)
    mlp = MLP(4, (5,), 3, activation="tanh", loss=weighted, seed=0, dtype=np.float64)
    report = check_gradients(mlp, data.images / 255.0, data.labels, weighted)
    assert report.passed, report


def test_the_factors_are_noted():
    notes = Notes()
    barenet.train(X, Y, **VALIDATION, class_weight="balanced", **STILL, **SMALL, observer=notes)
    assert "factors of classes in the training loss: 0: 0.5, 1: 1.54, 2: 2.86" in notes.heard


def test_classes_go_by_name_or_by_number():
    names = ("cat", "dog", "cow")
    dataset = from_arrays(X, Y, **VALIDATION, class_names=names)
    for given in ("dog=2,cow=4", {"dog": 2, "cow": 4}, {1: 2, "2": 4.0}, {np.int64(1): np.float32(2), "cow": 4}):
        notes = listen()
        prepare(build_config(flags={"model.class_weight": given, "data.batch_size": 20}), dataset)
        assert "factors of classes in the training loss: cat: 1, dog: 2, cow: 4" in notes


@pytest.mark.parametrize("given", ["balanced", {"a=b": 2.0, "cat": 0.0}])
def test_a_settings_file_holds_it(given, tmp_path):
    config = build_config(flags={"model.class_weight": given})
    path = tmp_path / "settings.toml"
    path.write_text(tomli_w.dumps(config.as_tables()), "utf-8")
    assert tomllib.loads(path.read_text("utf-8"))["model"]["class_weight"] == given
    assert build_config(file=path).model.class_weight == given
    assert "class_weight" not in build_config().as_tables()["model"]  # as in the files of older runs
    assert read_toml(path)["model"]["class_weight"] == given


@pytest.mark.extra
def test_a_series_of_pandas_names_the_factors_too():
    series = pytest.importorskip("pandas").Series({"cat": 2, "dog": 1})
    assert build_config(flags={"model.class_weight": series}).model.class_weight == {"cat": 2.0, "dog": 1.0}
    with pytest.raises(ConfigError, match=r"model\.class_weight must be balanced, or a factor of 0 or more for each"):
        build_config(flags={"model.class_weight": np.ones(2)})


@pytest.mark.parametrize("given", ["cat", "cat=x", "cat=-1", "cat=1,cat=2", {"cat": np.inf}, {"cat": True}, 2, ["cat"]])
def test_wrong_factors_are_refused(given):
    with pytest.raises(ConfigError, match=r"model\.class_weight must be balanced, or a factor of 0 or more for each"):
        build_config(flags={"model.class_weight": given})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            "cat=1,dgo=2",
            "class_weight names dgo, which is not a class here, .* no factor for dog, cow .*did you mean 'dog'",
        ),
        ("7=2", "class_weight names 7, which is not a class here, and has no factor for cat, dog, cow"),
        ({"cat": 1, 0: 2}, "model.class_weight has class 'cat' twice, by its name and by its number 0"),
        ("cat=0,dog=0,cow=0", "is 0 for every class that has training images"),
    ],
)
def test_names_that_do_not_fit_the_data_are_refused_before_training(given, message):
    dataset = from_arrays(X, Y, **VALIDATION, class_names=("cat", "dog", "cow"))
    with pytest.raises(ConfigError, match=message):
        prepare(build_config(flags={"model.class_weight": given, "data.batch_size": 20}), dataset)


def test_a_custom_loss_takes_none():
    own = Loss.custom("own", lambda z, y: np.mean(z[..., 0] ** 2, axis=-1), lambda z, y: np.zeros_like(z))
    with pytest.raises(ConfigError, match="takes no class_weight"):
        own.weighted(np.ones(3))


def test_a_class_without_images_is_left_out_of_balanced():
    np.testing.assert_array_equal(class_factors("balanced", ("a", "b", "c"), np.array([3, 0, 1])), [4 / 6, 1, 4 / 2])


def test_two_seeds_together_end_as_each_alone():
    settings = SMALL | {"class_weight": "balanced", "epochs": 2}
    both = barenet.train(X, Y, **VALIDATION, **settings, n_seeds=2).networks
    for seed in (0, 1):
        alone = barenet.train(X, Y, **VALIDATION, **settings, seed=seed).networks[0]
        assert both[seed].model.mlp.parameters.values.tobytes() == alone.model.mlp.parameters.values.tobytes()
