"""The page about a run, and the one that compares several: right for every kind of run, and without requests."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest
from families import slow_except
from odd_runs import KINDS
from safetensors.numpy import load_file
from told import listen

import barenet
from barenet.errors import RunError
from barenet.pages.page import LIMIT
from barenet.pages.reports.comparison import two_best
from barenet.pages.reports.report import report
from barenet.pages.reports.rows import run_row
from barenet.pages.reports.run_summaries import read_run_summary
from barenet.storage.sealing import seal

DRAWN = ("plain", "diverged", "floats")  # kinds of runs; of others the figures are prepared and not saved
VOID = {"meta", "link", "img", "br", "hr", "input"}


class Page(HTMLParser):
    """Checks that elements close as they open, that images have texts, and that no id is used twice."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self.source = text
        self.n_pictures = 0
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag == "img" or (tag == "svg" and values.get("role") == "img"):
            self.n_pictures += 1
            assert values.get("alt") or values.get("aria-label"), attrs
        if "id" in values and "svg" not in self.open:
            self.ids.append(values["id"])
        if values.get("href", "").startswith("#") and tag == "a":
            self.links.append(values["href"][1:])
        for name in ("src", "href"):
            assert values.get(name, "").startswith(("data:", "#", "")), attrs
            assert "//" not in values.get(name, "")[:12], attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))


@pytest.fixture(scope="module")
def make_page(make_run, make_report, drafts, tmp_path_factory):
    """Return a function that takes a kind of run and returns its parsed page and its folder."""
    made = {}

    def make(kind):
        folder, dataset = make_run(kind)
        if kind not in made:
            if kind in DRAWN:
                path, _ = make_report(kind)
            else:
                with drafts():
                    path = report(folder, dataset=dataset, output=tmp_path_factory.mktemp("pages") / "page.html")
            assert path.stat().st_size < LIMIT
            made[kind] = Page(path.read_text("utf-8"))
        return made[kind], folder

    return make


@pytest.mark.parametrize("kind", slow_except(KINDS, "plain"))
@pytest.mark.slow
def test_the_page_of_every_kind_of_run_is_complete(kind, make_page):
    page, folder = make_page(kind)
    assert len(set(page.ids)) == len(page.ids)
    assert set(page.links) <= set(page.ids)
    assert page.n_pictures > 5
    assert "nan" not in re.sub(r"nand|finance", "", page.text.lower())
    if (folder / "test.json").exists():
        result = json.loads((folder / "test.json").read_text("utf-8"))
        assert f"{100 * result['test_accuracy']:.2f} % of the 120 test images right" in page.text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("no pictures", "20 inputs"),
        ("diverged", "diverged in epoch 1"),
        ("one epoch", "1 epoch."),
        ("untested", "There are no test results"),
        ("47 classes", "47 classes, softmax"),
        ("two classes", "2 classes, softmax"),
        ("16x16", "16 × 16 image"),
        ("colour", "saturated"),
        ("validated now and then", "The ring marks epoch"),
    ],
)
def test_the_pages_of_unusual_runs_say_what_is_unusual(kind, words, make_page):
    assert words in make_page(kind)[0].text


@pytest.mark.slow
def test_the_same_run_gives_the_same_bytes(make_run, make_page, tmp_path):
    folder, dataset = make_run("plain")
    again = report(folder, dataset=dataset, output=tmp_path / "page.html")
    assert again.read_bytes() == make_page("plain")[0].source.encode()


@pytest.mark.slow
def test_every_cell_of_the_confusion_matrix_links_to_its_examples(make_run, make_page):
    folder, dataset = make_run("plain")
    page, _ = make_page("plain")
    predicted = np.argmax(load_file(folder / "test-probabilities.safetensors")["probabilities"], axis=1)
    pairs = set(zip(dataset.test_labels.tolist(), predicted.tolist(), strict=True))
    assert {link for link in page.links if link.startswith("c")} == {f"c{c}-{k}" for c, k in pairs}


@pytest.mark.slow
def test_a_page_makes_no_requests_and_its_policy_forbids_them(make_page):
    text = make_page("plain")[0].source
    assert "default-src 'none'" in text
    assert re.findall(r"url\((?!#)[^)]*\)|@import|https?://(?!www\.w3\.org/)", text) == []


