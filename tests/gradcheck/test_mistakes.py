"""Every mistake is named on two networks, and no right network gets a name."""

from __future__ import annotations

import pytest
from families import full, slow
from written_networks import FORMS, Written, in_form, random_network

import barenet
from barenet.gradcheck.compare import compare_gradients
from barenet.gradcheck.functions.function import CheckedFunction

SMALL = {"sizes": (4, 3, 5)}
DEEP = {"sizes": (6, 5, 4, 3), "activation": "relu", "l2_rule": "l2", "l2": None}
MISTAKES = [
    ("averaged_over_outputs", SMALL | {"loss": "squared_mean", "output": "identity"}),
    ("averaged_over_outputs", DEEP | {"loss": "squared_mean", "output": "softmax"}),
    ("divided_by_outputs", SMALL | {"loss": "squared", "output": "identity"}),
    ("divided_by_outputs", DEEP | {"loss": "squared", "output": "sigmoid"}),
    ("formula_at_z", SMALL | {"activation": "sigmoid"}),
    ("formula_at_z", DEEP | {"activation": "tanh", "loss": "binary"}),
    ("slope_at_activation", SMALL | {"activation": "sigmoid"}),
    ("slope_at_activation", DEEP | {"activation": "tanh", "loss": "binary"}),
    ("output_slope_missing", SMALL | {"loss": "squared", "output": "sigmoid"}),
    ("output_slope_missing", DEEP | {"loss": "squared_mean", "output": "tanh"}),
    ("output_slope_missing", DEEP | {"loss": "squared", "output": "softmax"}),
    ("output_slope_missing", {"sizes": (6, 5, 1), "loss": "half_squared", "output": "sigmoid", "l2_rule": "l2"}),
    ("output_slope_missing", {"sizes": (6, 5, 1), "loss": "binary"}),
    ("output_slope_at_activation", SMALL | {"loss": "squared", "output": "sigmoid"}),
    ("output_slope_at_activation", DEEP | {"loss": "squared_mean", "output": "tanh"}),
    ("output_formula_at_z", SMALL | {"loss": "squared", "output": "sigmoid"}),
    ("output_formula_at_z", DEEP | {"loss": "squared_mean", "output": "tanh"}),
    ("cross_entropy_gradient", SMALL | {"loss": "squared_mean", "output": "sigmoid"}),
    ("cross_entropy_gradient", DEEP | {"loss": "squared", "output": "softmax"}),
    ("cross_entropy_gradient", DEEP | {"loss": "half_squared", "output": "identity"}),
    ("softmax_elementwise", SMALL | {"loss": "squared_mean", "output": "softmax"}),
    ("softmax_elementwise", DEEP | {"loss": "squared", "output": "softmax"}),
    ("softmax_left_out", SMALL),
    ("softmax_left_out", DEEP),
    ("z_for_activation", SMALL),
    ("z_for_activation", DEEP),
    ("error_without_slope", SMALL | {"loss": "half_squared", "output": "sigmoid"}),
    ("error_without_slope", DEEP | {"activation": "sigmoid"}),
    ("updated_too_early", SMALL),
    ("updated_too_early", DEEP),
    ("bias_forgotten", SMALL),
    ("bias_forgotten", DEEP),
    ("bias_over_units", {"sizes": (4, 12, 5)}),
    ("bias_over_units", DEEP | {"n_images": 4}),
    ("softmax_wrong_axis", SMALL),
    ("softmax_wrong_axis", DEEP),
    ("softmax_wrong_axis in the gradient", SMALL),
    ("softmax_wrong_axis in the gradient", DEEP),
    ("l2_half", SMALL | {"l2_rule": "l2"}),
    ("l2_half", DEEP),
    ("l2_twice", SMALL | {"l2_rule": "l2 / 2"}),
    ("l2_twice", DEEP | {"l2_rule": "l2 / 2B"}),
]


def check(network):
    checked = CheckedFunction(network.form(), network.parameters, network.x, network.targets, in_columns=False)
    return compare_gradients(checked, max_coordinates=40)


# By default every eighth; the slow tests have each kind on one network, the full ones on all.
QUICK = MISTAKES[::8]
LAST = list({row[0]: row for row in MISTAKES}.values())


@pytest.mark.parametrize(
    ("kind", "network"), [row if row in QUICK else slow(row) if row in LAST else full(row) for row in MISTAKES]
)
def test_a_mistake_is_named_and_the_same_network_without_it_passes(kind, network):
    report = check(Written(**network, mistake=kind))
    assert [mistake.kind for mistake in report.mistakes] == [kind.split()[0]], report
    assert report.unexplained == ()
    assert report.where != ""
    assert check(Written(**network)).passed


@pytest.mark.parametrize("seed", [*range(5), *map(slow, range(5, 25)), *map(full, range(25, 200))])
def test_a_right_network_passes_and_gets_no_name(seed):
    network = random_network(seed)
    code, *arguments = in_form(network, FORMS[seed % 4], columns=seed // 4 % 2 == 1)
    report = barenet.check_own_gradients(code, *arguments, max_coordinates=12, seed=seed)
    assert report.passed, report
    assert (report.mistakes, report.unexplained, report.where) == ((), (), "")
    is_known = network.loss != "absolute" and network.activation != "sine"
    assert report.network is not None or not is_known


@pytest.mark.parametrize(
    ("kind", "wrong", "where"),
    [
        ("l2_missing", "W1 W2 W3", "b3 is right: look where the gradient of W3 is made"),
        ("formula_at_z", "W1 b1 W2 b2", "layer 3 is right: look where dz2 is made"),
        ("softmax_left_out", "W1 b1 W2 b2 W3 b3", "the last layer is wrong already: look where dz3, the derivative of"),
    ],
)
def test_the_wrong_layer_nearest_to_the_loss_is_named(kind, wrong, where):
    report = check(Written(**DEEP | {"activation": "tanh"}, mistake=kind))
    assert [row.name for row in report.parameters if not row.is_right] == wrong.split()
    assert report.where.startswith(where)
    assert report.where in str(report)
    assert report.as_dict()["where"] == report.where


def test_one_number_gets_the_name_that_the_other_parameters_show():
    report = check(Written((6, 5, 1), loss="squared", output="sigmoid", mistake="divided_by_outputs", n_images=7))
    assert report.passed  # with one output nothing is divided
    network = Written((6, 5, 1), loss="squared", output="tanh")
    right = network.run
    network.run = lambda p, x, y, l2: (right(p, x, y)[0], [2 * gradient for gradient in right(p, x, y)[1]])
    report = check(network)
    assert [(m.kind, m.parameters) for m in report.mistakes] == [("factor_two_extra", ("W1", "b1", "W2", "b2"))]
    assert report.unexplained == ()
