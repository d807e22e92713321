"""Reports to hand in: what they say about runs, studies and homework, in each form; and what they never overwrite."""

from __future__ import annotations

import html
import json
import re
import shutil

import numpy as np
import pytest
from families import slow_except
from told import listen

import barenet
from barenet.documents import words
from barenet.documents.document import write_report
from barenet.errors import ConfigError, MachineError, RunError

SECTIONS = [
    *("1 Data", "2 Network", "3 Training settings", "4 Learning curves", "5 Test results"),
    *("6 Weights before and after training", "7 Hyper-parameter search", "8 How to repeat this"),
]


def text_of(page: str) -> str:
    page = re.sub(r"<style>.*?</style>|data:image/png;base64,[^\"]*", "", page, flags=re.DOTALL)
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))


def headings_of(page: str) -> list[str]:
    return [text_of(found).strip() for found in re.findall(r"<h2>(.*?)</h2>", page)]


def table_of(page: str, caption: str) -> list[list[str]]:
    """Return the cells of the table with this caption."""
    [table] = [part for part in page.split('<figure class="table')[1:] if caption in part]
    rows = re.findall(r"<tr.*?</tr>", table.partition("</table>")[0], re.DOTALL)
    return [[text_of(cell).strip() for cell in re.findall(r"<t[hd].*?</t[hd]>", row)] for row in rows]


@pytest.mark.slow
def test_a_report_about_a_run_and_a_study_has_all_sections(run_page):
    page, _ = run_page
    assert headings_of(page) == SECTIONS
    assert "<script" not in page
    assert not re.findall(r'(?:src|href)="(?!data:)', page)


@pytest.mark.slow
def test_figures_and_tables_are_numbered_in_order(run_page):
    leads = re.findall(r'<b class="lead">(\w+) (\d+)</b>', run_page[0])
    for kind in ("Table", "Figure"):
        numbers = [int(number) for found, number in leads if found == kind]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) > 6


@pytest.mark.slow
def test_the_results_are_those_of_the_run(run_page):
    page, folder = run_page
    result = json.loads((folder / "test.json").read_text("utf-8"))
    assert f"{100 * result['test_accuracy']:.2f} % are classified correctly" in text_of(page)
    cells = table_of(page, "The confusion matrix in numbers")
    assert [[int(n) for n in row[1:]] for row in cells[1:]] == result["confusion_matrix"]
    rows = table_of(page, "F1 score of each class")
    means = [np.mean([row[name] for row in result["per_class"]]) for name in ("precision", "recall", "f1")]
    assert rows[-1] == ["Mean of the classes", "120", *(f"{mean:.3f}" for mean in means)]


@pytest.mark.slow
def test_the_layers_are_counted(run_page):
    rows = table_of(run_page[0], "The layers of the network")
    assert [row[1:3] for row in rows[1:4]] == [["64", "12"], ["12", "7"], ["7", "4"]]
    assert rows[-1] == ["Total", "", "", "", str(64 * 12 + 12 * 7 + 7 * 4), "23", str(64 * 12 + 12 * 7 + 7 * 4 + 23)]


@pytest.mark.slow
def test_the_ranking_is_that_of_the_study(run_page, study):
    rows = table_of(run_page[0], "The combinations, best first")
    best = json.loads((study / "results.json").read_text("utf-8"))["best"]
    assert len(rows) == 5
    assert rows[1][1] == str(best["settings"]["lr"])
    assert rows[1][-1] == f"{100 * best['validation_accuracy']:.2f} %"
    assert "How sure this is: the first two differ by" in text_of(run_page[0])


@pytest.mark.slow
def test_a_study_alone_stands_for_its_retrained_run_too(study, dataset, tmp_path):
    [path] = write_report(study, to="html", dataset=dataset, output=tmp_path / "a.html")
    page = path.read_text("utf-8")
    assert headings_of(page) == SECTIONS
    accuracy = json.loads((study / "retrained" / "test.json").read_text("utf-8"))["test_accuracy"]
    assert f"{100 * accuracy:.2f} % are classified correctly" in text_of(page)


@pytest.mark.slow
def test_homework_is_tested_with_the_activation_that_is_named(homework, data_folder, arrays, tmp_path):
    options = {"to": "html", "dataset": str(data_folder), "activation": "tanh", "output": tmp_path / "a.html"}
    page = write_report(homework, **options)[0].read_text("utf-8")
    stored = np.load(homework / "weights.npz")
    hidden = np.tanh(arrays["x_test"].reshape(-1, 64) / 255 @ stored["W1"] + stored["b1"])
    right = np.mean(np.argmax(hidden @ stored["W2"] + stored["b2"], axis=1) == arrays["y_test"])
    assert f"{100 * right:.2f} % are classified correctly" in text_of(page)
    assert headings_of(page) == SECTIONS
    assert table_of(page, "Loss and accuracy of the epochs")[2] == ["2", "1.0000", "70.00 %", "1.1000", "64.00 %"]
    assert table_of(page, "The combinations, best first")[1] == ["1", "0.1", "0.0", "0.6000", "80.00 %"]


