"""What is said of a neuron: what was done, on how many images, and what was measured."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from barenet.analysis.activity import NeuronPortrait
from barenet.plots import neurons
from barenet.plots.appearance import new_figure
from barenet.plots.neurons import draw_portrait, neuron_words, show_answers, show_push

PORTRAIT = NeuronPortrait(
    layer=1,
    unit=15,
    weights=np.ones(4),
    activations=np.arange(5000.0),
    most=np.arange(3),
    least=np.arange(3),
    push=np.array([-1.0, 1.0]),
    by_class=np.zeros(2),
    accuracy=0.8816,
    lost=0.0,
    n_changed=0,
    is_dead=False,
)
OFF = "without neuron 1:15 (switched off, so that it gives 0), validation accuracy "


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({}, OFF + "stays at 88.16 % (5,000 images, of which none gets another class)"),
        ({"n_changed": 2}, OFF + "stays at 88.16 % (5,000 images, of which 2 get another class)"),
        (
            {"lost": 0.0002, "n_changed": 1},
            OFF + "falls from 88.16 % to 88.14 % (5,000 images, of which 1 gets another class)",
        ),
        (
            {"lost": -0.001, "n_changed": 1200},
            OFF + "rises from 88.16 % to 88.26 % (5,000 images, of which 1,200 get another class)",
        ),
        (
            {"is_dead": True},
            "neuron 1:15 is dead, flat for every image, so it learns no more; switched off, validation accuracy "
            "stays at 88.16 % (5,000 images, of which none gets another class)",
        ),
    ],
)
def test_a_neuron_switched_off_is_told_with_both_accuracies_and_the_number_of_images(found, words):
    assert neuron_words(replace(PORTRAIT, **found)) == words


def test_panels_of_a_neuron_have_axis_labels():
    with new_figure(6, 3) as figure:
        push, answers = figure.subplots(1, 2)
        show_push(push, PORTRAIT, ["a", "b"])
        show_answers(answers, PORTRAIT)
        assert push.get_xlabel()
        assert (answers.get_xlabel(), answers.get_ylabel()) == ("activation value", "number of images")


@pytest.mark.parametrize(("n", "scale"), [(6, "linear"), (99, "linear"), (5000, "log")])
def test_an_axis_of_few_images_counts_in_whole_numbers_without_powers_of_ten(n, scale):
    values = np.zeros(n)
    values[0] = 1
    with new_figure(4, 3) as figure:
        axes = figure.subplots()
        show_answers(axes, replace(PORTRAIT, activations=values))
        figure.draw_without_rendering()
        assert axes.get_yscale() == scale
        if scale == "linear":
            ticks = [label.get_text() for label in axes.get_yticklabels(which="both")]
            assert len(ticks) > 2
            assert all(text.isdecimal() for text in ticks)


@pytest.mark.parametrize(
    ("n_most", "n_least", "words"), [(3, 2, "these are all 5 images, each shown once"), (1, 0, "")]
)
def test_a_portrait_of_few_images_shows_each_once_and_says_so(n_most, n_least, words, monkeypatch):
    drawn: list[int] = []
    found: list[str] = []
    monkeypatch.setattr(neurons, "show_image", lambda axes, pixels, shape, scale: drawn.append(int(pixels[0])))
    monkeypatch.setattr(neurons, "png", lambda figure: found.append(figure.subfigs[1].get_supxlabel()) or b"")
    n = n_most + n_least
    portrait = replace(PORTRAIT, activations=np.arange(n), most=np.arange(n_least, n)[::-1], least=np.arange(n_least))
    draw_portrait(portrait, (2, 2), np.arange(n)[:, None], 1.0, ["a", "b"])
    assert sorted(drawn) == [*range(n)]
    assert words in found[0]
    assert ("each shown once" in found[0]) == bool(words)


def test_an_activation_that_rounds_to_zero_has_no_sign(monkeypatch):
    panels: list[Any] = []
    monkeypatch.setattr(neurons, "show_image", lambda axes, *about: panels.append(axes))
    monkeypatch.setattr(neurons, "png", lambda figure: b"")
    activations = np.array([-0.004, -0.3, 0.004], np.float32)
    portrait = replace(PORTRAIT, activations=activations, most=np.array([2, 0, 1]), least=np.array([], np.int64))
    draw_portrait(portrait, (2, 2), np.zeros((3, 4)), 1.0, ["a", "b"])
    assert [axes.get_xlabel() for axes in panels] == ["0.00", "0.00", "-0.30"]
