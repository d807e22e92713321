"""The report of an ensemble, alone and beside a run."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import numpy as np
import pytest
from test_report_pages import Page

import barenet
from barenet.pages.reports.ensembles import member_rows, names_of
from barenet.pages.reports.report import report
from barenet.pages.reports.rows import run_row
from barenet.pages.reports.run_summaries import read_run_summary, results_of_average

SMALL = {"n_valid": 60, "batch_size": 40, "epochs": 2, "label_smoothing": 0, "verbose": False}


@pytest.fixture(scope="module")
def ensemble(arrays, dataset, tmp_path_factory) -> Path:
    """Return the folder of an ensemble of two runs, which are in the same folder."""
    runs = tmp_path_factory.mktemp("work") / "runs"
    kinds = {"first": {"hidden_sizes": 12}, "second": {"hidden_sizes": (16, 8), "activation": "tanh", "seed": 3}}
    for name, values in kinds.items():
        barenet.train(**arrays, **(SMALL | values), output=runs, name=name)
    return barenet.ensemble(runs / "first", runs / "second", output=runs, name="both", dataset=dataset).folder


def words_of(path: Path) -> str:
    text = re.sub(r"<(style|script).*?</\1>", " ", path.read_text("utf-8"), flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", text)))


@pytest.mark.slow
def test_a_report_shows_the_average_each_member_and_the_settings_in_which_they_differ(ensemble, dataset, tmp_path):
    page = report(ensemble, dataset=dataset, output=tmp_path / "page.html")
    parsed, words = Page(page.read_text("utf-8")), words_of(page)  # elements close as they open, and plots have texts
    assert len(set(parsed.ids)) == len(parsed.ids)
    assert set(parsed.links) <= set(parsed.ids)
    held = json.loads((ensemble / "test.json").read_text("utf-8"))
    assert f"{100 * held['test_accuracy']:.2f} % of the 120 test images right" in words
    alone = [json.loads((ensemble / f"member-{i}" / "test.json").read_text("utf-8")) for i in range(2)]
    accuracies = [100 * network["test_accuracy"] for network in alone]
    spread = f"{np.mean(accuracies):.2f} ± {np.std(accuracies, ddof=1):.2f} %"
    assert f"Alone, they are right on {spread} of the test images" in words
    for i, name in enumerate(("first", "second")):
        assert re.search(rf"{i} \S*{name} 64-\S+, \w+.*? {accuracies[i]:.2f} ", words)
    assert "averages the probabilities of 2 networks" in words
    assert "Results on the test images: the average of 2 networks" in words
    assert re.search(r"model\.hidden_sizes 12 16, 8 model\.activation \w+ tanh", words)
    assert "trainer.seed" in words


def test_validation_images_are_used_for_an_average_only_if_no_member_was_trained_on_them(arrays, dataset, tmp_path):
    for name, seed in (("one", 0), ("two", 0), ("three", 1)):
        values = SMALL | {"hidden_sizes": 4 if name == "two" else 6, "epochs": 1, "split_seed": seed}
        barenet.train(**arrays, **values, output=tmp_path, name=name)
    for other, is_judged in (("two", True), ("three", False)):
        made = barenet.ensemble(
            tmp_path / "one", tmp_path / other, output=tmp_path, name=f"with {other}", dataset=dataset
        )
        (made.folder / "test.json").unlink()  # as if nothing was tested
        whole = read_run_summary(made.folder, "x", (), None)
        held_out = results_of_average(whole, dataset, [])
        assert (held_out is not None) is is_judged
        assert held_out is None or held_out.of == "validation"


@pytest.mark.slow
def test_the_page_of_an_untested_ensemble_says_how_to_test_it(ensemble, dataset, tmp_path):
    made = barenet.ensemble(
        ensemble, ensemble.parent / "first" / "epoch-1.safetensors", output=tmp_path, dataset=dataset
    )
    (made.folder / "test.json").unlink()
    words = words_of(report(made, dataset=dataset))
    assert "There are no test results: its data have no test images, or were not found when it was made" in words
    assert "make it again where the data are: barenet ensemble " in words
    assert "of the 60 validation images right" in words
    whole = read_run_summary(made.folder, "x", (), None)
    assert member_rows(whole, names_of(whole))[-1]["seconds"] == "–"  # a model file has no records


@pytest.mark.slow
def test_beside_a_run_an_ensemble_is_one_model_with_the_settings_of_each_member(ensemble, dataset, tmp_path):
    page = report(ensemble, ensemble.parent / "first", dataset=dataset, output=tmp_path / "page.html")
    words = words_of(page)
    assert "of its members' validation, and the test results of their average" in words
    assert "both, member-0" in words
    assert "both, member-1" in words
    assert re.search(r"Is (both|first) better than (both|first)\?", words)


def test_a_row_of_an_ensemble_has_the_result_of_the_average_and_all_parameters(ensemble):
    held = json.loads((ensemble / "test.json").read_text("utf-8"))
    row = run_row(read_run_summary(ensemble, "both", (), None))
    assert row["test_accuracy"] == f"{100 * held['test_accuracy']:.2f}"
    assert row["test_loss"] == f"{held['test_loss']:.4f}"
    sizes = [65 * 12 + 13 * 4, 65 * 16 + 17 * 8 + 9 * 4]
    assert row["parameters"] == f"{sum(sizes):,}"
    assert row["networks"] == 2