@pytest.mark.slow
def test_files_of_one_homework_that_follow_one_another_belong_together(homework, data_folder, tmp_path):
    files = [homework / name for name in ("weights.npz", "history.csv")]
    path = write_report(*files, to="html", dataset=str(data_folder), output=tmp_path / "a.html")[0]
    page = text_of(path.read_text("utf-8"))
    assert "relu is assumed" in page
    assert "only the trained weights are shown" in page
    assert "name a study too" in page
    assert "Comparison" not in page


@pytest.mark.slow
def test_a_run_beside_homework_is_compared_with_it(make_run, homework, data_folder, tmp_path):
    folder, _ = make_run("plain")
    options = {"dataset": str(data_folder), "activation": "relu", "output": tmp_path / "a.html"}
    page = write_report(folder, homework / "weights.npz", to="html", **options)[0].read_text("utf-8")
    rows = table_of(page, "The networks and their results")
    assert [row[:2] for row in rows[1:]] == [["run", "64-12-7-4"], ["weights", "64-12-4"]]
    assert "have different data" in text_of(page)  # the run was trained on other images


def test_parts_without_input_say_what_makes_them(make_run, homework, tmp_path):
    folder, dataset = make_run("untested")
    page = text_of(write_report(folder, to="html", dataset=dataset, output=tmp_path / "a.html")[0].read_text("utf-8"))
    assert "There are no test results: these data have no test images." in page
    page = write_report(homework / "history.csv", to="html", output=tmp_path / "b.html")[0].read_text("utf-8")
    assert "save W1, b1, W2, b2, ... by np.savez" in text_of(page)


KINDS = ("47 classes", "colour", "no pictures", "no hidden layer", "validated now and then", "diverged", "one epoch")


@pytest.mark.parametrize("kind", slow_except(KINDS, "no pictures", "diverged"))
def test_every_kind_of_run_has_a_report(kind, make_run, tmp_path):
    folder, dataset = make_run(kind)
    [path] = write_report(folder, to="html", dataset=dataset, output=tmp_path / "a.html")
    page = text_of(path.read_text("utf-8"))
    assert ("Training diverged in epoch" in page) == (kind == "diverged")
    assert ("Images of the training set" in page) == (kind not in ("no pictures", "47 classes"))


@pytest.mark.slow
@pytest.mark.parametrize(("to", "report"), [("md", "report.md"), ("latex", "report.tex")])
def test_a_folder_has_each_figure_that_its_report_shows_and_the_same_bytes_again(to, report, make_run, study, tmp_path):
    folder, dataset = make_run("plain")
    target = tmp_path / "out"
    files = write_report(folder, study, to=to, dataset=dataset, output=target)
    text = (target / report).read_text("utf-8")
    shown = set(re.findall(r"figures/([\w-]+\.png)", text))
    assert shown == {path.name for path in (target / "figures").iterdir()} == {path.name for path in files[1:]}
    assert len(shown) > 8
    before = {path: path.read_bytes() for path in files}
    write_report(folder, study, to=to, dataset=dataset, output=target)
    assert {path: path.read_bytes() for path in files} == before
    write_report(folder, to=to, dataset=dataset, output=target)
    left = set(re.findall(r"figures/([\w-]+\.png)", (target / report).read_text("utf-8")))
    assert left == {path.name for path in (target / "figures").iterdir()} < shown


def test_every_text_of_a_report_passes_through_its_language(make_run, study, tmp_path, monkeypatch):
    folder, dataset = make_run("plain")
    monkeypatch.setattr(words, "heading", lambda text, language: f"«{text}»")
    [path] = write_report(folder, study, to="html", language="zh", dataset=dataset, output=tmp_path / "a.html")
    page = path.read_text("utf-8")
    assert '<html lang="zh-CN">' in page
    body = re.sub(r"<style>.*?</style>|<code>.*?</code>|<td[^>]*>.*?</td>|alt=\"[^\"]*\"", "", page, flags=re.DOTALL)
    outside = re.sub("«.*?»", "", text_of(body))
    # Names stay as they are: of settings, of columns of numbers, of the file's own digits.
    assert set(re.findall("[A-Za-z]{3,}", outside)) <= {"batch", "size", "SHA", "Written", "barenet", "report"}


