"""Activations: values and slopes against scalar formulas, at ordinary and at extreme inputs."""

from __future__ import annotations

import numpy as np
import pytest
import textbook

from barenet.nn.activations import ACTIVATIONS, ALIASES, Activation

ELEMENTWISE = sorted(set(ACTIVATIONS) - {"softmax"})
IN_PLACE = sorted(name for name, activation in ACTIVATIONS.items() if activation.in_place)
WITH_SLOPE = sorted(n for n, activation in ACTIVATIONS.items() if activation.with_slope is not None)
# Nothing closer to a kink than the step of the central difference.
ORDINARY = np.concatenate([np.linspace(-12, 12, 240), [-0.3, -1e-3, 1e-3, 0.7]])
TINY = [5e-324, -5e-324, 2.2e-308, -2.2e-308, 1e-45, -1e-45, 1e-38]
EXTREME = np.array([-1e4, -800.0, -100.0, -0.0, 0.0, 100.0, 800.0, 1e4, *TINY])


def forward(name, z):
    out = np.full_like(z, np.nan)
    ACTIVATIONS[name].forward(z, out=out)
    return out


def backward(name, da, z):
    a, out = forward(name, z), np.full_like(z, np.nan)
    ACTIVATIONS[name].backward(da.copy(), z.copy(), a, out=out)
    return out


@pytest.fixture(autouse=True)
def _strict_floats():
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        yield


