"""A network gives the same outputs on any number of threads, and NumPy warns of overflow as its caller wants."""

from __future__ import annotations

import threading
import warnings

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from barenet.engine.threads import find_blas
from barenet.nn import LOSSES, MLP, Activation
from barenet.training import evaluation
from barenet.training.evaluation import EVALUATION_BATCH, Memory, compute_outputs, evaluate

SCALE = 1 / 255


@pytest.fixture(autouse=True)
def many_cores(monkeypatch):
    """Let threads start even for the small work of a test, and on a machine with one core."""
    monkeypatch.setattr(evaluation, "available_cores", lambda: 4)
    monkeypatch.setattr(evaluation, "THREAD_WORK", 1)


def pixels(n, n_inputs=20):
    return np.random.default_rng(0).integers(0, 256, (n, n_inputs), np.uint8)


def exact_outputs(mlp, images):
    """Return the outputs of a network with two hidden layers of ReLU, by the textbook's formulas in float64."""
    p = {name: view.astype(np.float64) for name, view in mlp.parameters.views.items()}
    a = np.maximum(images / 255 @ p["W1"] + p["b1"], 0)
    return np.maximum(a @ p["W2"] + p["b2"], 0) @ p["W3"] + p["b3"]


def network(n_networks=None, **options):
    return MLP(20, (30, 7), 5, n_networks=n_networks, seed=3, **options)


@pytest.mark.parametrize("n", [0, 1, 17, EVALUATION_BATCH, 4 * EVALUATION_BATCH + 17])
@pytest.mark.parametrize("n_networks", [None, 3])
def test_any_number_of_threads_gives_the_same_bits(n, n_networks):
    mlp, images = network(n_networks), pixels(n)
    found = [compute_outputs(mlp, images, SCALE, most_threads=threads) for threads in (1, 2, 3, 4, None)]
    assert {outputs.tobytes() for outputs in found} == {found[0].tobytes()}
    assert found[0].shape == (*(() if n_networks is None else (n_networks,)), n, 5)


def test_outputs_agree_with_a_float64_reference_in_the_order_of_the_images():
    mlp, images = network(), pixels(3 * EVALUATION_BATCH + 5)
    np.testing.assert_allclose(compute_outputs(mlp, images, SCALE), exact_outputs(mlp, images), atol=1e-5)


def test_memory_is_used_again_and_changes_nothing():
    mlp, images = network(), pixels(3 * EVALUATION_BATCH)
    memory = Memory(mlp)
    first = compute_outputs(mlp, images, SCALE, memory=memory)
    workspace, _ = arrays = memory.take()
    memory.give_back(arrays)
    np.testing.assert_array_equal(compute_outputs(mlp, images, SCALE, memory=memory), first)
    np.testing.assert_allclose(compute_outputs(mlp, images[:9], SCALE, memory=memory), first[:9], rtol=1e-4)
    assert any(workspace is memory.take()[0] for _ in range(4))


def squared(before=lambda: None):
    """Return a built-in activation, which any thread may call, that first calls `before`."""

    def forward(z, out):
        before()
        np.multiply(z, z, out=out)

    return Activation("squared", forward, lambda da, z, a, out: np.multiply(2 * da, z, out=out))


def threads_seen(n_images, **options):
    """Return the threads in which `n_images` images were run."""
    seen = set()
    mlp = MLP(20, (8,), 5, activation=squared(lambda: seen.add(threading.current_thread())))
    compute_outputs(mlp, pixels(n_images), SCALE, **options)
    return seen


def test_one_batch_stays_in_the_calling_thread():
    assert threads_seen(EVALUATION_BATCH) == {threading.current_thread()}


def test_no_more_threads_are_used_than_asked_for():
    assert threads_seen(8 * EVALUATION_BATCH, most_threads=1) == {threading.current_thread()}


def test_two_threads_work_at_the_same_time():
    together = threading.Barrier(2, timeout=20)  # fails unless a second thread comes
    mlp = MLP(20, (8,), 5, activation=squared(together.wait))
    compute_outputs(mlp, pixels(2 * EVALUATION_BATCH), SCALE, most_threads=2)


def test_a_custom_function_is_called_in_the_calling_thread():
    seen = set()

    def forward(z):
        seen.add(threading.current_thread())
        return z * z

    mlp = MLP(20, (8,), 5, activation=Activation.custom("own", forward, lambda da, z, a: 2 * da * z))
    compute_outputs(mlp, pixels(4 * EVALUATION_BATCH), SCALE)
    assert seen == {threading.current_thread()}


@pytest.mark.parametrize("threads", [1, 2])
def test_numpy_handles_overflow_as_the_caller_wants(threads):
    mlp, images = network(), pixels(8 * EVALUATION_BATCH)
    mlp.parameters.values[...] = 1e30
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        compute_outputs(mlp, images, SCALE, most_threads=threads)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error")
        compute_outputs(mlp, images, SCALE, most_threads=threads)
    with np.errstate(all="warn"), pytest.warns(RuntimeWarning) as noted:
        compute_outputs(mlp, images, SCALE, most_threads=threads)
    assert len(noted) >= 8  # one for each batch, from any thread


def test_blas_has_one_thread_inside_and_as_many_as_before_outside():
    def counts():
        return find_blas().get("num_threads")  # NumPy's BLAS; SciPy may have loaded another one, unused here

    inside = []

    def forward(z):
        inside.append(counts())
        return z

    mlp = MLP(20, (8,), 5, activation=Activation.custom("own", forward, lambda da, z, a: da))
    with threadpool_limits(2, user_api="blas"):
        before = counts()
        compute_outputs(mlp, pixels(2), SCALE)
        assert counts() == before
    assert inside == [1 if before else None]


def test_loss_and_accuracy_are_those_of_all_images():
    mlp, images = network(), pixels(2 * EVALUATION_BATCH + 1)
    labels = np.arange(len(images)) % 5
    loss, share = evaluate(mlp, LOSSES["cross_entropy"], images, labels, SCALE)
    z = exact_outputs(mlp, images)
    picked = z[np.arange(len(z)), labels]
    assert loss == pytest.approx(np.mean(np.log(np.exp(z).sum(axis=1)) - picked), abs=1e-5)
    assert share == np.mean(np.argmax(z, axis=1) == labels)