def test_an_author_is_one_line(make_run, tmp_path):
    folder, dataset = make_run("plain")
    report, *_ = write_report(folder, to="md", dataset=dataset, output=tmp_path / "out", author="Ann\n\n```\nBen")
    assert '--author "Ann ``` Ben"' in report.read_text("utf-8")


def test_python_and_the_command_line_have_the_same_function(make_run, tmp_path):
    folder, dataset = make_run("plain")
    assert barenet.report(folder, to="html", dataset=dataset, output=tmp_path / "a.html") == tmp_path / "a.html"
    with pytest.raises(ConfigError, match="belong to a document"):
        barenet.report(folder, author="A student")


# What must not be lost


@pytest.mark.slow
def test_only_an_unchanged_report_is_replaced(make_run, tmp_path):
    folder, dataset = make_run("plain")
    options = {"to": "md", "dataset": dataset, "output": tmp_path / "out"}
    [report, *_] = write_report(folder, **options)
    (tmp_path / "out" / "mine.txt").write_text("mine", "utf-8")
    write_report(folder, **options)
    assert (tmp_path / "out" / "mine.txt").read_text("utf-8") == "mine"
    for change in (lambda text: text + "more\n", lambda text: text.replace("Data", "Images")):
        text = report.read_text("utf-8")
        report.write_text(change(text), "utf-8")
        with pytest.raises(ConfigError, match="was changed after barenet wrote it"):
            write_report(folder, **options)
        report.write_text(text, "utf-8")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("mine", "utf-8")
    with pytest.raises(ConfigError, match="holds other files"):
        write_report(folder, to="latex", dataset=dataset, output=tmp_path / "other")
    (tmp_path / "a.html").write_text("<p>mine", "utf-8")
    with pytest.raises(ConfigError, match="was not written by this command"):
        write_report(folder, to="html", dataset=dataset, output=tmp_path / "a.html")
    assert (tmp_path / "a.html").read_text("utf-8") == "<p>mine"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"to": "word"}, ConfigError, "unknown format 'word'; known: html, md, latex, pdf"),
        ({"to": "pdf", "language": "fr"}, ConfigError, "'fr', which is no language of barenet: use en or zh"),
        ({"to": "pdf", "output": "a.txt"}, ConfigError, "this file is a PDF"),
        ({"to": "md", "output": "a.txt"}, ConfigError, "go to a folder"),
        ({"to": "html", "activation": "relu"}, ConfigError, "none were given"),
    ],
)
def test_wrong_options_are_refused(options, error, message, make_run):
    folder, dataset = make_run("plain")
    with pytest.raises(error, match=message):
        write_report(folder, dataset=dataset, **options)


def test_a_run_that_is_named_twice_is_refused(make_run):
    folder, dataset = make_run("plain")
    with pytest.raises(RunError, match="named twice"):
        write_report(folder, folder, to="html", dataset=dataset)


def test_without_a_browser_no_file_is_written(make_run, tmp_path, monkeypatch):
    folder, dataset = make_run("plain")
    target = tmp_path / "a.pdf"
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "nowhere"))
    with pytest.raises(MachineError, match="which is no program"):
        write_report(folder, to="pdf", dataset=dataset, output=target)
    program = tmp_path / "broken"
    program.write_text("#!/bin/sh\necho out of memory\nexit 7\n", "utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("CHROMIUM", str(program))
    if shutil.which(str(program)):  # not on Windows
        with pytest.raises(MachineError, match=r"wrote no PDF \(exit code 7: out of memory\)"):
            write_report(folder, to="pdf", dataset=dataset, output=target)
    assert [path.name for path in tmp_path.iterdir()] == ["broken"]


@pytest.mark.slow
def test_chromium_prints_a_report(make_run, tmp_path):
    from barenet.documents.writers.browser import find_browser

    try:
        find_browser()
    except MachineError:
        pytest.skip("no Chromium here")
    folder, dataset = make_run("plain")
    target = tmp_path / "a.pdf"
    for _ in range(2):  # the second one replaces the first
        assert write_report(folder, to="pdf", dataset=dataset, output=target) == [target]
    assert target.read_bytes().startswith(b"%PDF")
    assert [path.name for path in tmp_path.iterdir()] == ["a.pdf"]


def test_missing_chinese_fonts_are_noted(make_run, tmp_path, monkeypatch):
    from barenet.documents.writers import fonts

    monkeypatch.setattr(fonts, "has_letters", lambda language: False)
    notes = listen()
    fonts.note_missing_fonts("en", "pdf")
    fonts.note_missing_fonts("zh", "latex")
    assert len(notes) == 1
    assert "the figures have English labels; install " in notes[0]
