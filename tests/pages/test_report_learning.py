"""What pages say about networks that learned nothing, and about trends of the validation loss."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from told import listen

import barenet
from barenet.analysis.learning import verdict_of
from barenet.analysis.saved_run import read_saved_run
from barenet.pages.reports import comparison, report
from barenet.storage.sealing import seal, unseal

TINY = {"n_valid": 120, "hidden": "6", "batch_size": 48, "epochs": 4, "label_smoothing": 0, "activation": "relu"}
FAST = {"optimizer.name": "sgd", "lr": 1000.0, "weight_decay": 0, "average_decay": 0}
LEFT_OUT = ("calibration", "Labels to look at again", "Surest mistakes", "One neuron in detail", "best on validation")
LEFT_OUT += ("(best)", "best epoch", "Choose a cell")


@pytest.fixture(scope="module")
def runs(arrays, tmp_path_factory):
    """Return a folder: two runs (one network, two seeds) that learned nothing, and one that learned something."""
    output = tmp_path_factory.mktemp("learned")
    common = {**TINY, "output": output, "verbose": False}
    barenet.train(**arrays, **common, **FAST, name="empty")
    barenet.train(**arrays, **common, **FAST, name="empty-seeds", n_seeds=2)
    barenet.train(**arrays, **common, lr=0.005, name="good")
    return output


def page_of(*paths, arrays, target):
    dataset = barenet.from_arrays(**arrays)
    return barenet.report(*paths, output=target, dataset=dataset).read_text("utf-8")


def told(run, arrays):
    """Return the verdict of the page, without the page, which takes long to draw."""
    return verdict_of(read_saved_run(run, dataset=barenet.from_arrays(**arrays)))


def check_empty(page):
    assert "This network learned nothing." in page
    assert "<li>the validation accuracy, " in page
    assert "<li>a learning rate much smaller, such as <code><span>--lr</span></code> 0.1</li>" in page
    assert "confusion matrix" in page
    assert [words for words in LEFT_OUT if words in page] == []


def test_the_page_of_a_network_that_learned_nothing_says_so(runs, arrays, tmp_path, monkeypatch):
    monkeypatch.setattr(report, "curve_plots", lambda *about: [])
    parts = ("architecture", "layer_rows", "weights", "biases", "sheet", "activity", "portrait", "start_word")
    parts += ("weights_word", "weights_detail")
    no_parts = dict.fromkeys(parts, ())
    monkeypatch.setattr(report, "network_parts", lambda *about: no_parts)
    check_empty(page_of(runs / "empty", arrays=arrays, target=tmp_path / "page.html"))


@pytest.mark.slow
def test_the_page_of_a_network_that_learned_nothing_leaves_out_parts_without_meaning(runs, arrays, tmp_path):
    check_empty(page_of(runs / "empty", arrays=arrays, target=tmp_path / "page.html"))


@pytest.mark.slow
def test_the_page_of_a_network_that_learned_has_these_parts_and_the_trend_of_validation(runs, arrays, tmp_path):
    run = tmp_path / "good"
    shutil.copytree(runs / "good", run)
    values = unseal((run / "learning.json").read_bytes())
    trend = {"trend": "validation loss rises from epoch 9 on", "advice": ["this", "that"]}
    (run / "learning.json").write_text(json.dumps(values | trend), "utf-8")
    page = page_of(run, arrays=arrays, target=tmp_path / "good.html")
    assert "learned nothing" not in page
    assert [words for words in LEFT_OUT if words in page] != []
    assert "<strong>Validation loss rises from epoch 9 on.</strong> To try: this; that." in page


def test_a_run_of_an_earlier_version_is_measured_again_with_the_same_result(runs, arrays, tmp_path):
    for name in ("empty", "good"):
        run = tmp_path / name
        shutil.copytree(runs / name, run)
        written = told(run, arrays)
        (run / "learning.json").unlink()
        assert told(run, arrays) == written
        assert written.learned == (name == "good")


def test_a_verdict_of_another_epoch_is_ignored(runs, arrays, tmp_path):
    run = tmp_path / "good"
    shutil.copytree(runs / "good", run)
    values = unseal((run / "learning.json").read_bytes())
    for epoch, is_believed in ((4, True), (2, False)):
        text = seal(values | {"epoch": epoch, "trend": "validation loss rises from epoch 9 on"})
        (run / "learning.json").write_text(text, "utf-8")
        assert (told(run, arrays).trend == "validation loss rises from epoch 9 on") == is_believed


def test_a_comparison_marks_the_runs_that_learned_nothing(runs, arrays, tmp_path, monkeypatch):
    monkeypatch.setattr(comparison, "curves", lambda *about: [])
    notes = listen()
    paths = [runs / "empty", runs / "empty-seeds", runs / "good"]
    page = page_of(*paths, arrays=arrays, target=tmp_path / "page.html")
    assert page.count('<span class="ends">learned nothing</span>') == 1
    assert '<span class="ends">2 of 2 networks learned nothing</span>' in page
    assert "of empty, the network learned nothing" in notes
    assert not [note for note in notes if "good" in note]


def test_for_runs_of_earlier_versions_the_test_results_say_whether_they_learned_anything(
    runs, arrays, tmp_path, monkeypatch
):
    monkeypatch.setattr(comparison, "curves", lambda *about: [])
    for name in ("empty", "good"):
        shutil.copytree(runs / name, tmp_path / name)
        (tmp_path / name / "learning.json").unlink()
    page = page_of(tmp_path / "empty", tmp_path / "good", arrays=arrays, target=tmp_path / "page.html")
    assert page.count('<span class="ends">learned nothing</span>') == 1


@pytest.mark.slow
def test_the_page_of_seeds_that_all_learned_nothing_leaves_out_parts_without_meaning(runs, arrays, tmp_path):
    page = page_of(runs / "empty-seeds", arrays=arrays, target=tmp_path / "page.html")
    assert "2 of 2 networks learned nothing" in page
    assert [words for words in LEFT_OUT[:4] if words in page] == []


def test_a_playground_says_at_the_top_that_the_network_learned_nothing(runs, arrays, tmp_path):
    dataset = barenet.from_arrays(**arrays)
    pages = [
        barenet.playground(runs / name, dataset=dataset, output=tmp_path / f"{name}.html").page.read_text("utf-8")
        for name in ("empty", "good")
    ]
    warnings = [re.search(r'"warning": ("[^"]*")', page)[1] for page in pages]
    assert warnings[0].startswith('"This network learned nothing: the validation accuracy, ')
    assert warnings[1] == '""'
