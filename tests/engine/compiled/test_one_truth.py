"""Both engines from one state: the same weights up to rounding after each step; gradients against differences."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest
from engines import N_CLASSES, SHAPE, Case

from barenet.errors import ConfigError
from barenet.nn import ACTIVATIONS, LOSSES, MLP

pytest.importorskip("numba")
pytestmark = pytest.mark.extra

N_STEPS, BATCH, FIRST = 10, 16, 5
RULES = {
    "sgd": {"optimizer": "sgd"},
    "momentum": {"optimizer": "sgd", "momentum": 0.9},
    "nesterov": {"optimizer": "sgd", "momentum": 0.9, "nesterov": True},
    "adam": {"optimizer": "adam", "lr": 0.002},
    "adamw": {"optimizer": "adamw", "lr": 0.002, "weight_decay": 0.3},
}
EXTRAS = {
    "nothing": {},
    "l2": {"l2": 0.05},
    "dropout": {"dropout": 0.3, "input_dropout": 0.2},
    "clipping": {"clip_norm": 0.3},
    "average": {"average_decay": 0.9},
    "smoothing": {"label_smoothing": 0.2},
    "mixup": {"mixup": 0.4, "mirror": True, "shift": 1},
    "mixup, affine": {"mixup": 0.4, "mirror": True, "shift": 1, "affine": 0.1},
    "mixup, smoothing, class weights": {"mixup": 1.0, "label_smoothing": 0.2, "class_weight": "2=3,5=0.2"},
    "class weights": {"class_weight": "2=3,5=0.2"},
    "normalization": {"normalization": "layer"},
    "normalization, dropout": {"normalization": "layer", "dropout": 0.3},
    "batch normalization": {"normalization": "batch", "average_decay": 0.9},
    "batch normalization, residual, dropout": {
        **{"hidden": "128,128", "residual": True, "normalization": "batch", "dropout": 0.3},
    },
    # 128 units: the distance between rows is larger than their length; 64: as wide as the images, so the first has one
    "residual": {"hidden": "128,128", "residual": True},
    "residual, normalization, dropout": {
        **{"hidden": "64,64,64", "residual": True, "normalization": "layer"},
        **{"dropout": 0.3, "input_dropout": 0.2},
    },
}
CROSS_ENTROPY_ONLY = ("smoothing", "mixup", "mixup, affine", "mixup, smoothing, class weights")
FACTORS = (sorted(ACTIVATIONS), list(LOSSES), list(RULES), list(EXTRAS))


def is_valid(chosen):
    _, loss, _, extra = chosen
    return extra not in CROSS_ENTROPY_ONLY or loss == "cross_entropy"


VALID = [chosen for chosen in itertools.product(*FACTORS) if is_valid(chosen)]


def covering(valid):
    """Return some of the valid combinations that together contain every valid pair of values."""

    def pairs(chosen):
        return set(itertools.combinations(enumerate(chosen), 2))

    held = {chosen: pairs(chosen) for chosen in valid}
    left, found = set().union(*held.values()), []
    while left:
        found.append(max(valid, key=lambda chosen: len(left & held[chosen])))  # the first of equals
        left -= held[found[-1]]
    return found


PAIRS = covering(VALID)


def make(chosen, kind):
    activation, loss, rule, extra = chosen
    settings = {"activation": activation, "loss": loss, "hidden": "40,24"} | RULES[rule] | EXTRAS[extra]
    return Case(settings, batch_size=BATCH, n_images=N_STEPS * BATCH, first_step=FIRST, kind=kind)


def assert_same_weights(chosen):
    """Take ten steps with both engines and compare each array of the weights, and of their average, after each."""
    cases = [make(chosen, kind) for kind in ("numpy", "compiled")]
    plan, before = cases[0].plan([0]), cases[0].start([0])
    engines = [case.engine([0], 1) for case in cases]
    template = MLP.from_architecture(cases[0].architecture, initializer=None).parameters
    for engine in engines:
        engine.begin(plan)
    for step in range(plan.n_steps):
        results = [engine.train(step, step + 1) for engine in engines]
        np.testing.assert_allclose(results[1][0], results[0][0], rtol=1e-5)
        states = [engine.capture(before) for engine in engines]
        for what in ("values", "average"):
            if getattr(states[0], what) is None:
                continue
            numpys, compiled = (template.named(getattr(state, what)[0].astype(np.float64)) for state in states)
            for name, own in numpys.items():
                apart = np.linalg.norm(compiled[name] - own) / np.linalg.norm(own)
                assert apart < 1e-5, (step, what, name, apart)
        np.testing.assert_allclose(states[1].statistics, states[0].statistics, rtol=1e-5, atol=1e-6)
    assert not np.array_equal(states[0].values, before.values)
    for engine in engines:
        engine.close()


def test_every_pair_of_values_is_tried():
    assert len(VALID) == 10 * 3 * 5 * 16 - 10 * 2 * 5 * 4
    assert 140 <= len(PAIRS) < 170
    tried = {pair for chosen in PAIRS for pair in itertools.combinations(enumerate(chosen), 2)}
    assert ((0, "gelu"), (3, "dropout")) in tried
    assert ((1, "hinge"), (2, "adamw")) in tried


@pytest.mark.parametrize("chosen", PAIRS, ids=", ".join)
def test_both_engines_reach_the_same_weights(chosen):
    assert_same_weights(chosen)


@pytest.mark.full
@pytest.mark.parametrize("activation", FACTORS[0])
@pytest.mark.parametrize("loss", FACTORS[1])
def test_with_every_combination(activation, loss):
    for chosen in VALID:
        if chosen[:2] == (activation, loss):
            assert_same_weights(chosen)


def test_what_is_not_valid_is_refused():
    with pytest.raises(ConfigError, match="label_smoothing"):
        make(("relu", "mse", "sgd", "smoothing"), "compiled")


# -------------------------------------------------------------------------------------------- central differences

STEP = 1e-6


@functools.cache
def some(n, size):
    return np.random.default_rng(0).choice(size, n, replace=False)


SMALL = {
    "several ghost batches": {"hidden": "9,9", "residual": True, "normalization": "batch"},
    "residual, 9 units": {"hidden": "9,9,9", "residual": True},
    "residual, all layers": {"hidden": "64,64", "residual": True, "normalization": "layer"},
}
GRADIENTS = [
    *((activation, loss, "nothing") for activation in ACTIVATIONS for loss in LOSSES),
    *(("tanh", loss, "class weights") for loss in LOSSES),
    *(("tanh", "cross_entropy", extra) for extra in CROSS_ENTROPY_ONLY),
    ("gelu", "cross_entropy", "normalization"),
    *((activation, "cross_entropy", "residual, 9 units") for activation in ("gelu", "softmax", "identity")),
    ("gelu", "cross_entropy", "residual, all layers"),
    *(
        (activation, "cross_entropy", "batch normalization")
        for activation in ("gelu", "sigmoid", "softmax", "identity")
    ),
    ("gelu", "mse", "several ghost batches"),
]


def batch_in_float64(case, plan):
    """Return all images of the plan, mixed as the plan says, and their labels, soft ones where they are mixed."""

    def some_images(order, mirrored, moves):
        images = case.images.images[order].reshape(-1, *SHAPE) / 255.0
        for i, image in enumerate(images):
            if mirrored is not None and mirrored[i]:
                images[i] = image[:, ::-1]
            if case.images.affine:  # its table has tests of its own
                images[i] = images[i].reshape(-1)[case.images.sources[moves[i]]].reshape(SHAPE)
            elif moves is not None:
                down, right = divmod(int(moves[i]), 3)
                images[i] = np.pad(images[i], 1, mode="edge")[2 - down :, 2 - right :][: SHAPE[0], : SHAPE[1]]
        return images.reshape(len(order), -1)

    x, labels = some_images(plan.order, plan.mirrored, plan.moves), case.images.labels[plan.order]
    second = plan.mixture
    if second is None:
        return x, labels
    s = second.shares.astype(np.float64)[:, None]
    weights = np.ones(N_CLASSES) if case.loss.weights is None else case.loss.weights.astype(np.float64)
    rows = np.diag(weights)
    soft = s * rows[labels] + (1 - s) * rows[case.images.labels[second.order]]
    return s * x + (1 - s) * some_images(second.order, second.mirrored, second.moves), soft


@pytest.mark.parametrize(("activation", "loss", "extra"), GRADIENTS)
def test_gradients_are_central_differences_in_float64(activation, loss, extra):
    settings = {"activation": activation, "loss": loss, "hidden": "9,7"} | RULES["momentum"] | (EXTRAS | SMALL)[extra]
    n_images = 75 if extra == "several ghost batches" else 13
    case = Case(settings, batch_size=n_images, n_images=n_images, kind="compiled")
    plan, before = case.plan([0]), case.start([0])
    engine = case.engine([0], 1)
    engine.begin(plan)
    engine.train(0, 1)  # the only step of the epoch, so it is measured: its gradient is kept
    found = engine.layout.unpack(engine.networks[0].gradients)
    engine.close()
    mlp = MLP.from_architecture(case.architecture, initializer=None, dtype=np.float64)
    x, labels = batch_in_float64(case, plan)
    values = mlp.parameters.values
    values[...] = before.values[0]

    def loss_at(i, moved):
        was = values[i]
        values[i] = was + moved
        result = float(case.loss(mlp.forward(x, training=True), labels))
        values[i] = was
        return result

    chosen = np.concatenate([some(60, values.size), np.arange(values.size - 26, values.size)])  # and all biases
    expected = np.array([(loss_at(i, STEP) - loss_at(i, -STEP)) / (2 * STEP) for i in chosen])
    np.testing.assert_allclose(found[chosen], expected, rtol=2e-5, atol=2e-6 * np.abs(expected).max())
    assert np.abs(expected).max() > 1e-4
