"""Optimizers: against the papers' formulas in float64, and in a stack against the same network alone."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from families import slow_except

from barenet.nn import OPTIMIZERS, SGD, Adam, AdamW, WeightAverage, parameters
from barenet.nn.optimizers import add_l2, clip_by_norm

P, N_DECAYED = 50, 40  # parameters of a network, and how many of them are weights
IS_WEIGHT = np.arange(P) < N_DECAYED


def trajectory(make, formula, *, steps=25, dtype=np.float64, scale=1.0):
    """Return where `make(values)` and `formula(w, g, state, t)` lead from the same start by the same gradients."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=P).astype(dtype)
    w, state = values.astype(np.float64), {}
    optimizer = make(values)
    for t in range(1, steps + 1):
        g = (scale * rng.normal(size=P) + 0.3).astype(dtype)
        rate = 0.1 / t
        w = formula(w, g.astype(np.float64), state, t, rate)
        optimizer.step(g, rate)
    assert optimizer.n_steps == steps
    return values, w


# The papers' formulas, a step each: w, gradient, state, step number from 1, learning rate.


def plain(w, g, state, t, rate):
    return w - rate * g


def with_momentum(w, g, state, t, rate, *, momentum=0.9):
    state["v"] = momentum * state.get("v", 0) + g
    return w - rate * state["v"]


def with_nesterov(w, g, state, t, rate, *, momentum=0.9):
    # Sutskever et al. 2013, equations 3 and 4: v' = m v - r grad(theta + m v), theta' = theta + v'. With a constant
    # rate this is the same rule written for w = theta + m v; then v' = m v - r g and w' = w + m v' - r g.
    state["v"] = momentum * state.get("v", 0) + g
    return w - rate * (g + momentum * state["v"])


def adam(w, g, state, t, rate, *, b1=0.9, b2=0.999, epsilon=1e-8):
    # Kingma and Ba 2015, algorithm 1.
    state["m"] = b1 * state.get("m", 0) + (1 - b1) * g
    state["v"] = b2 * state.get("v", 0) + (1 - b2) * g**2
    m_hat, v_hat = state["m"] / (1 - b1**t), state["v"] / (1 - b2**t)
    return w - rate * m_hat / (np.sqrt(v_hat) + epsilon)


def adamw(w, g, state, t, rate, *, weight_decay=0.05):
    # Loshchilov and Hutter 2019, algorithm 2, for weights only.
    return adam(w, g, state, t, rate) - rate * weight_decay * w * IS_WEIGHT


def with_l2(rule, l2):
    return lambda w, g, state, t, rate: rule(w, g + l2 * w * IS_WEIGHT, state, t, rate)


def with_clipping(rule, longest):
    def clipped(w, g, state, t, rate):
        length = math.sqrt(math.fsum(g**2))
        return rule(w, g * min(1, longest / length), state, t, rate)

    return clipped


RULES = {
    "sgd": (lambda v, **h: SGD(v, N_DECAYED, **h), plain),
    "momentum": (lambda v, **h: SGD(v, N_DECAYED, momentum=0.9, **h), with_momentum),
    "nesterov": (lambda v, **h: SGD(v, N_DECAYED, momentum=0.9, nesterov=True, **h), with_nesterov),
    "adam": (lambda v, **h: Adam(v, N_DECAYED, **h), adam),
    "adamw": (lambda v, **h: AdamW(v, N_DECAYED, weight_decay=0.05, **h), adamw),
}
EACH = pytest.mark.parametrize("rule", RULES)


@EACH
@pytest.mark.parametrize("l2", [0.0, 0.03])
def test_float64_steps_follow_the_papers_formula(rule, l2):
    make, formula = RULES[rule]
    ours, theirs = trajectory(lambda v: make(v, l2=l2), with_l2(formula, l2))
    np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-13)


@EACH
def test_float32_steps_stay_close_to_the_papers_formula(rule):
    make, formula = RULES[rule]
    ours, theirs = trajectory(lambda v: make(v, l2=0.03), with_l2(formula, 0.03), dtype=np.float32)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=2e-6)


