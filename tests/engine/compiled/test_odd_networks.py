"""Odd networks, images and numbers on the compiled engine: as the NumPy engine takes them, or plainly lost."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from engines import Case

from barenet.data.batches import TrainingImages
from barenet.nn import Architecture

pytest.importorskip("numba")
pytestmark = pytest.mark.extra

KINDS = ("numpy", "compiled")
MOMENTUM = {"optimizer": "sgd", "momentum": 0.9, "activation": "tanh"}


def change(case, images=None, labels=None, scale=None, architecture=None):
    """Give a case other images, labels or another network."""
    if architecture is not None:
        case.architecture = architecture
    case.images = TrainingImages(
        case.images.images if images is None else images,
        case.images.labels if labels is None else labels,
        scale=case.images.scale if scale is None else scale,
        image_shape=(),
    )


def trained(case, networks=(0,), start=None):
    """Return the losses of an epoch, the state reached and the norms of its last step."""
    plan, before = case.plan(networks), case.start(networks) if start is None else start
    engine = case.engine(networks, 1, start)
    engine.begin(plan)
    losses, _ = engine.train(0, plan.n_steps)
    found = losses, engine.capture(before), engine.norms(), engine.first_lost_steps()
    engine.close()
    return found


def both(settings, rows=({"seed": 0},), alter=lambda case: None, **about):
    """Return what both engines give."""
    cases = [Case(settings, rows, kind=kind, **about) for kind in KINDS]
    for case in cases:
        alter(case)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's of numbers that overflow
        return [trained(case, range(len(rows))) for case in cases]


def assert_alike(found, rtol=1e-4, atol=2e-6):
    (losses, state, norms, lost), (own_losses, own, own_norms, own_lost) = found
    np.testing.assert_allclose(own_losses, losses, rtol=1e-5)
    np.testing.assert_allclose(own.values, state.values, rtol=rtol, atol=atol)
    np.testing.assert_allclose(own_norms.gradient, norms.gradient, rtol=1e-4)
    np.testing.assert_array_equal(own_lost, lost)


@pytest.mark.parametrize("dropout", [{"dropout": 0.4}, {"input_dropout": 0.3}, {"dropout": 0.4, "input_dropout": 0.3}])
@pytest.mark.parametrize("hidden", ["", "1", "17"])
def test_dropout_with_no_hidden_layer_or_one(hidden, dropout):
    assert_alike(both(MOMENTUM | {"hidden": hidden} | dropout))


@pytest.mark.parametrize("batch_size", [10, 33, 67])  # one image left over, one ghost batch, two
@pytest.mark.parametrize("hidden", ["1", "17", "3,130", "5,5,5"])
def test_batches_are_normalised_alike_whatever_their_size_and_width(hidden, batch_size):
    is_residual = hidden == "5,5,5"
    settings = MOMENTUM | {"hidden": hidden, "normalization": "batch", "residual": is_residual, "lr": 0.003}
    found = both(settings, batch_size=batch_size, n_images=71)
    assert_alike(found)
    np.testing.assert_allclose(found[1][1].statistics, found[0][1].statistics, rtol=1e-4, atol=1e-6)


def test_a_batch_larger_than_all_images():
    assert_alike(both(MOMENTUM, batch_size=500, n_images=33))


def test_networks_with_dropout_beside_networks_without():
    rows = [
        {"seed": 0, "lr": 0.01},
        {"seed": 1, "lr": 0.03, "dropout": 0.5},
        {"seed": 2, "lr": 0.001, "input_dropout": 0.4, "momentum": 0.5},
    ]
    assert_alike(both(MOMENTUM, rows))


def fractions(images):
    return images / 255


KINDS_OF_IMAGES = {
    "float32": (lambda images: fractions(images).astype(np.float32), 1.0),
    "float32, scaled": (lambda images: fractions(images).astype(np.float32), 0.5),
    "float32, big-endian": (lambda images: fractions(images).astype(">f4"), 1.0),
    "float64": (fractions, 1.0),
    "float16": (lambda images: fractions(images).astype(np.float16), 1.0),
    "uint16": (lambda images: images.astype(np.uint16) * np.uint16(257), 1 / 65535),
    "int16": (lambda images: images.astype(np.int16) - np.int16(100), 1e-3),
    "bool": (lambda images: images > 100, 1.0),
}


@pytest.mark.parametrize("name", KINDS_OF_IMAGES)
def test_images_of_other_kinds(name):
    make, scale = KINDS_OF_IMAGES[name]
    assert_alike(both(MOMENTUM, alter=lambda case: change(case, make(case.images.images), scale=scale)))


def test_images_that_lie_in_columns_or_in_other_images():
    for lie in (np.asfortranarray, lambda images: np.repeat(images, 2, axis=1)[:, ::2]):
        assert_alike(both(MOMENTUM, alter=lambda case, lie=lie: change(case, lie(case.images.images))))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_read_only_images(dtype):
    def alter(case):
        images = case.images.images.astype(dtype)
        images.flags.writeable = False
        labels = case.images.labels.copy()
        labels.flags.writeable = False
        change(case, images, labels)

    assert_alike(both(MOMENTUM, alter=alter))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_labels_of_any_integers(dtype):
    settings = MOMENTUM | {"class_weight": "2=3,5=0.2"}
    assert_alike(both(settings, alter=lambda case: change(case, labels=case.images.labels.astype(dtype))))


@pytest.mark.parametrize("loss", ["cross_entropy", "mse", "hinge"])
def test_one_class(loss):
    def alter(case):
        last = case.architecture.rows[-1].activation
        architecture = Architecture.from_sizes([64, 9, 1], ["tanh", last])
        change(case, labels=np.zeros_like(case.images.labels), architecture=architecture)

    assert_alike(both(MOMENTUM | {"loss": loss}, alter=alter))


@pytest.mark.parametrize("loss", ["mse", "hinge"])
@pytest.mark.parametrize("last", ["softmax", "sigmoid", "relu", "gelu", "softplus"])
def test_an_activation_on_the_last_layer(last, loss):
    def alter(case):
        change(case, architecture=Architecture.from_sizes([64, 17, 10], ["tanh", last]))

    assert_alike(both(MOMENTUM | {"loss": loss, "lr": 0.1}, alter=alter))


def test_squared_error_leaves_probabilities_as_they_are():
    """Small probabilities would lose all their digits if 1 were subtracted and added again."""

    def alter(case):
        change(case, architecture=Architecture.from_sizes([64, 10], ["softmax"]))

    cases = [Case({"loss": "mse", "optimizer": "sgd", "momentum": 0.9}, n_images=16, kind=kind) for kind in KINDS]
    reached = []
    for case in cases:
        alter(case)
        start = case.start([0])
        start.values[0, -10:] = [0, -20, *[-30] * 8]  # of probabilities as small as 1e-13, some belong to the labels
        reached.append(trained(case, start=start)[1].slots["velocity"][0].astype(np.float64))
    expected, found = reached
    small = np.abs(expected) > 0
    np.testing.assert_allclose(found[small], expected[small], rtol=1e-4)


def test_an_epsilon_too_small_for_float32_does_no_harm():
    """A gradient of 0 would make 0 / 0, and padding always has gradients of 0."""
    assert_alike(both({"optimizer": "adam", "epsilon": 1e-60, "activation": "tanh"}, n_images=16), atol=2e-5)
    _, state, _, lost = trained(Case({"optimizer": "adam", "epsilon": 1e-60}, kind="compiled"))  # relu: some are 0
    assert np.isfinite(state.values).all()
    assert lost == -1


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("loss", ["cross_entropy", "mse", "hinge"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "elu", "softplus", "sigmoid", "identity"])
def test_an_image_that_is_not_finite_gives_such_a_loss(activation, loss, number):
    """If the NumPy engine's loss is not finite, this engine's is not either, in the same step."""

    def alter(case):
        images = (case.images.images / 255).astype(np.float32)
        images[case.plan([0]).order[20], 7] = number  # of the second step
        change(case, images, scale=1.0)

    (losses, state, _, lost), (own_losses, own, _, own_lost) = both(
        {"optimizer": "sgd", "momentum": 0.9, "activation": activation, "loss": loss}, alter=alter
    )
    np.testing.assert_array_equal(np.isfinite(own_losses), np.isfinite(losses))
    np.testing.assert_array_equal(own_lost, lost)
    assert np.isfinite(own.values).all() == np.isfinite(state.values).all()


@pytest.mark.parametrize("place", range(10))
def test_a_loss_of_one_logit_that_is_nan_is_nan(place):
    """In each place among the logits, and for each label."""
    case = Case({"optimizer": "sgd", "momentum": 0.9}, n_images=16, kind="compiled")
    start = case.start([0])
    start.values[0, place - 10] = np.nan  # the biases of the last layer are the last parameters
    losses, _, _, lost = trained(case, start=start)
    assert np.isnan(losses).all()
    assert lost == 0


@pytest.mark.parametrize("rule", [{"optimizer": "sgd"}, {"optimizer": "adam"}, {"optimizer": "sgd", "clip_norm": 1.0}])
def test_weights_that_overflow_are_lost_in_the_same_step(rule):
    (losses, _, _, lost), (own_losses, own, _, own_lost) = both(rule | {"lr": 1e20}, n_images=200)
    assert lost >= 0
    np.testing.assert_array_equal(own_lost, lost)
    np.testing.assert_array_equal(np.isfinite(own_losses), np.isfinite(losses))
    assert not np.isfinite(own.values).all() or own_lost >= 0


def test_a_rate_of_zero_changes_nothing_and_gives_no_norm_of_the_gradient():
    """A schedule whose decay_rate is 0 has it from its first decay on."""
    found = []
    for kind in KINDS:
        case = Case({"optimizer": "sgd"}, n_images=16, kind=kind)
        plan, before = case.plan([0]), case.start([0])
        plan.rates[...] = 0
        engine = case.engine([0], 1)
        engine.begin(plan)
        engine.train(0, 1)
        np.testing.assert_array_equal(engine.capture(before).values, before.values)
        found.append(engine.norms().gradient)
        engine.close()
    np.testing.assert_array_equal(found[1], found[0])


def test_batches_have_the_size_that_the_engine_is_given_and_not_that_of_the_settings():
    states = []
    for named in (16, 40):
        case = Case({"optimizer": "sgd"}, batch_size=16, n_images=48, kind="compiled")
        case.configs = [config.with_values(data__batch_size=named) for config in case.configs]
        plan, before = case.plan([0]), case.start([0])
        engine = case.engine([0], 1)
        engine.begin(plan)
        engine.train(0, plan.n_steps)
        states.append(engine.capture(before).values)
        engine.close()
    np.testing.assert_array_equal(*states)
