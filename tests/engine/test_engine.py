"""What an engine reports of its steps, and what a step calls and allocates."""

from __future__ import annotations

import collections
import gc
import sys
import tracemalloc
import types

import numpy as np
import pytest
from engines import Case
from families import full_except

from barenet.config.sources import build_config
from barenet.data.batches import TrainingImages
from barenet.engine.numpy_engine.engine import NumpyEngine
from barenet.engine.protocol import EpochPlan
from barenet.engine.state import TrainingState
from barenet.nn import MLP, make_loss

N_INPUTS, HIDDEN, BATCH, STEPS = 784, (128, 32), 16, 100


# ------------------------------------------------------------------------------------------------- what it tells


def test_results_have_a_row_a_step_and_a_column_an_image_of_the_stretch():
    case = Case(rows=[{"seed": 0}, {"seed": 1}], batch_size=16, n_images=70)
    engine = case.engine([0, 1], 1)
    engine.begin(case.plan([0, 1]))
    for start, stop, n_images in ((0, 1, 16), (1, 4, 48), (4, 5, 6)):
        losses, predicted = engine.train(start, stop)
        assert losses.shape == (stop - start, 2)
        assert losses.dtype == np.float64
        assert predicted.shape == (2, n_images)
        assert predicted.dtype == np.intp


@pytest.mark.parametrize("decay", [0, 0.9])
def test_the_network_that_is_evaluated_has_the_averages_where_there_are_any(decay):
    case = Case({"average_decay": decay, "dropout": 0.5}, [{"seed": 0}, {"seed": 1}])
    engine = case.engine([0, 1], 1)
    engine.begin(case.plan([0, 1]))
    engine.train(0, 2)
    state = engine.capture(case.start([0, 1]))
    found = engine.evaluation_network().parameters.values
    np.testing.assert_array_equal(found, state.average if decay else state.values)
    engine.train(2, 3)
    assert not np.array_equal(engine.evaluation_network().parameters.values, state.evaluated(case.architecture))


def test_the_state_that_an_engine_starts_from_stays_as_it_is():
    case = Case({"optimizer": "adamw", "average_decay": 0.9})
    state = case.start([0])
    before = {name: array.copy() for name, array in state.arrays().items()}
    engine = case.engine([0], 1, state)
    engine.begin(case.plan([0]))
    engine.train(0, 3)
    engine.capture(state).values[...] = 0
    for name, array in state.arrays().items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("threads", [1, 3])
def test_the_first_step_with_a_loss_that_is_not_finite_is_reported_for_each_network(threads):
    case = Case({"optimizer": "sgd", "activation": "leaky_relu"}, [{"seed": 0, "lr": 0.01}, {"seed": 1, "lr": 1e30}])
    engine = case.engine([0, 1], threads)
    engine.begin(case.plan([0, 1]))
    engine.train(0, 1)
    assert engine.first_lost_steps().tolist() == [-1, -1]
    losses, _ = engine.train(1, 5)
    assert np.isfinite(losses[:, 0]).all()
    lost = 1 + int(np.argmax(~np.isfinite(losses[:, 1])))
    assert engine.first_lost_steps().tolist() == [-1, lost]
    engine.begin(case.plan([0, 1]))  # another epoch begins without the step of the first
    assert engine.first_lost_steps().tolist() == [-1, -1]
    engine.close()


def test_a_second_epoch_goes_on_where_the_first_ended():
    case = Case({"optimizer": "adamw", "average_decay": 0.9, "mirror": True}, [{"seed": 0}, {"seed": 1}])
    plan, state = case.plan([0, 1]), case.start([0, 1])
    later = EpochPlan(plan.n_steps, plan.rates[::-1], plan.order[:, ::-1], plan.mirrored)
    engine = case.engine([0, 1], 1)
    for each in (plan, later):
        engine.begin(each)
        losses, _ = engine.train(0, 5)
        fresh = case.engine([0, 1], 1, state)
        fresh.begin(each)
        np.testing.assert_array_equal(fresh.train(0, 5)[0], losses)
        state = fresh.capture(state)
        for name, array in engine.capture(state).arrays().items():
            np.testing.assert_array_equal(array, state.arrays()[name])
    assert state.n_steps.tolist() == [10, 10]


# ------------------------------------------------------------------------------------- what a step calls and allocates