@EACH
@pytest.mark.parametrize("l2", [0.0, 0.03])
def test_clipping_comes_after_l2_and_before_the_rule(rule, l2):
    make, formula = RULES[rule]
    clipped, expected = trajectory(lambda v: make(v, l2=l2, clip_norm=2.0), with_l2(with_clipping(formula, 2.0), l2))
    np.testing.assert_allclose(clipped, expected, rtol=1e-11, atol=1e-13)
    free, _ = trajectory(lambda v: make(v, l2=l2), formula)
    assert not np.allclose(clipped, free)


@pytest.mark.parametrize("b1", [0.0, 0.5, 0.99])
@pytest.mark.parametrize("b2", [0.0, 0.9, 0.9999])
@pytest.mark.parametrize("epsilon", [1e-8, 0.5])
def test_adam_agrees_with_the_paper_for_any_betas_and_epsilon(b1, b2, epsilon):
    ours, theirs = trajectory(
        lambda v: Adam(v, N_DECAYED, beta1=b1, beta2=b2, epsilon=epsilon),
        lambda *a: adam(*a, b1=b1, b2=b2, epsilon=epsilon),
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("scale", [1e-6, 1e4])
def test_adam_agrees_with_the_paper_for_tiny_and_huge_gradients(scale):
    ours, theirs = trajectory(lambda v: Adam(v, N_DECAYED), adam, scale=scale)
    np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-13)


def test_adams_first_step_has_the_length_of_the_learning_rate():
    # m' = g and v' = g^2, so w -= rate g / (|g| + epsilon).
    values = np.zeros(3)
    Adam(values, 3).step(np.array([4.0, -0.001, 1e-8]), 0.5)
    np.testing.assert_allclose(values, [-0.5, 0.5 / (1 + 1e-5), -0.25], rtol=1e-8)


def test_two_steps_with_momentum_by_hand():
    # v = 1, w = 10 - 1/2 = 9.5;  v = 1/2 + 2 = 2.5, w = 9.5 - 1.25 = 8.25.
    # Nesterov: w = 10 - (1 + 1/2) / 2 = 9.25;  w = 9.25 - (2 + 1.25) / 2 = 7.625.
    for nesterov, expected in ((False, [9.5, 8.25]), (True, [9.25, 7.625])):
        values, seen = np.array([10.0]), []
        optimizer = SGD(values, 1, momentum=0.5, nesterov=nesterov)
        for g in (1.0, 2.0):
            optimizer.step(np.array([g]), 0.5)
            seen.append(values[0])
        assert seen == expected


def test_decoupled_decay_is_not_divided_by_the_size_of_the_gradient():
    # w = 2, g = 1000: Adam's first step is the rate, 0.1. AdamW takes another 0.1 * 0.05 * 2 = 0.01;
    # L2 is too small beside the gradient.
    after = {}
    for name, make in {
        "adamw": lambda v: AdamW(v, 1, weight_decay=0.05),
        "adam with l2": lambda v: Adam(v, 1, l2=0.05),
        "adam": lambda v: Adam(v, 1),
    }.items():
        values = np.array([2.0, 2.0])
        make(values).step(np.array([1000.0, 1000.0]), 0.1)
        after[name] = values
    np.testing.assert_allclose(after["adamw"], [1.89, 1.9], rtol=1e-10)
    np.testing.assert_allclose(after["adam with l2"], [1.9, 1.9], rtol=1e-10)
    np.testing.assert_allclose(after["adam"], [1.9, 1.9], rtol=1e-10)


@pytest.mark.extra
@pytest.mark.parametrize("rule", ["adam", "adamw"])
def test_scikit_learns_adam_takes_the_same_steps(rule):
    stochastic = pytest.importorskip("sklearn.neural_network._stochastic_optimizers")
    rng = np.random.default_rng(3)
    values = rng.normal(size=P)
    theirs = [values.copy()]
    their_optimizer = stochastic.AdamOptimizer(theirs, 0.01, 0.9, 0.999, 1e-8)
    ours = OPTIMIZERS[rule](values, N_DECAYED)
    for _ in range(20):
        g = rng.normal(size=P)
        their_optimizer.update_params(theirs, [g.copy()])
        ours.step(g, 0.01)
    # They add epsilon before the correction for the start from zero, not after: a relative difference of about 1e-7.
    np.testing.assert_allclose(values, theirs[0], rtol=1e-6, atol=1e-8)