@pytest.mark.slow
def test_names_from_outside_are_escaped(arrays, tmp_path):
    barenet.train(arrays["x"], arrays["y"], output=tmp_path, name="a<b>&", hidden_sizes=(4,), epochs=1, verbose=False)
    page = Page(report(tmp_path / "a<b>&").read_text("utf-8"))
    assert "a<b>&" in page.text
    assert "b" not in page.open


@pytest.fixture(scope="module")
def runs(arrays, tmp_path_factory):
    """Return a folder of runs on the same data: two settings, several seeds, and one on other data."""
    output = tmp_path_factory.mktemp("compared")
    common = {"n_valid": 100, "batch_size": 50, "verbose": False, "output": output}
    barenet.train(**arrays, name="small", hidden_sizes=(4,), epochs=1, **common)
    barenet.train(**arrays, name="large", hidden_sizes=(16,), epochs=3, **common)
    barenet.train(**arrays, name="seeds", hidden_sizes=(8,), epochs=2, n_seeds=3, **common)
    other = {name: values[::-1][:100] for name, values in arrays.items()}
    barenet.train(**other, name="other", hidden_sizes=(8,), epochs=2, **{**common, "n_valid": 20})
    return output


@pytest.fixture(scope="module")
def seeds_page(runs, dataset, drafts):
    """Return the page about the run of several seeds, parsed."""
    with drafts():
        path = report(runs / "seeds", dataset=dataset)
    assert path == runs / "seeds" / "report.html"
    return Page(path.read_text("utf-8"))


@pytest.fixture(scope="module")
def compared_page(runs, dataset):
    """Return the page that compares two runs and a run of several seeds, parsed."""
    path = report(runs / "small", runs / "large", runs / "seeds", dataset=dataset)
    assert path == runs / "comparison.html"
    return Page(path.read_text("utf-8"))


def test_a_comparison_shows_what_differs_and_which_run_is_better(compared_page):
    text = compared_page.text
    for words in ("model.hidden_sizes", "trainer.epochs", "trainer.n_seeds", "McNemar", "±", "the average:"):
        assert words in text
    assert "data.n_valid" not in text
    assert "different data" not in text


def test_runs_on_different_data_are_compared_without_a_test(runs, drafts):
    notes = listen()
    with drafts():
        text = Page(report(runs / "small", runs / "other").read_text("utf-8")).text
    assert "different data" in " ".join(notes)
    assert "different data" in text
    assert "McNemar" not in text
    assert "data.n_valid" in text


def test_the_two_best_are_chosen_by_validation_and_never_by_the_test_images():
    class Run:
        def __init__(self, valid, test):
            self.valid, self.probabilities, self.models = valid, test, [1]

        def validation(self, what):
            return [self.valid]

    worst, good, best = Run(0.1, "tests best"), Run(0.5, "tests worse"), Run(0.9, "tests worst")
    assert two_best([worst, good, best]) == [best, good]


@pytest.mark.slow
def test_seeds_give_mean_and_spread(runs, seeds_page):
    text = seeds_page.text
    results = [json.loads((runs / "seeds" / f"seed-{i}" / "test.json").read_text("utf-8")) for i in range(3)]
    accuracies = [100 * result["test_accuracy"] for result in results]
    assert f"{np.mean(accuracies):.2f} ± {np.std(accuracies, ddof=1):.2f}" in text
    assert all(f"seed-{i}" in text for i in range(3))


def test_several_seeds_show_their_mean_curve_and_the_confusion_matrix_of_their_average(runs, dataset, seeds_page):
    page = seeds_page
    predicted = np.argmax(load_file(runs / "seeds" / "test-probabilities.safetensors")["probabilities"], axis=1)
    right = np.mean(predicted == dataset.test_labels)
    assert f"{100 * right:.2f} % of {len(predicted)}" in page.text
    for words in ("mean of 3 seeds", "divided by 2", "the average of 3 networks", "confusion matrix", "F1"):
        assert words in page.text
    pairs = set(zip(dataset.test_labels.tolist(), predicted.tolist(), strict=True))
    assert {link for link in page.links if re.match(r"c\d", link)} == {f"c{c}-{k}" for c, k in pairs}
    assert set(page.links) <= set(page.ids)
    assert len(set(page.ids)) == len(page.ids)


