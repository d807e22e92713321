"""The training step: what it calls and allocates, and that moving weights early or late gives the same bits."""

from __future__ import annotations

import collections
import gc
import tracemalloc
import types

import numpy as np
import pytest

from barenet.config.sources import build_config
from barenet.engine import layers as fast_layers
from barenet.engine import numpy_engine as engine_module
from barenet.engine import plain_sgd
from barenet.engine.numpy_engine import Engine
from barenet.engine.state import TrainingState
from barenet.nn import MLP, activations, layers, losses, optimizers
from barenet.nn.losses import make_loss

N_INPUTS, HIDDEN, BATCH = 784, (128, 32), 16


def make_engine(n_networks=1, hidden=HIDDEN, **flags):
    """Return the course project's network, batch and learning rule, N of them with seeds 0, 1, ..."""
    settings = {"model.hidden_sizes": hidden, "data.batch_size": BATCH, **flags}
    configs = [build_config("course", flags={**settings, "trainer.seed": i}) for i in range(n_networks)]
    start = MLP(N_INPUTS, hidden, 10, seed=list(range(n_networks)), n_networks=n_networks)
    state = TrainingState.start(start.parameters.values, (), False, 1)
    return Engine(configs, start.architecture, make_loss("cross_entropy"), state)


def batches(n_networks, count=12, own=True):
    """Yield batches, a network its own where `own`, and learning rates."""
    rng = np.random.default_rng(3)
    lead = (n_networks,) if own else ()
    for i in range(count):
        n = BATCH if i % 3 else 5
        yield rng.random((*lead, n, N_INPUTS), np.float32), rng.integers(0, 10, (*lead, n)), rng.uniform(0.01, 0.1)


@pytest.mark.parametrize("ahead", [True, False])
@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("l2", [0.0, 0.01])
def test_weights_that_move_layer_by_layer_end_with_the_same_bits(l2, own, ahead):
    flags = {"optimizer.l2": l2}
    late, early = make_engine(3, **flags), make_engine(3, **flags)
    early.moves_early, late.moves_early = True, False
    steps = list(batches(3, own=own))
    for (images, labels, rate), following in zip(steps, [*steps[1:], None], strict=True):
        rates = rate * np.array([[1.0], [0.5], [2.0]])
        results = early.step(images, labels, rates, following[0] if following and ahead else None)
        for result, expected in zip(results, late.step(images, labels, rates), strict=True):
            np.testing.assert_array_equal(result, expected)
    np.testing.assert_array_equal(early.mlp.parameters.values, late.mlp.parameters.values)
    assert early.optimizer.n_steps == late.optimizer.n_steps == 12


def test_a_stack_that_moves_early_ends_as_each_network_alone():
    stack, alone = make_engine(4), [make_engine(1) for _ in range(4)]
    for row, engine in enumerate(alone):
        engine.mlp.parameters.values[0] = stack.mlp.parameters.values[row]
    assert stack.moves_early
    assert not alone[0].moves_early
    for images, labels, rate in batches(4):
        stack.step(images, labels, np.full((4, 1), rate))
        for row, engine in enumerate(alone):
            engine.step(images[[row]], labels[[row]], np.array([[rate]]))
    for row, engine in enumerate(alone):
        np.testing.assert_array_equal(stack.mlp.parameters.values[row], engine.mlp.parameters.values[0])


def test_a_step_that_knows_the_next_images_takes_their_first_product():
    engine = make_engine(2)
    first, second = np.random.default_rng(0).random((2, 2, BATCH, N_INPUTS), np.float32)
    labels, rates = np.zeros((2, BATCH), int), np.full((2, 1), 0.1)
    engine.step(first, labels, rates, second)
    slot = engine.workspace.current[0]
    assert slot.ahead is second
    expected = second @ engine.mlp.parameters.views["W1"]
    np.testing.assert_allclose(slot.y, expected, rtol=1e-4, atol=1e-4)
    slot.y[...] = 0  # proof that the next step uses it
    logits = engine.mlp.forward(second, engine.workspace)
    np.testing.assert_array_equal(logits, engine.mlp.forward(np.zeros_like(second), engine.workspace))


def test_images_other_than_those_announced_are_computed_as_ever():
    engine, plain = make_engine(2), make_engine(2)
    labels, rates = np.zeros((2, BATCH), int), np.full((2, 1), 0.1)
    announced, first, second = np.random.default_rng(0).random((3, 2, BATCH, N_INPUTS), np.float32)
    engine.step(first, labels, rates, announced)
    plain.step(first, labels, rates)
    for stack in (engine, plain):
        stack.step(second, labels, rates)
    np.testing.assert_array_equal(engine.mlp.parameters.values, plain.mlp.parameters.values)


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

    with monkeypatch.context() as patch:
        for module in (activations, engine_module, fast_layers, layers, losses, optimizers, plain_sgd):
            patch.setattr(module, "np", CountingNumPy("numpy"))
        step()
    return dict(calls)


# A network of three layers: y = x W, dW = x^T dy and db of each, dx of two, and the sum of softmax.
PRODUCTS = 3 + 3 + 3 + 2 + 1
CALLS = {
    "matmul": PRODUCTS,
    "add": 3,  # biases
    "maximum": 2,  # ReLU
    "greater": 2,  # and its gradient
    "multiply": 2,
    "subtract": 2,  # the largest logit, the update
    "exp": 1,
    "log": 1,
    "add.reduce": 1,
    "asarray": 3,
}


def test_a_step_makes_no_more_numpy_calls_than_it_did(monkeypatch):
    engine = make_engine()
    images, labels, rate = next(batches(1))
    step = lambda: engine.step(images, labels, np.array([[rate]]))  # noqa: E731
    step()
    assert count_calls(monkeypatch, step) == CALLS


def test_a_stack_makes_as_many_calls_as_one_network(monkeypatch):
    engine = make_engine(4)
    engine.moves_early = False
    images, labels, rate = next(batches(4))
    step = lambda: engine.step(images, labels, np.full((4, 1), rate))  # noqa: E731
    step()
    assert count_calls(monkeypatch, step) == CALLS


@pytest.mark.parametrize("n_networks", [1, 4])
def test_a_step_allocates_a_few_kilobytes(n_networks):
    engine = make_engine(n_networks)
    images, labels, rate = next(batches(n_networks))
    rates = np.full((n_networks, 1), rate)
    for _ in range(3):
        engine.step(images, labels, rates)
    gc.collect()
    tracemalloc.start()
    try:
        engine.step(images, labels, rates)
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        engine.step(images, labels, rates)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Weights are 420 kB a network, a batch of hidden units 8 kB: neither is allocated anew. For views into a stack
    # NumPy sets aside 8192 elements an operand, which it does not use.
    assert peak - before < (6_000 if n_networks == 1 else 3 * 4 * 8192)