def make_engine(n_networks=1):
    """Return the course project's network, batch and learning rule, N of them, in the middle of an epoch."""
    flags = {"model.hidden_sizes": HIDDEN, "data.batch_size": BATCH}
    configs = [build_config("course", flags={**flags, "trainer.seed": i}) for i in range(n_networks)]
    start = MLP(N_INPUTS, HIDDEN, 10, seed=list(range(n_networks)), n_networks=n_networks)
    state = TrainingState.start(start.parameters.values, (), False, 1)
    rng = np.random.default_rng(3)
    n = BATCH * STEPS
    images = TrainingImages(rng.integers(0, 256, (n, N_INPUTS)).astype(np.uint8), rng.integers(0, 10, n), scale=1 / 255)
    engine = NumpyEngine(configs, start.architecture, make_loss("cross_entropy"), state, images, batch_size=BATCH)
    orders = np.stack([rng.permutation(n) for _ in range(n_networks)])
    plan = EpochPlan(0, np.full((STEPS, n_networks), 0.01), orders if n_networks > 1 else orders[0], is_measured=False)
    engine.begin(plan)
    return engine


def count_calls(monkeypatch, step):
    """Return how often `step` calls each NumPy function by name (operators, such as `a *= b`, are not seen)."""
    calls = collections.Counter()

    class Counted:
        def __init__(self, function, name):
            self.function, self.name = function, name

        def __call__(self, *args, **kwargs):
            calls[self.name] += 1
            return self.function(*args, **kwargs)

        def __getattr__(self, method):
            return Counted(getattr(self.function, method), f"{self.name}.{method}")

    class CountingNumPy(types.ModuleType):
        def __getattr__(self, name):
            found = getattr(np, name)
            return Counted(found, name) if callable(found) and not isinstance(found, type) else found

    counted = ("barenet.nn.", "barenet.engine.", "barenet.data.")
    with monkeypatch.context() as patch:
        for name, module in list(sys.modules.items()):
            if name.startswith(counted) and getattr(module, "np", None) is np:
                patch.setattr(module, "np", CountingNumPy("numpy"))
        step()
    return dict(calls)


# Four batches of 16 images are prepared at a time. A network of three layers: y = x W, dW = x^T dy and db of each, dx
# of two, and the sum of softmax.
PRODUCTS = 3 + 3 + 3 + 2 + 1
IMAGES = {"take": 1, "copyto": 1, "multiply": 1}
CALLS = {
    "matmul": PRODUCTS,
    "add": 3,  # biases
    "maximum": 2,  # ReLU
    "greater": 2,  # and its gradient
    "multiply": 2 + 1 + 2,  # of ReLU's gradient, of dlogits by the learning rate, of W1, of W2 with W3 for L2
    "subtract": 1 + 3,  # the largest logit, the update of W1, of W2 with W3, of all biases
    "exp": 1,
    "log": 1,
    "add.reduce": 1,
}
NO_WORK = {"asarray"}


@pytest.mark.parametrize("n_networks", [1, 4])
def test_four_steps_make_as_many_numpy_calls_as_the_formulas(n_networks, monkeypatch):
    engine = make_engine(n_networks)
    engine.train(0, 8)
    calls = count_calls(monkeypatch, lambda: engine.train(8, 12))
    found = {name: n for name, n in calls.items() if name not in NO_WORK}
    # A stack prepares its networks' images together, one batch of each at a time.
    expected = collections.Counter({name: 4 * n for name, n in CALLS.items()})
    for name, n in IMAGES.items():
        expected[name] += n if n_networks == 1 else 4 * n
    # The large W1 of a stack moves a network at a time, each with its gradient in the cache.
    for name in ("matmul", "multiply", "subtract"):
        expected[name] += 4 * (n_networks - 1)
    assert found == dict(expected)


@pytest.mark.slow
@pytest.mark.parametrize("n_networks", full_except([1, 4], 4))
def test_a_step_allocates_a_few_kilobytes(n_networks):
    engine = make_engine(n_networks)
    group = engine.lanes[0].groups[0]
    for step in range(8):
        group.step(step, engine.lanes[0].team)
    gc.collect()
    tracemalloc.start()
    try:
        group.step(8, engine.lanes[0].team)
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        group.step(9, engine.lanes[0].team)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Neither weights, 420 kB a network, nor images, 50 kB, are allocated anew. For operands that are not of the same
    # shape NumPy sets aside up to 8192 elements each, which it does not use.
    assert peak - before < (16_000 if n_networks == 1 else 3 * 4 * 8192 + 16_000)