def test_l2_is_added_to_weights_only():
    values, grads = np.array([1.0, -2.0, 3.0]), np.array([10.0, 10.0, 10.0])
    add_l2(grads[..., :2], values[..., :2], 0.5)
    np.testing.assert_array_equal(grads, [10.5, 9, 10])
    np.testing.assert_array_equal(values, [1, -2, 3])


@EACH
def test_biases_have_neither_l2_nor_decay(rule):
    make, _ = RULES[rule]
    after = []
    for l2 in (0.0, 10.0):
        values = np.ones(P)
        make(values, l2=l2).step(np.full(P, 0.5), 0.01)
        after.append(values)
    np.testing.assert_array_equal(after[0][~IS_WEIGHT], after[1][~IS_WEIGHT])
    if rule not in {"adam", "adamw"}:  # whose first step hardly depends on the length of the gradient
        assert (after[0][IS_WEIGHT] != after[1][IS_WEIGHT]).all()


def test_clipping_scales_each_network_by_its_norm():
    # Norms 5, 5, 0.5 and 0 against 1, inf, 1 and 1.
    grads = np.array([[3.0, 4.0], [3.0, 4.0], [0.3, 0.4], [0.0, 0.0]])
    norms = clip_by_norm(grads, np.array([[1.0], [np.inf], [1.0], [1.0]]))
    np.testing.assert_allclose(norms, [[5], [5], [0.5], [0]])
    np.testing.assert_allclose(grads, [[0.6, 0.8], [3, 4], [0.3, 0.4], [0, 0]])


def test_clipping_leaves_gradients_within_the_norm_to_the_bit():
    grads = np.random.default_rng(0).normal(size=(3, 100)).astype(np.float32)
    before = grads.copy()
    clip_by_norm(grads, np.array([[np.inf], [1e6], [1e30]]))
    assert grads.tobytes() == before.tobytes()


