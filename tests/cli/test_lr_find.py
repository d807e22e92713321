"""`barenet lr-find` as a person types it."""

from __future__ import annotations

import functools
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from families import slow_except
from refusals import assert_refused
from waiting import PATIENCE

from barenet.api import learning_rates
from barenet.cli.commands.tuning.lr_find import training_command

SMALL = ("--data.n-valid", "60", "--batch-size", "30", "--hidden", "16")
SGD = (*SMALL, "--optimizer", "sgd", "--from", "0.0001", "--to", "100")


@pytest.fixture(autouse=True)
def _without_pictures(monkeypatch):
    """Draw no pictures, which take longer than the tests; tests/plots draws them."""
    monkeypatch.setattr(learning_rates, "range_test_plot", lambda result: b"a picture")


@pytest.fixture
def find(barenet):
    return functools.partial(barenet, "lr-find")


def test_it_shows_the_suggestion_and_the_command_that_trains_with_it(find, barenet, data, tmp_path):
    shown = find("--data", data, *SGD, "--no-mirror", cwd=tmp_path, COLUMNS="40")
    assert shown.returncode == 0, shown.stderr
    first, schedule, falls, command, files = shown.stdout.splitlines()  # for any width of the window
    rate = re.match(r"suggestion: --lr ([\d.]+), a third of about [\d.]+, where the smoothed loss is smallest$", first)[
        1
    ]
    assert "as cosine does after its warm-up; for a constant rate try a tenth, --lr " in schedule
    assert re.match(
        r"the smoothed loss falls from [\d.]+ to about [\d.]+, fastest at [\d.]+; it has risen again by half of that",
        falls,
    )
    assert files == "picture: lr-find.png; every step: lr-find.csv"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lr-find.csv", "lr-find.png"]
    assert "300 learning rates from 0.0001 to 100, recipe quick: optimizer sgd; engine: NumPy" in shown.stderr
    program, *words = shlex.split(command.removeprefix("train with it: "))
    assert program == "barenet"
    assert words[-2:] == ["--lr", rate]
    assert "--no-mirror" in words
    trained = barenet(*words, "--epochs", "1", "--json", cwd=tmp_path)
    assert trained.returncode == 0, trained.stderr


def test_json_has_the_figures_and_the_command(find, data, tmp_path):
    shown = find("--data", data, *SGD, "--json", "--output", "pictures", "--n-seeds", "2", cwd=tmp_path)
    figures = json.loads(shown.stdout)
    assert figures["suggestion"] < figures["smallest_at"] < figures["half_lost_at"]
    assert figures["picture"] == str(Path("pictures", "lr-find.png"))
    assert (tmp_path / figures["table"]).read_text("utf-8").count("\n") == figures["steps"] + 1
    assert figures["command"].endswith(f" --n-seeds 2 --lr {figures['suggestion']:g}")
    assert ", 2 networks; engine: " in shown.stderr


@pytest.mark.slow
def test_quiet_prints_only_results_and_without_a_suggestion_no_command(find, data, tmp_path):
    shown = find("--data", data, *SMALL, "--from", "1e-9", "--to", "1e-8", "--quiet", cwd=tmp_path)
    assert shown.returncode == 0
    assert shown.stderr == ""
    why, files = shown.stdout.splitlines()
    assert why == (
        "no suggestion: between 1e-09 and 1e-08 the loss did not fall; try --from 1e-11 --to 1e-06 --steps 600"
    )
    assert files.startswith("picture: ")


@pytest.mark.slow
def test_data_and_settings_files_are_taken_as_train_takes_them(find, data, tmp_path):
    (tmp_path / "my settings.toml").write_text(
        '[data]\nn_valid = 60\n[optimizer]\nname = "sgd"\nlearning_rate = 7\n[schedule]\nname = "constant"\n', "utf-8"
    )
    words = ("--data", data, "--batch-size", "30", "--from", "0.0001", "--to", "100", "--json")
    shown = find("my settings.toml", *words, cwd=tmp_path)
    figures = json.loads(shown.stdout)
    assert figures["command"].startswith('barenet train "my settings.toml" --data ')
    assert " a tenth of " in figures["words"][0]
    assert "is taken as the data" in find(data, *SMALL, "--steps", "60", cwd=tmp_path).stderr


def test_a_schedule_that_ends_above_the_suggestion_ends_lower_in_the_command(tmp_path):
    settings = tmp_path / "my.toml"
    settings.write_text("[schedule]\nminimum = 0.001\n", "utf-8")
    assert training_command(settings, None, {}, 0.01).endswith("my.toml --lr 0.01")
    assert training_command(settings, None, {}, 0.0005).endswith("my.toml --lr 0.0005 --schedule.minimum 0")


def test_the_command_has_each_setting_as_a_person_types_it():
    given = {"model.hidden_sizes": "64,32", "data.mirror": False, "data.skip_broken": True, "data.path": "my data"}
    command = training_command(None, "course", given, 0.0123)
    assert (
        command == 'barenet train --recipe course --hidden 64,32 --no-mirror --skip-broken --data "my data" --lr 0.0123'
    )


@pytest.mark.slow
def test_help_has_the_settings_of_training_except_the_rate_and_its_schedule(barenet, tmp_path):
    shown = {name: barenet(name, "--help", cwd=tmp_path).stdout for name in ("lr-find", "train")}
    for flag in ("--lr", "--schedule", "--decay-rate"):
        assert re.search(rf"{flag}\b", shown["train"])
        assert not re.search(rf"{flag}\b", shown["lr-find"])
    assert "--momentum" in shown["lr-find"]


WRONG = [
    (("--from", "0.1", "--to", "0.01"), "the lowest learning rate must be below the highest, got 0.1 and 0.01"),
    (("--from", "-1"), "the lowest learning rate must be a positive number, got -1.0"),
    (("--to", "nan"), "the highest learning rate must be a positive number, got nan"),
    (("--steps", "10"), "steps must be a whole number from 60 to 100,000, one for each learning rate, got 10"),
    (("--lr", "0.1"), "optimizer.learning_rate = 0.1: a range test sets the rate of each step itself; leave it out"),
    (("--schedule", "cosine"), "schedule.name = cosine: a range test sets the rate of each step itself"),
    (("--output", "rates.png"), "rates.png ends like a file, and the picture and the table go to a folder; use rates"),
    (("--optimizer", "sdg"), "unknown optimizer 'sdg'; did you mean 'sgd'?"),
    (("nothing.toml",), "no settings file 'nothing.toml'"),
]


@pytest.mark.parametrize(("arguments", "words"), slow_except(WRONG, WRONG[0], WRONG[4]))
def test_wrong_input_is_one_line_on_stderr_and_writes_nothing(arguments, words, find, data, tmp_path):
    assert_refused(find("--data", data, *SMALL, *arguments, cwd=tmp_path), words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.slow
def test_an_interrupted_test_ends_in_one_line_and_writes_nothing(data, tmp_path):
    long = ("--data.n-valid", "60", "--hidden", "1000,1000", "--steps", "100000", "--to", "1e-5")
    with subprocess.Popen(
        [sys.executable, "-m", "barenet", *map(str, ("lr-find", "--data", data, *long))],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stderr is not None
        assert any("learning rates from" in line for line in iter(process.stderr.readline, ""))
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert errors.splitlines() == ["barenet: interrupted"]
    assert list(tmp_path.iterdir()) == []
