"""The engine's steps against a textbook's in float64 and, with dropout, against the classes of the package nn."""

from __future__ import annotations

import copy
import threading
import time

import numpy as np
import pytest
import textbook_step
from engines import Case, cut_small_steps
from families import slow_except
from threadpoolctl import threadpool_info, threadpool_limits

from barenet.engine.choice import ThreadChoice
from barenet.engine.numpy_engine.engine import NumpyEngine
from barenet.engine.threads import find_blas
from barenet.nn import ACTIVATIONS, LOSSES, MLP, OPTIMIZERS, Activation, Loss, WeightAverage, Workspace
from barenet.nn.hyperparameters import names_of
from barenet.training.preparation import Custom

SIZES = {"whole": (16, 40), "in two": (131, 300), "in four": (518, 700)}  # the last batch of an epoch is shorter
RULES = {
    "sgd": {"optimizer": "sgd"},
    "sgd, L2": {"optimizer": "sgd", "l2": 0.1},
    "sgd, L2, clipped": {"optimizer": "sgd", "l2": 0.1, "clip_norm": 0.5},
    "momentum": {"optimizer": "sgd", "momentum": 0.9, "l2": 0.1},
    "nesterov": {"optimizer": "sgd", "momentum": 0.9, "nesterov": True, "clip_norm": 0.5},
    "adam": {"optimizer": "adam", "l2": 0.1},
    "adam, clipped": {"optimizer": "adam", "l2": 0.1, "clip_norm": 0.5},
    "adamw": {"optimizer": "adamw", "weight_decay": 0.3},
}


@pytest.fixture(autouse=True)
def small_steps_are_cut(monkeypatch):
    cut_small_steps(monkeypatch)


def named(case, row):
    """Return a float64 copy of each parameter of a flat row, by name."""
    template = MLP.from_architecture(case.architecture, initializer=None)
    return {name: view.astype(np.float64) for name, view in template.parameters.named(row).items()}


def prepared(case, plan):
    """Return the images of an epoch in order (n, D) as float64, mirrored by slicing."""
    x = case.images.images[plan.order] / 255.0
    if plan.mirrored is not None:
        x = np.where(plan.mirrored[:, None], x.reshape(-1, 8, 8)[:, :, ::-1].reshape(-1, 64), x)
    return x


def assert_follows_the_textbook(case, threads=2):
    """Train an epoch with the engine and, from the same state, by the textbook, and compare all results."""
    (config,) = case.configs
    plan, before = case.plan([0]), case.start([0])
    engine = case.engine([0], threads)
    engine.begin(plan)
    losses, predicted = engine.train(0, plan.n_steps)
    state, norms = engine.capture(before), engine.norms()
    engine.close()
    parameters = named(case, before.values[0])
    slots = {name: named(case, slot[0]) for name, slot in before.slots.items()}
    average = None if before.average is None else named(case, before.average[0])
    x, labels, b = prepared(case, plan), case.images.labels[plan.order], case.batch_size
    for i in range(plan.n_steps):
        batch = slice(i * b, (i + 1) * b)
        loss, classes, grads = textbook_step.gradients(
            parameters,
            x[batch],
            labels[batch],
            activation=config.model.activation,
            loss=config.model.loss,
            smoothing=config.model.label_smoothing,
        )
        assert losses[i, 0] == pytest.approx(loss, rel=1e-5)
        assert np.mean(predicted[0, batch] == classes) > 0.99  # two classes may be equal up to rounding
        was = copy.deepcopy(parameters)
        norm = textbook_step.step(
            parameters, slots, average, grads, case.first_step + i + 1, plan.rates[i, 0], config.optimizer
        )
    reached = [(state.values, parameters), *((state.slots[name], slots[name]) for name in slots)]
    for found, expected in [*reached, *([(state.average, average)] if average is not None else [])]:
        for name, array in named(case, found[0]).items():
            np.testing.assert_allclose(array, expected[name], rtol=1e-4, atol=2e-6, err_msg=name)
    flat = lambda tree: np.concatenate([array.ravel() for array in tree.values()])  # noqa: E731
    assert norms.gradient[0] == pytest.approx(norm, rel=1e-4)
    assert norms.weights[0] == pytest.approx(np.linalg.norm(flat(was)), rel=1e-5)
    assert norms.update[0] == pytest.approx(np.linalg.norm(flat(parameters) - flat(was)), rel=2e-3)
    for name, ratio in norms.ratios.items():
        change = np.linalg.norm(parameters[name] - was[name])
        assert ratio[0] == pytest.approx(change / np.linalg.norm(was[name]), rel=1e-2), name


