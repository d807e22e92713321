"""The page about a search: the figures of its records, whatever the search was, and commands that continue it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from test_report_pages import Page
from told import listen

import barenet
from barenet.analysis.saved_study import read_saved_study
from barenet.errors import DivergedError
from barenet.pages.languages import drawing_in_language
from barenet.pages.page import LIMIT
from barenet.pages.reports.report import report
from barenet.pages.reports.studies import plots, study_page
from barenet.pages.reports.studies.plots import MOST_MARKS, figure_plot
from barenet.pages.reports.studies.trials import value_text
from barenet.pages.reports.studies.words import edge, noise_words
from barenet.plots.tuning.scales import colour_range
from barenet.tuning.space.dimensions import Dimension
from barenet.tuning.space.plan import Plan
from barenet.tuning.study.results import StudyResult
from barenet.tuning.study.trial import Trial

SETTINGS = {"n_valid": 100, "hidden_sizes": (6,), "batch_size": 50, "epochs": 3, "label_smoothing": 0}
SPACE = {"lr": [0.1, 0.03, 0.001, 1e30], "l2": [0.0, 0.01]}
POINTS = [{"name": "<b>bold</b> & co", "lr": 0.1}, {"name": "slow", "lr": 0.01}]


@pytest.fixture(scope="module")
def search(arrays, tmp_path_factory):
    """Return a function that searches on small images."""

    def run(space, **values):
        output = tmp_path_factory.mktemp("studies")
        return barenet.search(space, **arrays, **SETTINGS, **values, output=output, workers=0, verbose=False)

    return run


@pytest.fixture(scope="module")
def result(search):
    """A search with repeats, a test and trials that diverge."""
    return search(SPACE, repeats=2, repeat_best=2, retrain=True)


@pytest.fixture
def study(result, tmp_path) -> Path:
    """A copy of the study, for one test."""
    return shutil.copytree(result.folder, tmp_path / "study")


@pytest.fixture
def without_plots(monkeypatch):
    """Leave the plots out, for tests of the words."""
    for name in ("curve_plots", "setting_plots", "whole_plots"):
        monkeypatch.setattr(study_page, name, lambda saved: [])


def read_page(*about) -> Page:
    return Page(report(*about).read_text("utf-8"))


@pytest.mark.slow
def test_the_page_shows_the_search_with_all_its_figures(result):
    path = report(result)
    assert path == result.folder / "report.html"
    assert path.stat().st_size < LIMIT
    page = Page(path.read_text("utf-8"))
    assert len(set(page.ids)) == len(page.ids)
    assert set(page.links) <= set(page.ids)
    assert page.n_pictures == 2 + 3 + 2  # curves; two settings and their shares; parallel coordinates and heat map
    assert "nan" not in page.text.lower()
    best, mean = result.best, result.repeated[0]
    assert f"The winner: trial {best.number}" in page.text
    assert f"{100 * mean.mean:.2f} ± {100 * mean.std:.2f} % validation accuracy" in page.text
    assert result.verdict[1:] in page.text
    accuracy = result.retrained.networks[0].scores.accuracy
    assert f"Trained once more and tested: {100 * accuracy:.2f} % of 120 test images right" in page.text
    for trial in result.trials:
        if not trial.lost:
            assert f"{100 * trial.last.valid_accuracy:.2f}" in page.text
    assert "2 trials diverged or failed" in page.text
    assert "diverged in epoch 1" in page.text


@pytest.mark.slow
def test_the_same_study_gives_the_same_bytes(result):
    first = report(result).read_bytes()
    assert report(result).read_bytes() == first


@pytest.mark.usefixtures("without_plots")
def test_the_page_of_a_study_of_arrays_gives_python_in_place_of_commands(study):
    page = read_page(study)
    assert f'barenet.train(x, y, settings="{(study / "best" / "config.toml").as_posix()}")' in page.text
    assert "arrays given in Python" in page.text
    assert f"barenet report {study / 'best'}" in page.text


@pytest.mark.usefixtures("without_plots")
def test_how_a_search_was_done_is_in_the_language_of_the_page(study):
    page = report(study, language="zh").read_text("utf-8")
    table = page[page.index("<caption>搜索</caption>") :].partition("</table>")[0]
    names = re.findall(r'<th scope="row">(.*?)</th>', table)
    assert names == ["试验", "点", "轮数", "得分", "重复", "测试", "图片", "验证图片"]
    assert "最后一轮的验证准确率" in table


def test_the_axes_of_settings_are_in_the_language_of_the_page():
    drawn = drawing_in_language('<text x="1">lr (log)</text>', "zh")
    assert drawn == '<text x="1">lr（对数）</text>'


@pytest.mark.slow
def test_a_study_alone_is_its_search_and_among_runs_its_best_run(study):
    notes = listen()
    other = shutil.copytree(study / "best", study.parent / "other")
    path = report(study, other)
    assert path.name == "comparison.html"
    assert any("taking its best run" in note for note in notes)


@pytest.mark.slow
@pytest.mark.usefixtures("without_plots")
def test_without_a_test_the_page_says_so_even_if_the_best_run_was_tested(search):
    result = search({"lr": [0.1, 0.03]})
    shutil.copy(result.folder / "results.json", result.folder / "best" / "test.json")
    page = read_page(result.folder)
    assert "There are no test results: a search tests only a winner that is trained once more" in page.text
    assert "with 2 other seeds" not in page.text


@pytest.mark.slow
@pytest.mark.usefixtures("without_plots")
def test_an_interrupted_search_says_how_far_it_is_and_how_to_continue(study):
    shutil.rmtree(study / "trials" / "00001")
    (study / "results.json").unlink()
    page = read_page(study)
    assert "This search was interrupted: 7 of 8 trials have ended. The page shows the results so far." in page.text
    assert f'barenet.search(resume="{study.as_posix()}", x=x, y=y)' in page.text
    assert "The best so far: trial" in page.text
    assert "Trained once more" not in page.text
    for folder in ("trials", "rounds"):
        shutil.rmtree(study / folder)
    assert "No trial is finished yet." in read_page(study).text


@pytest.mark.slow
@pytest.mark.usefixtures("without_plots")
def test_a_search_of_which_every_trial_diverged_has_one_clear_line(search, tmp_path):
    with pytest.raises(DivergedError) as error:
        search({"lr": [1e30, 1e31]})
    folder = Path(str(error.value).rpartition("see ")[2]).parent
    page = read_page(folder)
    assert "No trial was finished: all diverged or failed. The reasons are below." in page.text
    assert "The other trials were not affected" not in page.text


@pytest.mark.slow
@pytest.mark.usefixtures("without_plots")
def test_the_names_of_listed_points_are_shown_as_they_are(search):
    result = search(POINTS)
    page = read_page(result)
    assert "<b>bold</b> & co" in page.text
    assert "lr = 0.1" in page.text
    assert "A list of 2 points" in page.text


@pytest.mark.slow
@pytest.mark.usefixtures("without_plots")
def test_long_tables_are_cut_and_say_how_many_trials_are_left_out(study, monkeypatch):
    monkeypatch.setattr("barenet.pages.reports.studies.trials.MOST_ROWS", 4)
    monkeypatch.setattr("barenet.pages.reports.studies.trials.MOST_LOST", 1)
    page = read_page(study)
    assert "2 trials with poorer scores are left out here; results.csv" in page.text
    assert "The first of them is listed" in page.text


def test_many_marks_become_an_image_which_keeps_the_page_small():
    def draw(figure):
        axes = figure.subplots()
        rng = np.random.default_rng(0)
        axes.scatter(*rng.normal(size=(2, 5000)))

    few, many = (figure_plot(draw, "dots", (4.4, 3.1), n).svg for n in (MOST_MARKS, MOST_MARKS + 1))
    assert "<image" not in few
    assert "<image" in many
    assert len(many) < 100_000 < len(few)


def test_means_at_each_value_are_those_of_the_finished_trials(result):
    lr, l2 = plots.setting_means(read_saved_study(result.folder))
    assert (lr.name, l2.name) == ("lr", "l2")
    by_value = {value: score for value, _, score in l2.rows}
    scores = [t.last.valid_accuracy for t in result.trials if not t.lost and t.point["l2"] == 0.01]
    assert by_value["0.01"] == f"{100 * np.mean(scores):.2f} ± {100 * np.std(scores, ddof=1):.2f}"


@pytest.mark.parametrize(
    ("dimension", "value", "side"),
    [
        (Dimension("lr", choices=(0.1, 0.01, 0.5)), 0.5, "largest"),
        (Dimension("lr", choices=(0.1, 0.01, 0.5)), 0.01, "smallest"),
        (Dimension("lr", choices=(0.1, 0.01, 0.5)), 0.1, ""),
        (Dimension("l2", choices=(0.0, 0.01)), 0.0, ""),
        (Dimension("lr", low=0.001, high=0.1, log=True), 0.0011, "smallest"),
        (Dimension("lr", low=0.001, high=0.1, log=True), 0.002, ""),
        (Dimension("lr", low=0.0, high=1.0), 0.96, "largest"),
        (Dimension("activation", choices=("relu", "tanh")), "relu", ""),
        (Dimension("nesterov", choices=(True, False)), True, ""),
        (Dimension("clip_norm", choices=(None, 1.0)), 1.0, ""),
    ],
)
def test_a_value_is_at_the_edge_if_nothing_was_tried_beyond_it(dimension, value, side):
    assert edge(dimension, Trial(0, "00000", {dimension.name: value}, None)) == side


def test_values_that_are_missing_none_or_switches_have_words():
    point = {"a": None, "b": True, "c": 1e-7, "d": "64-32"}
    assert [value_text(point, name) for name in "abcdx"] == ["none", "yes", "1e-07", "64-32", "–"]


def test_the_noise_is_the_same_figure_in_all_places(tmp_path):
    result = StudyResult(tmp_path, Plan.make({"metric": "acc"}), [], [], "", 0.0, [], noise=0.00346)
    assert noise_words(result) == "0.35 points"
    assert "differences below 0.35 points" in colour_range(np.array([0.0, 99.0]), result)[2]
