"""Sentences of pages: singular and plural, flags and commands without line breaks, why there are no test results."""

from __future__ import annotations

import html
import re
from types import SimpleNamespace

import numpy as np
import pytest

import barenet
from barenet.nn.architecture import Architecture
from barenet.nn.mlp import MLP
from barenet.pages.page import command, flagged, render
from barenet.pages.reports import comparison
from barenet.pages.reports.comparison import chance_words, noise_of
from barenet.pages.reports.held_out_results import HeldOutResults, results_of_confusion, results_parts
from barenet.pages.reports.inside import architecture_rows, sheet
from barenet.pages.reports.report import inspect_another
from barenet.pages.reports.untested import Untested, untested_words
from barenet.training.records import EpochRecord

RECORD = EpochRecord(0, 3, 10, 0.1, 0.5, 0.8, 0.5, 0.8, True, 1.0, 0.1, 5.0, seconds=8.0)
EXAMPLE = {"of": "test", "row": 1, "picture": "", "label": "a", "taken_for": "b", "sure": 0.9, "given": 0.1}


def text_of(page: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))


def held_out(n_wrong: int, n_doubts: int = 0, **found) -> HeldOutResults:
    """Return results on 4,000 test images of which `n_wrong` are wrong, with as many examples as a page shows."""
    confusion = np.array([[2000, 0], [n_wrong, 2000 - n_wrong]])
    shown = {"mistakes": [EXAMPLE] * min(n_wrong, 24), "doubts": [EXAMPLE] * min(n_doubts, 24), "n_doubts": n_doubts}
    return results_of_confusion("test", confusion, 0.5, ["a", "b"], **shown, **found)


@pytest.mark.parametrize(
    ("n_wrong", "words"),
    [
        (1, "The only wrong answer: first the predicted class"),
        (2, "All 2 wrong answers, the surest first: first the predicted class"),
        (24, "All 24 wrong answers, the surest first: first the predicted class"),
        (1200, "The 24 of 1,200 wrong answers of which the network was surest: first the predicted class"),
    ],
)
def test_mistakes_are_counted_in_the_singular_and_in_the_plural(n_wrong, words):
    results = held_out(n_wrong)
    assert words in text_of(render("results.html", j=results, **results_parts(None)))


@pytest.mark.parametrize(
    ("n_doubts", "words"),
    [
        (1, ("1 image that the network", "Its label may be wrong, or the image is only difficult.")),
        (2, ("2 images that the network", "The least probable labels come first. Some of these labels")),
        (30, ("30 images that the network", "labels come first; 24 are shown. Some of these labels are")),
    ],
)
def test_doubted_labels_are_counted_in_the_singular_and_in_the_plural(n_doubts, words):
    text = text_of(render("results.html", j=held_out(3, n_doubts), **results_parts(None)))
    assert [word for word in words if word not in text] == []


def test_a_flag_in_a_sentence_is_code_and_the_rest_stays_escaped_text():
    shown = str(flagged("more --epochs, or --batch-size <64>; not a--b."))
    assert shown == (
        "more <code><span>--epochs</span></code>, or <code><span>--batch-size</span></code> &lt;64&gt;; not a--b."
    )


def test_a_command_breaks_only_between_its_words_unless_one_fills_a_line():
    assert str(command("barenet test a<b")) == (
        "<code><span>barenet</span> <span>test</span> <span>a&lt;b</span></code>"
    )
    assert str(command("barenet test " + "x" * 60)) == (
        f"<code><span>barenet</span> <span>test</span> {'x' * 60}</code>"
    )


def test_another_neuron_is_the_next_one_of_the_network_and_there_may_be_none():
    def after(layer: int, unit: int, *sizes: int) -> str:
        layers = [SimpleNamespace(layer=i, n_units=n) for i, n in enumerate(sizes, start=1)]
        found = SimpleNamespace(portrait=SimpleNamespace(layer=layer, unit=unit), layers=layers)
        return inspect_another("runs/a b", found).removeprefix('barenet inspect "runs/a b" --neuron ')

    assert [after(1, 0, 1, 2), after(2, 0, 1, 2), after(2, 1, 1, 2), after(1, 0, 1)] == ["2:0", "2:1", "1:0", ""]