def with_epsilon(rule):
    """Return an epsilon so large that it changes results, for the rules that have one."""
    return {} if RULES[rule]["optimizer"] == "sgd" else {"epsilon": 1e-3}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("rule", RULES)
def test_every_learning_rule_is_the_textbook_s(kind, rule, size):
    settings = RULES[rule] | with_epsilon(rule) | {"average_decay": 0.9, "mirror": True, "activation": "tanh"}
    assert_follows_the_textbook(
        Case(settings, batch_size=SIZES[size][0], n_images=SIZES[size][1], first_step=5, kind=kind)
    )


@pytest.mark.parametrize("size", slow_except(["whole", "in two"], "in two"))
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_every_activation_is_the_textbook_s(kind, activation, size):
    settings = RULES["momentum"] | {"activation": activation}
    assert_follows_the_textbook(Case(settings, batch_size=SIZES[size][0], n_images=SIZES[size][1], kind=kind))


@pytest.mark.parametrize("size", ["whole", "in four"])
@pytest.mark.parametrize("loss", [*LOSSES, "smoothed"])
def test_every_loss_is_the_textbook_s(kind, loss, size):
    settings = RULES["sgd, L2"] | ({"label_smoothing": 0.2} if loss == "smoothed" else {"loss": loss})
    assert_follows_the_textbook(Case(settings, batch_size=SIZES[size][0], n_images=SIZES[size][1], kind=kind))


@pytest.mark.parametrize("hidden", ["", "1", "33,31,7"])
@pytest.mark.parametrize(("batch_size", "n_images"), [(1, 3), (129, 130), (300, 300), (519, 1030)])
def test_odd_sizes_are_the_textbook_s(kind, hidden, batch_size, n_images):
    case = Case(
        RULES["adamw"] | {"hidden": hidden, "epsilon": 1e-3}, batch_size=batch_size, n_images=n_images, kind=kind
    )
    assert_follows_the_textbook(case, threads=3)


# -------------------------------------------------------------------------------------------------------- dropout


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("rule", slow_except(RULES, "sgd, L2", "momentum", "adamw"))
def test_with_dropout_an_epoch_is_that_of_the_network_package(kind, rule, size):
    """The package's network, optimizer and average take whole steps in float64 with the same dropped units."""
    settings = RULES[rule] | with_epsilon(rule) | {"average_decay": 0.9}
    rows = [{"seed": 3, "dropout": 0.4, "input_dropout": 0.2}, {"seed": 1, "dropout": 0.1, "input_dropout": 0}]
    case = Case(settings, rows, batch_size=SIZES[size][0], n_images=SIZES[size][1], first_step=5, kind=kind)
    plan, before = case.plan([0, 1]), case.start([0, 1])
    engine = case.engine([0, 1], 2)
    engine.begin(plan)
    losses, _ = engine.train(0, plan.n_steps)
    state = engine.capture(before)
    engine.close()
    for n, config in enumerate(case.configs):
        mlp = MLP.from_architecture(
            case.architecture,
            initializer=None,
            dropout=rows[n]["dropout"],
            input_dropout=rows[n]["input_dropout"],
            dtype=np.float64,
        )
        mlp.noise.seeds[:] = [config.trainer.seed]
        mlp.parameters.values[...] = before.values[n]
        names = ("l2", "momentum", "nesterov", "beta1", "beta2", "epsilon", "weight_decay", "clip_norm")
        kind = OPTIMIZERS[config.optimizer.name]
        hypers = {name: getattr(config.optimizer, name) for name in names if name in names_of(kind.hypers)}
        if hypers["clip_norm"] is None:
            del hypers["clip_norm"]
        optimizer = kind(mlp.parameters.values, mlp.parameters.n_decayed, **hypers)
        optimizer.n_steps = 5
        for name, slot in optimizer.slots.items():
            slot[...] = before.slots[name][n]
        average = WeightAverage(mlp.parameters.values, 0.9)
        average.average[...] = before.average[n]
        x, labels = case.images.images[plan.order[n]] / 255.0, case.images.labels[plan.order[n]]
        workspace = Workspace(mlp, case.batch_size)
        for i in range(plan.n_steps):
            batch = slice(i * case.batch_size, (i + 1) * case.batch_size)
            mlp.noise.step = 5 + i
            logits = mlp.forward(x[batch], workspace, training=True)
            loss = case.loss(logits, labels[batch], dlogits=workspace.dlogits)
            assert losses[i, n] == pytest.approx(float(loss), rel=1e-5)
            mlp.backward(workspace)
            optimizer.step(mlp.parameters.grads, plan.rates[i, n])
            average.update(optimizer.n_steps)
        np.testing.assert_allclose(state.values[n], mlp.parameters.values, rtol=1e-4, atol=2e-6)
        np.testing.assert_allclose(state.average[n], average.average, rtol=1e-4, atol=2e-6)
        for name, slot in optimizer.slots.items():
            np.testing.assert_allclose(state.slots[name][n], slot, rtol=1e-4, atol=2e-6)


