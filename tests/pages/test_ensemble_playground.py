"""The playground of an ensemble: its JavaScript averages like Python, and shows the neurons of one member at a time."""

from __future__ import annotations

import re

import numpy as np
import pytest
from test_playground import make_model, needs_node, parts_of, run_js

from barenet.data.batches import to_float
from barenet.deploy.predictor import Predictor
from barenet.errors import CheckpointError
from barenet.pages.playground import page as page_module
from barenet.pages.playground.page import LIMIT, build_page, write_playground


@pytest.fixture(scope="module")
def members():
    """Return networks of different widths, depths and outputs; the outputs of the last are probabilities."""
    return [
        ("0 wide", make_model([(64, 12, "gelu"), (12, 6, "relu"), (6, 4, "softmax")], normalization="layer")),
        ("1 flat", make_model([(64, 4, "softmax")], seed=1)),
        ("2 squares", make_model([(64, 10, "tanh"), (10, 4, "softmax")], loss="mse", seed=2)),
    ]


@needs_node
def test_probabilities_of_the_page_are_pythons_average(members, arrays):
    images = arrays["x_test"][:100].reshape(100, 64)
    models = [model for _, model in members]
    page = build_page(models[1], name="three", members=members)
    parts = parts_of(page)
    assert parts["run"]["shown"] == 1
    assert [member["name"] for member in parts["run"]["members"]] == ["0 wide", "1 flat", "2 squares"]
    program = """
        const networks = makeNetworks(given.run.members, await unpack(given.weights, Float32Array));
        return given.images.map((x) => Array.from(meanProbabilities(networks, x)));
    """
    given = {**parts, "images": to_float(images, 1 / 255).tolist()}
    found = np.array(run_js(program, given, "network"))
    expected = Predictor(models).predict_proba(images)
    alone = [Predictor([model]).predict_proba(images) for model in models]
    assert all(np.abs(one - expected).max() > 0.01 for one in alone)  # the members differ
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_page_may_have_the_size_of_one_for_each_member(tmp_path):
    rows = [(784, 330, "relu"), (330, 10, "softmax")]
    members = [(str(seed), make_model(rows, shape=(28, 28), seed=seed)) for seed in (0, 1)]
    size = write_playground(members[0][1], tmp_path / "page.html", name="two", members=members)
    assert LIMIT < size < 2 * LIMIT


def test_an_ensemble_too_large_for_a_page_is_refused_with_its_largest_member(members, tmp_path, monkeypatch):
    monkeypatch.setattr(page_module, "LIMIT", 1000)
    with pytest.raises(CheckpointError, match=r"64-12-6-4 has 886 parameters"):
        write_playground(members[1][1], tmp_path / "page.html", name="huge", members=members)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.extra
def test_the_page_averages_and_shows_the_neurons_of_the_member_that_is_chosen(
    members, dataset, arrays, new_page, tmp_path
):
    expect = pytest.importorskip("playwright.sync_api").expect
    path, models = tmp_path / "page.html", [model for _, model in members]
    write_playground(models[0], path, dataset, name="three", members=members)
    page, complaints = new_page(viewport={"width": 1280, "height": 900}, offline=True), []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(path.as_uri())
    expect(page.locator("#verdict")).to_have_text(re.compile("^On average, the networks say "))
    expect(page.locator("#facts")).to_contain_text("average of 3 networks")
    images = to_float(arrays["x_test"][:50].reshape(50, 64), 1 / 255)
    read = "(images) => images.map((x) => (playground.setPicture(x), playground.probabilities()))"
    expected = Predictor(models).predict_proba(arrays["x_test"][:50])
    np.testing.assert_allclose(page.evaluate(read, images.tolist()), expected, atol=1e-6)
    expect(page.locator(".layer")).to_have_count(2)
    page.locator("#members label").nth(2).click()
    expect(page.locator(".layer")).to_have_count(1)
    expect(page.locator(".layer .cell")).to_have_count(10)
    np.testing.assert_allclose(page.evaluate(read, images.tolist()), expected, atol=1e-6)
    # A neuron that is switched off in one of three members changes the average by a third of the change in the member.
    silenced = make_model([(64, 10, "tanh"), (10, 4, "softmax")], loss="mse", seed=2)
    silenced.mlp.parameters.views["W2"][4] = 0
    page.evaluate("playground.switchNeuron(1, 5, true)")
    changed = Predictor([*models[:2], silenced]).predict_proba(arrays["x_test"][:50])
    assert np.abs(changed - expected).max() > 1e-3
    np.testing.assert_allclose(page.evaluate(read, images.tolist()), changed, atol=1e-6)
    page.locator("#members label").nth(1).click()  # which has no hidden layer
    expect(page.locator("#layers")).to_contain_text("There is no hidden layer")
    page.locator("#all-on").click()  # the neuron that is off is another member's
    np.testing.assert_allclose(page.evaluate(read, images.tolist()), expected, atol=1e-6)
    assert complaints == []