def test_one_neuron_is_counted_in_the_singular_and_its_picture_is_small():
    mlp = MLP.from_architecture(Architecture.from_sizes([45, 1, 2], ["relu", "softmax"]).rows, seed=0)
    titles = [row["title"] for row in architecture_rows(mlp, (9, 5))]
    assert titles == ["45 inputs", "1 neuron, relu", "2 classes, softmax"]
    assert "max-width: 11rem" in sheet(mlp, (9, 5)).svg


def test_a_probability_that_is_not_zero_is_never_written_as_zero():
    assert [chance_words(p) for p in (0.0, 1e-300, 0.00009)] == ["less than 0.0001"] * 3
    assert [chance_words(p) for p in (0.0001, 0.0312, 1.0)] == ["0.0001", "0.031", "1"]


def run_of(*accuracies: float) -> SimpleNamespace:
    return SimpleNamespace(
        is_ensemble=False, networks=[SimpleNamespace(result={"test_accuracy": accuracy}) for accuracy in accuracies]
    )


def test_the_noise_of_a_difference_is_that_of_the_images_or_that_of_the_runs_seeds():
    # p = (0.9 * 10,000 + 1) / 10,002 = 0.89992; 2 sqrt(2 p (1 - p) / 10,000) = 0.0084883
    assert noise_of([run_of(0.9), run_of(0.8)], 0.9, 10_000) == pytest.approx(0.0084883, rel=1e-4)
    # The variance of 0.86 and 0.94 is 0.0032; 2 sqrt(2 * 0.0032) = 0.16
    assert noise_of([run_of(0.86, 0.94), run_of(0.8)], 0.9, 10_000) == pytest.approx(0.16)


@pytest.fixture(scope="module")
def two_runs(arrays, tmp_path_factory):
    output = tmp_path_factory.mktemp("two")
    common = {"hidden_sizes": (4,), "epochs": 1, "n_valid": 100, "batch_size": 50, "verbose": False, "output": output}
    return [barenet.train(**arrays, name=name, seed=seed, **common).folder for seed, name in enumerate(("a", "b"))]


@pytest.mark.parametrize("is_within", [True, False])
def test_other_seeds_are_mentioned_only_if_the_difference_is_within_their_noise(
    is_within, two_runs, dataset, monkeypatch
):
    monkeypatch.setattr(comparison, "curves", lambda *about: [])
    monkeypatch.setattr(comparison, "noise_of", lambda *about: 1.0 if is_within else -1.0)
    about = {"dataset": dataset, "activations": (), "loss": None}
    page = comparison.compare(two_runs, **about)
    assert ("other seeds of the same settings may differ as much" in page) == is_within
    assert re.search(r'<td class="text">[\d.]+', page) is None  # numbers stand to the right
    assert "The test compares these trained networks" in page


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    best = tmp_path / "study" / "best"
    best.mkdir(parents=True)
    (tmp_path / "study" / "study.json").write_text("{}", "utf-8")
    return best.parent.relative_to(tmp_path)


def test_the_page_of_a_best_run_says_that_a_search_does_not_test_and_what_to_type(study):
    words = untested_words(study / "best", None, [RECORD], None)
    assert words.why == "a search does not look at the test images"
    assert words.command == "barenet search --resume study --retrain"
    assert str(study / "retrained") in words.then
    (study / "retrained").mkdir()
    (study / "retrained" / "test.json").write_text("{}", "utf-8")
    assert untested_words(study / "best", None, [RECORD], None).command == f"barenet report {study / 'retrained'}"


def test_the_page_says_why_a_run_in_training_a_model_file_and_data_without_a_test_part_have_no_test(
    make_config, tmp_path, arrays
):
    config = make_config(epochs=5)
    under_way = untested_words(tmp_path, config, [RECORD], None)
    assert under_way.why == "training is at epoch 3 of 5"
    assert under_way.command.startswith("barenet train --resume ")
    assert untested_words(tmp_path, make_config(epochs=3), [RECORD], None) == Untested()
    data = barenet.from_arrays(arrays["x"], arrays["y"])
    assert untested_words(tmp_path, config, [RECORD], data).why == "these data have no test images"
    assert untested_words(tmp_path / "model.safetensors", None, [], None).command.startswith("barenet test ")
