"""Pictures of weights say what their axes are, and call neurons what `--neuron` calls them."""

from __future__ import annotations

import re

import numpy as np
import pytest

from barenet.analysis.activity import read_neuron
from barenet.nn.mlp import MLP
from barenet.plots import weights
from barenet.plots.appearance import new_figure
from barenet.plots.rasters import tile
from barenet.plots.weights import draw_heat_maps, draw_histograms, draw_neurons, neuron_sheet, show_histogram


@pytest.fixture
def networks():
    before, after = (MLP(16, (5,), 3, seed=seed) for seed in (0, 1))
    after.parameters.views["W1"] *= np.array([2, 1, 5, 3, 4])
    return before, after


@pytest.fixture
def texts(monkeypatch):
    """Collect the texts of each figure that becomes a PNG, in place of drawing it."""
    from matplotlib.text import Text

    found: list[str] = []

    def collect(figure):
        found.extend(text.get_text() for text in figure.findobj(Text))
        return b""

    monkeypatch.setattr(weights, "png", collect)
    return found


@pytest.mark.parametrize(("name", "x", "y"), [("W1", "a weight", "of weights"), ("b1", "a bias", "of biases")])
def test_a_histogram_says_what_its_axes_are_and_names_before_and_after(name, x, y, networks):
    with new_figure(4, 3) as figure:
        axes = figure.subplots()
        show_histogram(axes, *networks, name, is_redrawn=False)
        assert axes.get_xlabel() == f"value of {x}"
        assert axes.get_ylabel() == f"number {y}"
        assert axes.get_legend_handles_labels()[1] == ["at initialisation", "after training"]


def test_tiles_are_named_as_the_flag_takes_them_largest_weights_first(networks, texts):
    _, trained = networks
    norms = np.linalg.norm(trained.parameters.views["W1"], axis=0)
    draw_neurons(trained, (4, 4))
    names = [text for text in texts if re.fullmatch(r"\d+:\d+", text)]
    assert names == [f"1:{unit}" for unit in sorted(range(5), key=lambda unit: -norms[unit])]
    assert [read_neuron(trained, name)[0] for name in names] == [1] * 5
    assert sorted(read_neuron(trained, name)[1] for name in names) == [0, 1, 2, 3, 4]


def test_the_tile_at_a_place_is_of_the_neuron_that_its_name_says(networks):
    _, trained = networks
    sheet = neuron_sheet(trained, (4, 4), headroom=0.3)
    for name, (left, top) in zip(sheet.names, sheet.places, strict=True):
        weights = trained.parameters.views["W1"][:, int(name.removeprefix("1:"))].reshape(4, 4)
        shown = sheet.numbers[top : top + 4, left : left + 4].astype(int) - 24  # 24 is zero
        assert np.array_equal(np.sign(shown), np.sign(np.rint(24 * np.clip(weights / sheet.limit, -1, 1))))


def test_room_above_a_tile_is_empty_and_no_tile_covers_another():
    sheet, places = tile(np.ones((5, 2, 3)), columns=2, gap=1, above=2)
    assert sheet.shape == (3 * 4 + 2, 2 * 3 + 1)
    assert places == [(0, 2), (4, 2), (0, 7), (4, 7), (0, 12)]
    assert sheet.sum() == 5 * 6


def test_a_heat_map_says_what_its_colours_are(networks, texts):
    draw_heat_maps(*networks, 1, is_redrawn=False)
    assert {"input", "neuron", "value of a weight"} <= set(texts)


@pytest.mark.parametrize(
    ("layer", "redrawn", "title"), [(1, False, "W1, at initialisation"), (2, True, "W2, initialisation drawn again")]
)
def test_a_heat_map_is_named_by_its_matrix_and_when(layer, redrawn, title, networks, texts):
    draw_heat_maps(*networks, layer, redrawn)
    assert title in texts


@pytest.mark.slow
def test_rows_of_the_last_layer_have_the_names_of_their_classes(networks, texts):
    names = ["shirt", "coat", "bag"]
    draw_heat_maps(*networks, 2, False, names)
    assert "class" in texts
    assert "neuron" not in texts
    assert list(dict.fromkeys(text for text in texts if text in names)) == names
    texts.clear()
    draw_heat_maps(*networks, 1, False, names)
    assert "neuron" in texts
    assert not {*names} & {*texts}


def test_labels_of_the_rows_of_histograms_stand_on_one_line(networks, monkeypatch):
    places: list[list[float]] = []
    before, after = networks
    after.parameters.views["W2"][:] = 0  # all in one bar, so that the axis has more digits
    monkeypatch.setattr(weights, "HISTOGRAM_BINS", 3)

    def measure(figure):
        figure.draw_without_rendering()
        for column in (figure.axes[::2], figure.axes[1::2]):
            places.append([round(axes.yaxis.label.get_window_extent().x0, 1) for axes in column])
        return b""

    monkeypatch.setattr(weights, "png", measure)
    draw_histograms(before, after, False)
    assert [len(set(column)) for column in places] == [1, 1]


def test_fewer_tiles_than_neurons_are_the_largest_and_the_rest_are_counted(networks):
    _, trained = networks
    norms = np.linalg.norm(trained.parameters.views["W1"], axis=0)
    sheet = neuron_sheet(trained, (4, 4), most=2)
    assert sheet.units == np.argsort(-norms)[:2].tolist()
    assert sheet.which(5) == "the largest 2 of 5, largest norm first; 3 are left out"
    assert neuron_sheet(trained, (4, 4)).which(5) == "all 5, largest norm first"


@pytest.mark.parametrize("sizes", [(16, (2,), 3), (2, (1,), 2)])
def test_neurons_and_inputs_have_whole_numbers_however_few_there_are(sizes, monkeypatch):
    found: list[str] = []

    def collect(figure):
        figure.draw_without_rendering()
        for axes in figure.axes[:2]:
            found.extend(label.get_text() for label in (*axes.get_xticklabels(), *axes.get_yticklabels()))
        return b""

    monkeypatch.setattr(weights, "png", collect)
    before, after = (MLP(*sizes, seed=seed) for seed in (0, 1))
    draw_heat_maps(before, after, 1, False)
    assert "0" in found
    assert [text for text in found if not re.fullmatch("\N{MINUS SIGN}?[0-9]+", text)] == []
