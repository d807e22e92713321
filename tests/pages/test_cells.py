"""HTML of results in notebooks: tables and plots in one piece, with all texts escaped."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

import barenet
from barenet.plots.inspection import Inspection
from barenet.run_folders.checkpoint import read_model
from barenet.tuning.range_test.result import RangeTest
from barenet.tuning.space.plan import Plan
from barenet.tuning.study.folder import RungRecord
from barenet.tuning.study.results import StudyResult
from barenet.tuning.study.trial import Trial

HOSTILE = "<script>alert(1)</script>\"'&\nline"


class Tags(HTMLParser):
    """Collects the tags of a piece of HTML, and its text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.words = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        assert not any(name.startswith("on") or str(value).startswith("http") for name, value in attrs)

    def handle_data(self, data):
        self.words += data + " "


def pictures(html):
    return [base64.b64decode(data) for data in re.findall(r'src="data:image/png;base64,([^"]+)"', html)]


@pytest.fixture(scope="module")
def run(arrays):
    return barenet.train(**arrays, hidden_sizes=(4,), epochs=1, n_valid=100, n_seeds=2, output=None, verbose=False)


def test_a_run_shows_a_row_for_each_network_and_learning_curves(run):
    page = Tags(run._repr_html_())
    assert page.tags.count("tr") == 1 + 2 + 1  # the names, two networks, their average
    assert f"{100 * run.networks[1].validation_accuracy:.2f} %" in page.words
    [picture] = pictures(run._repr_html_())
    assert picture.startswith(b"\x89PNG")
    assert repr(run).startswith(
        "RunResult(in memory: 2 networks 64-4-4, gelu, batch normalization; mean validation accuracy "
    )


def test_an_inspection_shows_its_plots_and_says_which_is_missing(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG one")
    found = Inspection(
        tmp_path / HOSTILE.replace("/", ""), [], None, 0, [tmp_path / "a.png", tmp_path / "b.png"], [HOSTILE]
    )
    html = found._repr_html_()
    assert pictures(html) == [b"\x89PNG one"]
    page = Tags(html)
    assert "script" not in page.tags
    assert "b.png: No such file" in page.words


def test_a_study_shows_its_best_trials_and_the_plots_on_disk(tmp_path):
    rungs = [RungRecord("trained", 1, 0.5, 0.875)]
    trials = [
        Trial(i, str(i), {"lr": 0.1, "activation": HOSTILE}, None, rungs=rungs, ended="finished") for i in range(12)
    ]
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "settings.png").write_bytes(b"\x89PNG settings")
    result = StudyResult(tmp_path, Plan(), trials, [], "within the noise", 0.0, ["lr"])
    html = result._repr_html_()
    page = Tags(html)
    assert page.tags.count("tr") == 11
    assert "script" not in page.tags
    assert "2 more in" in page.words
    assert "87.50 %" in page.words
    assert "within the noise" in page.words
    assert pictures(html) == [b"\x89PNG settings"]
    assert "within the noise" in repr(result)
    assert len(repr(result)) < 500


def test_a_study_of_listed_points_shows_their_names(tmp_path):
    trial = Trial(0, "0", {"name": HOSTILE, "lr": 0.1}, None, rungs=[RungRecord("trained", 1, 0.5, 0.875)])
    page = Tags(StudyResult(tmp_path, Plan(), [trial], [], "", 0.0, ["name"])._repr_html_())
    assert HOSTILE.replace("\n", "\\n") in page.words
    assert "lr = " not in page.words
    assert "script" not in page.tags


def test_a_range_test_shows_its_words_and_its_plot():
    rates = np.geomspace(1e-5, 1, 90)
    result = RangeTest(rates, 2 - rates, 2 - rates, None, None, None, None, None, (HOSTILE,))
    html = result._repr_html_()
    page = Tags(html)
    assert "Range test of 90 learning rates" in page.words
    assert page.tags.count("li") == 1
    assert "script" not in page.tags
    [picture] = pictures(html)
    assert picture.startswith(b"\x89PNG")
    assert repr(result).startswith("RangeTest(rates=<float64 (90,)>, ")


def test_a_model_and_a_predictor_show_their_layers(make_run):
    folder, _ = make_run("plain")
    model = read_model(folder / "best.safetensors")
    hostile = replace(model, info=replace(model.info, class_names=[HOSTILE] * 20))
    page = Tags(hostile._repr_html_())
    assert page.tags.count("tr") == 1 + 3
    assert "script" not in page.tags
    assert "…" in page.words
    assert barenet.load(folder)._repr_html_() == model._repr_html_()


def test_results_without_html_show_their_line(run):
    assert run.networks[0]._repr_html_() is None