# ------------------------------------------------------------------------------------------------ custom functions


class Watched:
    """A custom activation and a custom loss that record how they are called."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[int, ...], int]] = []
        self.blas_threads: set[int] = set()
        activation = Activation.custom("watched_tanh", self.forward, self.backward)
        self.custom = Custom((activation,), Loss.custom("watched", self.loss, self.gradient))

    def note(self, what, array):
        self.calls.append((what, array.shape, threading.get_ident()))
        self.blas_threads |= set(blas_thread_counts())

    def forward(self, z):
        self.note("forward", z)
        return np.tanh(z)

    def backward(self, da, z, a):
        self.note("backward", da)
        return da * (1 - a * a)

    def loss(self, logits, labels):
        self.note("loss", logits)
        return ((logits - self.one_hot(logits, labels)) ** 2).mean(axis=(-1, -2))

    def gradient(self, logits, labels):
        self.note("gradient", logits)
        return 2 * (logits - self.one_hot(logits, labels)) / (logits.shape[-1] * logits.shape[-2])

    def one_hot(self, logits, labels):
        return np.eye(logits.shape[-1], dtype=logits.dtype)[labels]


def blas_thread_counts():
    """Return the threads of NumPy's BLAS; Numba may have loaded SciPy's, which computes nothing here."""
    own = find_blas()["filepath"]
    return [pool["num_threads"] for pool in threadpool_info() if pool["filepath"] == own]


BUILT_IN = {"activation": "tanh", "loss": "mse"}
WATCHED = {"activation": "custom:watched_tanh", "loss": "custom:watched"}


def watched_case(size, settings, rows=({"seed": 0},)):
    watched = Watched()
    case = Case(
        RULES["momentum"] | settings, rows, batch_size=SIZES[size][0], n_images=SIZES[size][1], custom=watched.custom
    )
    return watched, case


@pytest.mark.parametrize("threads", slow_except([1, 2, 4], 1, 4))
@pytest.mark.parametrize("n_networks", slow_except([1, 3], 3))
@pytest.mark.parametrize(
    ("custom", "calls"),
    [
        ({"activation": "custom:watched_tanh"}, ["forward", "forward", "backward", "backward"]),
        ({"loss": "custom:watched"}, ["gradient", "loss"]),
        (WATCHED, ["forward", "forward", "gradient", "loss", "backward", "backward"]),
    ],
)
def test_custom_functions_get_the_whole_batch_in_the_calling_thread(custom, calls, n_networks, threads):
    watched, case = watched_case("in four", custom, [{"seed": seed} for seed in range(n_networks)])
    case.train(range(n_networks), threads)
    assert {ident for _, _, ident in watched.calls} == {threading.get_ident()}
    # For a stack, networks are either called one after the other or together.
    sizes = [np.prod(shape[:-2], dtype=int) for _, shape, _ in watched.calls]
    assert sum(sizes) == 2 * len(calls) * n_networks
    assert {shape[-2] for _, shape, _ in watched.calls} == {518, 182}
    assert [what for what, _, _ in watched.calls[: len(calls)]] == calls


@pytest.mark.parametrize("size", slow_except(SIZES, "whole", "in four"))
def test_custom_functions_train_as_the_textbook_s(size):
    rows = [{"seed": 0}, {"seed": 1}]
    _, case = watched_case(size, WATCHED, rows)
    built_in = Case(RULES["momentum"] | BUILT_IN, rows, batch_size=SIZES[size][0], n_images=SIZES[size][1])
    ends = []
    for each in (case, built_in):
        plan, before = each.plan([0, 1]), each.start([0, 1])
        engine = each.engine([0, 1], 2)
        engine.begin(plan)
        losses, _ = engine.train(0, plan.n_steps)
        ends.append((losses, engine.capture(before).values))
        engine.close()
    np.testing.assert_allclose(ends[0][0], ends[1][0], rtol=1e-5)
    np.testing.assert_allclose(ends[0][1], ends[1][1], rtol=1e-4, atol=2e-6)


def test_an_error_in_a_custom_function_reaches_the_caller_and_no_thread_stays():
    def fail(z):
        raise ZeroDivisionError("of the custom function")

    custom = Custom((Activation.custom("failing", fail, lambda da, z, a: da),))
    case = Case({"activation": "custom:failing"}, [{"seed": 0}, {"seed": 1}], custom=custom)
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError, match="of the custom function"):
        case.train([0, 1], 3)
    wait_for(lambda: threading.active_count() == before)


# ------------------------------------------------------------------------------------------------ threads of BLAS


@pytest.mark.parametrize("threads", [1, 3])
def test_blas_has_one_thread_inside_a_step_and_as_many_as_before_afterwards(threads):
    watched, case = watched_case("whole", {"activation": "custom:watched_tanh"})
    with threadpool_limits(2, "blas"):
        before = blas_thread_counts()
        case.train([0], threads, stops=[1, 2])
        assert blas_thread_counts() == before
    assert watched.blas_threads == {1}
    assert set(before) == {2}


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_blas_has_as_many_threads_as_before_after_an_error_in_a_step(error):
    def fail(z):
        raise error

    custom = Custom((Activation.custom("failing", fail, lambda da, z, a: da),))
    case = Case({"activation": "custom:failing"}, custom=custom)
    with threadpool_limits(2, "blas"):
        before = blas_thread_counts()
        with pytest.raises(error):
            case.train([0], 2)
        assert blas_thread_counts() == before


# --------------------------------------------------------------------------------------------- how many threads start


def team_threads():
    return {thread for thread in threading.enumerate() if thread.name == "barenet"}


def wait_for(is_true) -> None:
    end = time.monotonic() + 30
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.mark.parametrize(("most", "expected"), [(1, 0), (2, 1), (4, 3)])
@pytest.mark.parametrize("n_networks", [1, 3])
def test_an_engine_starts_its_threads_but_the_calling_one_and_close_ends_them(most, expected, n_networks):
    case = Case(RULES["adamw"], [{"seed": n} for n in range(n_networks)], batch_size=131, n_images=300)
    before = team_threads()
    engine = case.engine(range(n_networks), most)
    engine.begin(case.plan(range(n_networks)))
    engine.train(0, 2)
    assert len(team_threads() - before) == (expected if n_networks == 1 else min(most, n_networks) - 1)
    engine.close()
    wait_for(lambda: team_threads() <= before)  # threads of an earlier engine may end in the meantime


@pytest.mark.parametrize("n_networks", [1, 3])
def test_an_engine_follows_its_choice_of_threads_within_an_epoch(n_networks):
    """The choice of a stretch holds from its first step on: one thread more, or one fewer, than before."""
    case = Case(RULES["adamw"], [{"seed": n} for n in range(n_networks)], batch_size=16, n_images=70)
    before = team_threads()
    engine = case.engine(range(n_networks), 1)
    engine.begin(case.plan(range(n_networks)))
    for step, threads in enumerate((2, 1, 3, 1)):
        engine.choice = ThreadChoice([threads])
        engine.train(step, step + 1)
        wait_for(lambda n=threads: len(team_threads() - before) == n - 1)
    engine.close()


def test_an_engine_tells_its_choice_how_long_steps_take():
    class Told(ThreadChoice):
        def steps(self):
            return 2

        def record(self, n_steps, seconds):
            told.append(n_steps)
            assert 0 < seconds < 10

    case, told = Case(RULES["adamw"], n_images=80), []
    engine = case.engine([0], 1)
    engine.choice = Told([1])
    engine.begin(case.plan([0]))
    engine.train(0, 5)
    assert told == [2, 2, 1]


def test_small_work_starts_no_threads():
    case = Case(RULES["sgd"])
    engine = NumpyEngine(
        case.configs, case.architecture, case.loss, case.start([0]), case.images, batch_size=16, most_threads=8
    )
    before = team_threads()
    engine.begin(case.plan([0]))
    engine.train(0, 2)
    assert team_threads() == before
    engine.close()