def test_every_element_wise_activation_has_a_formula_to_compare_with():
    assert set(ELEMENTWISE) == set(textbook.FORMULAS)


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("z", [ORDINARY, EXTREME], ids=["ordinary", "extreme"])
def test_values_follow_the_formula(name, z):
    np.testing.assert_allclose(forward(name, z), textbook.apply(name, z), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("z", [ORDINARY, EXTREME], ids=["ordinary", "extreme"])
def test_float32_values_are_close_to_the_formula(name, z):
    z = z.astype(np.float32)
    a = forward(name, z)
    assert a.dtype == np.float32
    np.testing.assert_allclose(a, textbook.apply(name, z), rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_slopes_agree_with_central_differences(name):
    da = np.linspace(-2, 2, len(ORDINARY))
    expected = da * textbook.slope(name, ORDINARY)
    np.testing.assert_allclose(backward(name, da, ORDINARY), expected, rtol=1e-9, atol=2e-9)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_float32_slopes_are_close_to_central_differences(name):
    z = ORDINARY.astype(np.float32)
    dz = backward(name, np.ones_like(z), z)
    assert dz.dtype == np.float32
    np.testing.assert_allclose(dz, textbook.slope(name, z), rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("name", "far_left", "at_zero", "far_right"),
    [  # by hand from the derivatives; at a kink the left slope
        ("relu", 0, 0, 1),
        ("leaky_relu", 0.01, 0.01, 1),
        ("sigmoid", 0, 0.25, 0),
        ("tanh", 0, 1, 0),
        ("elu", 0, 1, 1),
        ("gelu", 0, 0.5, 1),
        ("silu", 0, 0.5, 1),
        ("softplus", 0, 0.5, 1),
        ("identity", 1, 1, 1),
    ],
)
def test_slopes_at_zero_and_far_out_are_those_of_the_asymptotes(name, far_left, at_zero, far_right, dtype):
    z = np.array([-1e4, 0, 1e4], dtype)
    np.testing.assert_allclose(backward(name, np.full(3, 3, dtype), z), 3 * np.array([far_left, at_zero, far_right]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_extreme_inputs_give_finite_values_and_slopes(name, dtype):
    z = np.stack([EXTREME, EXTREME[::-1]]).astype(dtype)
    assert np.isfinite(forward(name, z)).all()
    assert np.isfinite(backward(name, np.ones_like(z), z)).all()


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_backward_is_linear_in_the_gradient_that_comes_in(name):
    z, da = np.random.default_rng(0).normal(size=(2, 7, 5))
    np.testing.assert_array_equal(backward(name, 4 * da, z), 4 * backward(name, da, z))
    assert not backward(name, np.zeros_like(da), z).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("z", [ORDINARY, EXTREME], ids=["ordinary", "extreme"])
@pytest.mark.parametrize("name", WITH_SLOPE)
def test_with_slope_gives_the_slope_of_backward(name, z, dtype):
    z = z.astype(dtype)
    slope, values, scratch = z.copy(), np.full_like(z, np.nan), np.full_like(z, np.nan)
    with np.errstate(over="ignore"):  # z^2 in float32
        ACTIVATIONS[name].with_slope(slope, out=values, scratch=scratch)
    np.testing.assert_array_equal(values, forward(name, z))
    tolerance = 8 * np.finfo(dtype).eps * 12
    np.testing.assert_allclose(slope, backward(name, np.ones_like(z), z), rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_forward_leaves_its_input_as_it_was(name):
    z = np.random.default_rng(1).normal(size=(7, 5))
    before = z.copy()
    forward(name, z)
    np.testing.assert_array_equal(z, before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("name", "in_place"), [(name, False) for name in sorted(ACTIVATIONS)] + [(name, True) for name in IN_PLACE]
)
def test_backward_leaves_a_as_it_was(name, in_place, dtype):
    z, da = np.random.default_rng(8).normal(scale=3, size=(2, 9, 33)).astype(dtype)
    a = z if in_place else np.empty_like(z)
    ACTIVATIONS[name].forward(z, out=a)
    before = a.tobytes()
    ACTIVATIONS[name].backward(da, z, a, out=np.empty_like(z))
    assert a.tobytes() == before


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", IN_PLACE)
def test_working_in_place_gives_the_same_bits(name, dtype):
    z, da = np.random.default_rng(2).normal(scale=4, size=(2, 9, 33)).astype(dtype)
    a, dz = forward(name, z), backward(name, da, z)
    both = z.copy()
    ACTIVATIONS[name].forward(both, out=both)
    assert both.tobytes() == a.tobytes()
    out = np.full_like(z, np.nan)
    ACTIVATIONS[name].backward(da.copy(), both, both, out=out)  # z is gone: a lies in both
    assert out.tobytes() == dz.tobytes()


@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) - set(IN_PLACE)))
def test_what_is_not_marked_in_place_really_needs_two_arrays(name):
    # The mark is missing for a reason: computed in place of z, the values or the slopes are wrong.
    z, da = np.random.default_rng(3).normal(scale=2, size=(2, 9, 33))
    both, out = z.copy(), np.empty_like(z)
    ACTIVATIONS[name].forward(both, out=both)
    values_agree = np.allclose(both, forward(name, z))
    ACTIVATIONS[name].backward(da.copy(), both, both, out=out)
    assert not (values_agree and np.allclose(out, backward(name, da, z)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_a_stack_gives_each_network_the_bits_that_it_gets_alone(name, dtype):
    z, da = np.random.default_rng(4).normal(scale=3, size=(2, 3, 7, 13)).astype(dtype)  # odd sizes: vector tails
    a, dz = forward(name, z), backward(name, da, z)
    for network in range(3):
        assert a[network].tobytes() == forward(name, z[network].copy()).tobytes()
        assert dz[network].tobytes() == backward(name, da[network].copy(), z[network].copy()).tobytes()


def test_softmax_follows_the_formula_along_the_last_axis():
    z = np.random.default_rng(5).normal(scale=5, size=(3, 4, 6))
    np.testing.assert_allclose(forward("softmax", z), textbook.softmax(z), rtol=1e-14)
    np.testing.assert_allclose(forward("softmax", z.astype(np.float32)), textbook.softmax(z), rtol=5e-6)


def test_softmax_of_extreme_inputs_does_not_overflow():
    z = np.array([[1e4, 0, -1e4], [-1e4, -1e4, -1e4], [1e4, 1e4, 5e-324], [0, -745.0, 0]], np.float64)
    expected = [[1, 0, 0], [1 / 3, 1 / 3, 1 / 3], [0.5, 0.5, 0], [0.5, 0, 0.5]]
    np.testing.assert_allclose(forward("softmax", z), expected, rtol=1e-15, atol=1e-300)
    np.testing.assert_allclose(forward("softmax", z.astype(np.float32)), expected, rtol=1e-6, atol=1e-38)


def test_softmax_gradient_agrees_with_central_differences():
    z, da = np.random.default_rng(6).normal(size=(2, 4, 5))
    expected = textbook.central_difference(lambda z: np.sum(da * textbook.softmax(z)), z)
    np.testing.assert_allclose(backward("softmax", da, z), expected, rtol=1e-7, atol=1e-9)


def test_kinks_are_where_the_slope_jumps():
    for name in ELEMENTWISE:
        jump = abs(textbook.slope(name, 1e-3) - textbook.slope(name, -1e-3))
        assert bool(jump > 0.1) == (ACTIVATIONS[name].kinks == (0.0,)), name


def test_every_alias_means_a_known_activation_and_hides_none():
    assert set(ALIASES.values()) <= set(ACTIVATIONS)
    assert not set(ALIASES) & set(ACTIVATIONS)
    assert ALIASES["leakyrelu"] == "leaky_relu"


def test_a_custom_activation_is_two_plain_functions_under_a_marked_name():
    square = Activation.custom("square", lambda z: z**2, lambda da, z, a: 2 * da * z, kinks=(0.5,))
    z, da, out = np.array([[1.0, -3.0]]), np.array([[10.0, 1.0]]), np.empty((1, 2))
    square.forward(z, out=out)
    np.testing.assert_array_equal(out, [[1, 9]])
    square.backward(da, z, np.array([[1.0, 9.0]]), out=out)
    np.testing.assert_array_equal(out, [[20, -6]])
    assert (square.name, square.kinks, square.is_custom, square.in_place) == ("custom:square", (0.5,), True, False)
    assert not any(activation.is_custom for activation in ACTIVATIONS.values())