def test_a_comparison_shows_precision_recall_and_matrix_of_each_run(runs, compared_page):
    page = compared_page
    results = json.loads((runs / "seeds" / "test.json").read_text("utf-8"))["ensemble"]
    row = max(results["per_class"], key=lambda row: row["recall"])
    assert f"{100 * row['recall']:.1f}" in page.text
    assert "seeds (its average)" in page.text
    assert "mean of 3" in page.text
    assert page.source.count('class="matrix') == 3


@pytest.mark.slow
def test_a_page_names_the_terms_of_the_field(make_page):
    text = make_page("plain")[0].text
    for term in (
        *("confusion matrix", "precision", "recall", "F1", "calibration", "Expected calibration error"),
        *("reliability diagram", "learning curves", "cross-entropy", "activations", "histograms"),
    ):
        assert term in text


def test_a_cell_says_how_many_of_its_images_it_shows(make_page):
    page, folder = make_page("plain")
    results = json.loads((folder / "test.json").read_text("utf-8"))
    counts = [n for row in results["confusion_matrix"] for n in row if n > 6]
    assert counts
    for n in counts:
        assert f"Shown: 6 of these {n}, the surest first." in page.text
    assert page.text.count("Shown:") == len(counts)


def test_the_figure_of_the_network_has_its_scale_and_a_table_has_its_sizes(make_page):
    text = make_page("plain")[0].text
    assert "Not to scale" in text
    rows = ("1 12 batch norm, gelu 64 × 12 780", "2 7 batch norm, gelu 12 × 7 91", "3 4 softmax 7 × 4 32")
    for row in rows:  # (inputs + 1) × units
        assert row in text


def test_a_printed_page_is_light_and_says_where_closed_parts_are(make_page):
    text = make_page("plain")[0].source
    paper = text[text.index("@media print") :]
    assert "--paper: #fff" in paper
    assert "details:not([open]) { display: none; }" in paper
    assert "figure, tr, .matrix" in paper
    closed = re.findall(r"</details>\s*<p class=\"quiet only-paper\">", text)
    assert len(closed) == text.count("<details") == 2


@pytest.mark.slow
def test_seconds_of_several_seeds_are_wall_clock_time(runs, tmp_path):
    shutil.copytree(runs / "seeds", tmp_path / "seeds")
    # Two networks trained together; the third was resumed alone up to the same epoch; then all three trained together.
    for seed, first in {"seed-0": 2.0, "seed-1": 2.0, "seed-2": 3.25}.items():
        path = tmp_path / "seeds" / seed / "history.jsonl"
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        lines = [line | {"seconds": seconds} for line, seconds in zip(lines, (first, 4.25), strict=True)]
        lines = [{name: value for name, value in line.items() if name != "checksum"} for line in lines]
        path.write_text("".join(seal(line) + "\n" for line in lines), "utf-8")
    alone = Page(report(tmp_path / "seeds").read_text("utf-8")).text
    assert "networks that train together share them, 9.5 for all" in alone
    assert [seconds in alone for seconds in ("6.2", "7.5")] == [True, True]
    assert run_row(read_run_summary(tmp_path / "seeds", "seeds", (), None))["seconds"] == "9.5"


@pytest.mark.parametrize("name", ["last.safetensors", "history.jsonl"])
def test_an_incomplete_run_in_a_comparison_is_named(name, runs, tmp_path):
    copy = shutil.copytree(runs / "small", tmp_path / "broken")
    (copy / name).unlink()
    with pytest.raises(RunError, match=rf"broken is incomplete: {re.escape(name)}"):
        report(runs / "large", copy)


def test_a_folder_that_is_not_a_run_is_refused(runs, tmp_path):
    with pytest.raises(RunError, match="does not exist"):
        report(tmp_path / "nothing")
    with pytest.raises(RunError, match=r"no config\.toml"):
        report(tmp_path)
    with pytest.raises(RunError, match="is a file"):
        report(runs / "small" / "best.safetensors")
    with pytest.raises(RunError, match="named twice"):
        report(runs / "small", runs / "small")