def test_a_diverged_network_changes_no_other_when_clipping():
    grads = np.array([[3.0, 4.0], [np.nan, 1.0]])
    clip_by_norm(grads, 1.0)
    np.testing.assert_allclose(grads[0], [0.6, 0.8])
    assert np.isnan(grads[1, 0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_weight_average_follows_its_formula(dtype):
    rng = np.random.default_rng(4)
    values = rng.normal(size=P).astype(dtype)
    average = WeightAverage(values, 0.9)
    expected = values.astype(np.float64)
    for t in range(1, 150):
        values[...] = rng.normal(size=P)
        d = min(0.9, (1 + t) / (10 + t))  # 2/11, 3/12, ... until 0.9 from step 80 on
        expected = d * expected + (1 - d) * values
        average.update(t)
        np.testing.assert_allclose(average.average, expected, rtol=1e-5, atol=2e-6 if dtype == np.float32 else 1e-13)
    assert not np.shares_memory(average.average, values)


def test_the_first_weights_soon_have_little_share_in_the_weight_average():
    values = np.zeros(1)
    average = WeightAverage(values, 0.999)
    values[...] = 11
    average.update(1)
    np.testing.assert_allclose(average.average, [9])  # 2/11 of 0 and 9/11 of 11


# Stacks

N, WIDE = 4, 5000  # wide enough for several blocks once BLOCK is small
COLUMNS = {
    "learning_rate": [0.1, 0.03, 0.1, 0.007],
    "l2": [0.0, 1e-3, 0.1, 0.0],
    "momentum": [0.9, 0.5, 0.99, 0.1],
    "beta1": [0.9, 0.8, 0.0, 0.95],
    "beta2": [0.999, 0.99, 0.9999, 0.5],
    "epsilon": [1e-8, 1e-3, 1e-8, 1e-7],
    "weight_decay": [0.0, 0.01, 0.3, 0.0],
    "average_decay": [0.99, 0.5, 0.9999, 0.1],
    "clip_norm": [1.0, np.inf, 1e4, 30.0],
}
USES = {
    "sgd": (SGD, (), {}),
    "momentum": (SGD, ("momentum",), {}),
    "nesterov": (SGD, ("momentum",), {"nesterov": True}),
    "adam": (Adam, ("beta1", "beta2", "epsilon"), {}),
    "adamw": (AdamW, ("beta1", "beta2", "epsilon", "weight_decay"), {}),
}


def run(rule, pick, rows, steps=12):
    """Return the bits that networks `rows` (a list: a stack; a number: one alone) end with."""
    kind, names, fixed = USES[rule]
    rng = np.random.default_rng(5)
    values = rng.normal(size=(N, WIDE)).astype(np.float32)[rows].copy()

    def hyper(name):
        column = np.array(COLUMNS[name])[rows]
        return column[:, None] if np.ndim(column) else float(column)

    hypers = {name: hyper(name) for name in (*names, *pick)}
    optimizer = kind(values, WIDE - 300, **hypers, **fixed)
    average = WeightAverage(values, hyper("average_decay"))
    for t in range(1, steps + 1):
        grads = rng.normal(size=(N, WIDE)).astype(np.float32)[rows].copy()
        optimizer.step(grads, hyper("learning_rate") / t)
        average.update(optimizer.n_steps)
    results = {"values": values, "average": average.average, **optimizer.slots}
    return {name: [row.tobytes() for row in np.atleast_2d(array)] for name, array in results.items()}


# Without momentum and clipping SGD shrinks the weights instead of forming g + l2 w: other bits than with them. So a
# stack that mixes clipping and none is bit-true for SGD with L2 only where it has momentum.
MIXES = [
    (rule, pick)
    for rule in USES
    for pick in [(), ("l2",), ("clip_norm",), ("l2", "clip_norm")]
    if (rule, pick) != ("sgd", ("l2", "clip_norm"))
]


@pytest.mark.parametrize("block", slow_except([1024, 32_768], 1024))
@pytest.mark.parametrize(
    ("rule", "pick"), slow_except(MIXES, *[(rule, pick) for rule, pick in MIXES if len(pick) != 1])
)
def test_columns_give_each_network_the_bits_that_it_gets_alone(rule, pick, block, monkeypatch):
    monkeypatch.setattr(parameters, "BLOCK", block)
    stack = run(rule, pick, list(range(N)))
    for network in range(N):
        alone = run(rule, pick, network)
        assert stack.keys() == alone.keys()
        for name in stack:
            assert stack[name][network] == alone[name][0], name


def test_sgd_with_l2_and_clipping_everywhere_is_bit_true_in_a_stack(monkeypatch):
    monkeypatch.setitem(COLUMNS, "clip_norm", [1.0, 1e9, 1e4, 30.0])
    stack = run("sgd", ("l2", "clip_norm"), list(range(N)))
    for network in range(N):
        assert stack["values"][network] == run("sgd", ("l2", "clip_norm"), network)["values"][0]


@pytest.mark.parametrize("rule", USES)
def test_blocks_change_no_bit(rule, monkeypatch):
    results = []
    for block in (1024, 4096, 10**9):
        monkeypatch.setattr(parameters, "BLOCK", block)
        results.append(run(rule, ("l2", "clip_norm"), list(range(N))))
    assert results[0] == results[1] == results[2]


def test_blocks_cover_every_parameter_once():
    values = np.zeros((2, 10_000))
    seen = np.zeros(10_000, int)
    scratch = np.empty((2, 3000))
    for block, part in parameters.blocks(values.shape[-1], scratch):
        seen[block] += 1
        assert part.shape == (2, block.stop - block.start)
    assert (seen == 1).all()


@pytest.mark.parametrize("kind", [Adam, AdamW])
def test_adams_factors_are_bit_true_in_a_stack_and_step_by_step_for_a_long_time(kind):
    # beta^t as a column and as a number, of many steps and of one, must be the same power to the last bit.
    betas = [(0.9, 0.999), (0.8, 0.99), (0.95, 0.9999)]
    column1, column2 = np.array(betas).T[..., None]
    steps = np.arange(1, 20_000, 7)
    stack = kind(np.ones((3, 2)), 2, beta1=column1, beta2=column2)
    together = stack.factors(np.full((len(steps), 3, 1), 0.01), steps.reshape(-1, 1, 1))
    for network, (beta1, beta2) in enumerate(betas):
        alone = kind(np.ones(2), 2, beta1=beta1, beta2=beta2)
        at_once = alone.factors(np.full(len(steps), 0.01), steps)
        for name in ("rate", "epsilon"):
            assert together[name][:, network, 0].tobytes() == at_once[name].tobytes()
            by_step = [float(alone.factors(0.01, int(step))[name]) for step in steps[::100]]
            assert by_step == at_once[name][::100].tolist()


def test_a_number_for_all_means_the_same_as_a_column_of_it():
    rng = np.random.default_rng(6)
    start, grads = rng.normal(size=(2, 3, P)).astype(np.float32)
    after = []
    for rate, l2, clip in ((0.1, 0.01, 1.0), (np.full((3, 1), 0.1), np.full((3, 1), 0.01), np.full((3, 1), 1.0))):
        values = start.copy()
        Adam(values, N_DECAYED, l2=l2, clip_norm=clip).step(grads.copy(), rate)
        after.append(values.tobytes())
    assert after[0] == after[1]


@pytest.mark.parametrize("beta1", [0.0, 0.9, 0.99])
@pytest.mark.parametrize("beta2", [0.5, 0.999, 0.99999])
def test_adams_factors_are_those_of_exact_fractions(beta1, beta2):
    steps = np.array([1, 2, 7, 1000, 2345])
    rates = np.linspace(0.1, 0.02, 5)
    factors = Adam(np.zeros(P), N_DECAYED, beta1=beta1, beta2=beta2, epsilon=0.01).factors(rates, steps)
    b1, b2 = Fraction(beta1), Fraction(beta2)
    for i, (rate, t) in enumerate(zip(rates, steps.tolist(), strict=True)):
        correction = math.sqrt((1 - b2) / (1 - b2**t))
        assert factors["epsilon"][i] == pytest.approx(0.01 / correction, rel=1e-11)
        assert factors["rate"][i] == pytest.approx(rate * float((1 - b1) / (1 - b1**t)) / correction, rel=1e-11)


def test_slots_start_at_zero_and_are_named():
    values = np.ones((3, P), np.float32)
    slots = {name: make(values).slots for name, (make, _) in RULES.items()}
    assert {name: list(own) for name, own in slots.items()} == {
        "sgd": [],
        "momentum": ["velocity"],
        "nesterov": ["velocity"],
        "adam": ["first_moment", "second_moment"],
        "adamw": ["first_moment", "second_moment"],
    }
    for own in slots.values():
        for slot in own.values():
            assert slot.shape == values.shape
            assert slot.dtype == values.dtype
            assert not slot.any()
    assert (values == 1).all()


@EACH
def test_stopping_and_going_on_from_slots_and_steps_changes_no_bit(rule):
    make, _ = RULES[rule]
    rng = np.random.default_rng(7)
    start, gradients = rng.normal(size=P), rng.normal(size=(10, P))
    straight = start.copy()
    whole = make(straight)
    for g in gradients:
        whole.step(g.copy(), 0.1)
    values = start.copy()
    first = make(values)
    for g in gradients[:4]:
        first.step(g.copy(), 0.1)
    resumed_values = values.copy()
    resumed = make(resumed_values)
    resumed.n_steps = first.n_steps
    for name, slot in resumed.slots.items():
        slot[...] = first.slots[name]
    for g in gradients[4:]:
        resumed.step(g.copy(), 0.1)
    assert resumed_values.tobytes() == straight.tobytes()


def test_the_table_names_every_kind():
    assert list(OPTIMIZERS.items()) == [("sgd", SGD), ("adam", Adam), ("adamw", AdamW)]
