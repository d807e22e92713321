"""Flags and keywords of earlier versions still work, are in no help, and must not contradict today's."""

from __future__ import annotations

import inspect as inspecting

import pytest
from refusals import assert_refused
from told import listen

import barenet as library
from barenet.cli.application import app
from barenet.cli.old_words import NEW_WORDS, in_new_words
from barenet.errors import ConfigError


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """A folder runs/ with one run in it, and pictures/ without any, in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "one").mkdir(parents=True)
    (tmp_path / "runs" / "one" / "config.toml").touch()
    (tmp_path / "pictures").mkdir()
    return tmp_path / "runs"


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("playground one --file a.html --open", "playground one --output a.html --open"),
        ("playground --file=a.html", "playground --output=a.html"),
        ("report one two --page a.html", "report one two --output a.html"),
        ("inspect one --figures pictures", "inspect one --output pictures"),
        ("inspect one --output pictures", "inspect one --output pictures"),
        ("inspect --output runs --figures pictures", "inspect --runs runs --output pictures"),
        ("report --output=runs", "report --runs=runs"),
        ("playground --output runs --file a.html", "playground --runs runs --output a.html"),
        ("test --output elsewhere", "test --runs elsewhere"),
        ("predict a.png --output elsewhere", "predict a.png --runs elsewhere"),
        ("report --page a.html --output a.html", "report --output a.html --output a.html"),
        ("train --output runs", "train --output runs"),
        ("export --output runs", "export --output runs"),
        ("report --page", "report --output"),
        ("", ""),
    ],
)
def test_old_flags_are_read_as_todays_flags(typed, meant):
    notes = listen()
    assert in_new_words(typed.split()) == meant.split()
    assert len(notes) == ("--runs" in meant)


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("report --page a.html --output b.html", "--output and --page mean the same, and got b.html and a.html"),
        ("playground --output=b.html --file=a.html", "--output and --file mean the same, and got b.html and a.html"),
        ("test --output a --runs b", "--runs and --output mean the same, and got b and a: give --runs alone"),
    ],
)
def test_an_old_and_a_new_flag_that_differ_are_an_error(typed, words, barenet, tmp_path):
    assert_refused(barenet(*typed.split(), "--quiet", cwd=tmp_path), words)


@pytest.mark.parametrize("command", NEW_WORDS)
def test_old_flags_are_in_no_help(command, barenet, tmp_path):
    shown = barenet(command, "--help", cwd=tmp_path).stdout
    assert not [flag for flag in NEW_WORDS[command] if flag in shown.split()]
    assert "--runs" in shown
    assert "--output" in shown


def test_output_is_what_a_command_writes_and_runs_is_the_folder_that_it_reads():
    flags = {
        name: {
            word for argument in app[name].assemble_argument_collection(parse_docstring=True) for word in argument.names
        }
        for name in ("train", "search", "export", "playground", "report", "inspect", "test", "predict")
    }
    writes, looks = ({name for name, words in flags.items() if flag in words} for flag in ("--output", "--runs"))
    assert writes == {"train", "search", "export", "playground", "report", "inspect"}
    assert looks == {"test", "predict", "export", "playground", "report", "inspect"}


@pytest.mark.parametrize("function", [library.report, library.playground])
def test_python_takes_page_as_output_and_shows_output_alone(function):
    assert "output" in inspecting.signature(function).parameters
    assert "page" not in inspecting.signature(function).parameters
    with pytest.raises(ConfigError, match=r"^a\.png: this file is an HTML page"):
        function("nowhere", page="a.png")
    with pytest.raises(ConfigError, match=r"output and page mean the same, and got b\.html and a\.html: give output"):
        function("nowhere", page="a.html", output="b.html")


def test_runs_are_looked_for_in_the_folder_that_is_given(barenet, runs):
    (runs.parent / "elsewhere").mkdir()
    runs.rename(runs.parent / "elsewhere" / "kept")
    for model in (("one",), ()):
        done = barenet("test", *model, "--runs", "elsewhere/kept", cwd=runs.parent)
        assert done.returncode == 2
        assert "one has no best.safetensors yet" in done.stderr
        assert "elsewhere" in done.stderr
