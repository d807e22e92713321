"""Curves while a run goes on: redrawn when it is cheap, shown where somebody can see them."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from told import listen

import barenet
from barenet.plots import live
from barenet.plots.live import TIMES, CurveWriter, LivePlot, ObserverGroup
from barenet.run_folders.observer import Observer


class Keeper(CurveWriter):
    """Draws nothing, and takes `seconds` for it on a clock that moves by hand."""

    def __init__(self, seconds):
        self.now, self.seconds, self.drawn = 0.0, seconds, []
        super().__init__(clock=lambda: self.now)
        self.folders = ["somewhere"]

    def draw(self, network):
        self.drawn.append(self.now)
        self.now += self.seconds


def test_redrawing_takes_less_than_one_percent_of_the_time():
    keeper = Keeper(0.2)
    record = SimpleNamespace(network=0, valid_loss=0.5)
    for _ in range(1000):
        keeper.now += 0.8
        keeper.record(record)
    assert len(keeper.drawn) > 30
    assert keeper.seconds * len(keeper.drawn) < 0.01 * keeper.now
    waits = [b - a for a, b in zip(keeper.drawn, keeper.drawn[1:], strict=False)]
    assert min(waits) >= TIMES * 0.2 - 1e-6


def test_only_validations_are_drawn():
    keeper = Keeper(0.2)
    keeper.now = 1e6
    keeper.record(SimpleNamespace(network=0, valid_loss=None))
    assert keeper.drawn == []


@pytest.mark.slow
def test_curves_are_in_the_folder_before_training_ends(arrays, tmp_path, monkeypatch):
    monkeypatch.setattr(live, "TIMES", 0)
    seen = []

    class Witness(Observer):
        def record(self, record):
            seen.append((tmp_path / "run" / "figures" / "learning-curves.png").exists())

    values = {"hidden_sizes": (4,), "epochs": 3, "n_valid": 100, "output": tmp_path, "name": "run"}
    barenet.train(arrays["x"], arrays["y"], observer=Witness(), **values)
    assert seen == [False, True, True]  # the witness hears of an epoch before the pencil does


def test_watchers_hear_everything_in_turn():
    heard = []

    class Ear(Observer):
        def __init__(self, name):
            self.name = name

        def __enter__(self):
            heard.append((self.name, "enter"))
            return self

        def __exit__(self, kind, error, trace):
            heard.append((self.name, kind))

        def record(self, record):
            heard.append((self.name, record))

    def fail():
        with ObserverGroup([Ear("a"), Ear("b")]) as watching:
            watching.record("hello")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    expected = [(name, what) for what in ("enter", "hello", KeyError) for name in ("a", "b")]
    assert heard == expected


@pytest.mark.slow
def test_a_notebook_gets_one_picture_that_is_updated(arrays, monkeypatch):
    shown, updated = [], []
    handle = SimpleNamespace(update=updated.append)
    display = SimpleNamespace(
        Image=lambda data: data, display=lambda picture, display_id: shown.append(picture) or handle
    )
    ipython = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=True), display=display)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    values = {"hidden_sizes": (4,), "epochs": 3, "n_valid": 100, "output": None, "verbose": False}
    barenet.train(arrays["x"], arrays["y"], plot=True, **values)
    assert len(shown) == 1
    assert len(updated) == 2
    assert all(picture.startswith(b"\x89PNG") for picture in (*shown, *updated))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a Linux without a screen")
def test_without_a_screen_a_plot_says_why_once(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    notes = listen()
    assert not LivePlot().shows
    assert len(notes) == 1
    assert "there is no screen" in notes[0]
