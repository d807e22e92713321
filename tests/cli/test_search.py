"""`barenet search` as a person types it."""

from __future__ import annotations

import csv
import functools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from families import full, slow_except
from refusals import assert_refused
from waiting import PATIENCE, wait_until

FAST = ("--data.n-valid", "60", "--epochs", "1", "--workers", "0")
SMALL = ("--data.n-valid", "60", "--batch-size", "30", "--hidden", "6,5", "--epochs", "2", "--workers", "0")


@pytest.fixture
def search(barenet):
    return functools.partial(barenet, "search")


@pytest.mark.full
def test_plain_search_runs_the_course_projects_grid(barenet_process, barenet, data, tmp_path):
    done = barenet_process("search", "--data", data, *FAST, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["trials"] == figures["finished"] == 16
    folder = tmp_path / "studies" / "course-search-1"
    with (folder / "results.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {(row["hidden_size_1"], row["lr"]) for row in rows} == {
        (size, rate) for size in ("128", "256") for rate in ("0.05", "0.01")
    }
    pictures = {path.name for path in (folder / "figures").glob("*.png")}
    assert pictures == {"importance.png", "learning-curves.png", "parallel.png", "settings.png"}
    assert barenet("test", folder / "best", cwd=tmp_path).returncode == 0


def test_a_dry_run_shows_the_number_of_trials_and_the_time_and_writes_nothing(search, data, tmp_path):
    grid = ("--grid", "lr=0.1,0.01,0.001", "--grid", "activation=relu,gelu")
    shown = search("--data", data, *SMALL, *grid, "--halving", "--dry-run", "--json", cwd=tmp_path)
    figures = json.loads(shown.stdout)
    assert figures["trials"] == 6
    assert figures["rungs"] == [1, 2]
    assert 0 < figures["estimated_seconds"] < 60
    assert list(tmp_path.iterdir()) == []


STARTS = [
    ((), "recipe course: optimizer sgd, learning rate searched, schedule step, 10 epochs; engine: NumPy"),
    (("--grid", "l2=0,0.001"), "recipe course: optimizer sgd, learning rate 0.05, schedule step, 10 epochs; engine"),
    (
        ("--grid", "lr=0.1", "--recipe", "quick"),
        "recipe quick: optimizer adamw, learning rate searched, schedule cos",
    ),
    (
        ("--grid", "lr=0.1", "--recipe", "course"),
        "recipe course: optimizer sgd, learning rate searched, schedule step, 100",
    ),
    (("--grid", "epochs=2,3"), "recipe course: optimizer sgd, learning rate 0.05, schedule step, epochs searched"),
]


@pytest.mark.parametrize(
    ("arguments", "words"),
    slow_except(STARTS, STARTS[1]),
)
def test_a_search_says_what_it_starts_from(arguments, words, search, data, tmp_path):
    shown = search("--data", data, "--data.n-valid", "60", *arguments, "--dry-run", "--json", cwd=tmp_path)
    assert f"\n{words}" in shown.stderr  # after a note about the data
    assert set(json.loads(shown.stdout)) >= {"trials", "workers"}
    quiet = search("--data", data, *FAST, *arguments[:2], "--dry-run", "--quiet=true", cwd=tmp_path)
    assert "recipe" not in quiet.stderr


@pytest.mark.slow
def test_results_go_to_stdout_and_progress_to_stderr_in_any_width(search, data, tmp_path):
    shown = search("--data", data, *SMALL, "--grid", "hidden_sizes=6-5,7-4", cwd=tmp_path, COLUMNS="120")
    assert shown.returncode == 0, shown.stderr
    assert shown.stderr.count("| epoch 2 |") == 2
    quiet = search("--data", data, *SMALL, "--grid", "lr=0.1,0.01", "--quiet", cwd=tmp_path, COLUMNS="40")
    assert quiet.stderr == ""
    for done in (shown, quiet):
        assert "2 trials: 2 finished" in done.stdout
        assert " s of training in all trials " in " ".join(done.stdout.split())
        assert "best: trial" in done.stdout
        assert "…" not in done.stdout


@pytest.mark.slow
def test_a_space_file_is_searched_and_names_the_study(search, data, tmp_path):
    (tmp_path / "mine.toml").write_text(
        '[search]\nstrategy = "random"\ntrials = 3\n[space]\nlr = {low = 0.001, high = 0.1, log = true}\n', "utf-8"
    )
    done = search("mine.toml", "--data", data, *SMALL, "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["study"] == str(Path("studies") / "mine-search-1")
    again = search(Path("studies") / "mine-search-1" / "space.toml", "--data", data, *SMALL, "--json", cwd=tmp_path)
    first, second = json.loads(done.stdout), json.loads(again.stdout)
    assert first["best"] == second["best"]


@pytest.mark.slow
def test_a_file_of_points_is_ranked_by_their_names(search, data, tmp_path, drawn):
    settings = '[[points]]\nname = "plain"\n[[points]]\nname = "twice the rate"\nlr = 0.1\n[[points]]\nmomentum = 0.9\n'
    (tmp_path / "points.toml").write_text(settings, "utf-8")
    repeats = ("--repeats", "2", "--repeat-best", "3")
    done = search("points.toml", "--data", data, *SMALL, *repeats, cwd=tmp_path, COLUMNS="120")
    assert done.returncode == 0, done.stderr
    assert "3 trials (as listed), in this process; " in done.stderr
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["trial", "point", "valid", "loss", "valid", "acc", "epochs"]
    assert sorted(" ".join(row.split()[1:-3]) for row in rows[:3]) == ["momentum=0.9", "plain", "twice the rate"]
    assert " (twice the rate) with 2 other seeds: validation accuracy " in done.stdout
    study = tmp_path / "studies" / "points-search-1"
    assert {path.name for path in (study / "figures").iterdir()} == {"learning-curves.png", "points.png"}
    shown = search("points.toml", "--data", data, *SMALL, *repeats, "--dry-run", "--quiet", cwd=tmp_path)
    assert shown.stdout.startswith("3 trials (as listed) and 6 repeats: about 0:0")


WRONG = [
    (("--grid", "lr="), 2, "lr needs at least one value, got []"),
    (("--grid", "learning_rte=0.1"), 2, "unknown setting 'learning_rte'; did you mean 'learning_rate'?"),
    (("--grid", "hidden_size_3=8"), 2, "there is no hidden_size_3: the network has 2 hidden layers"),
    (("--range", "lr=0.1:0.01"), 2, "low must be less than high"),
    (("--range", "lr=0.01:0.1", "--strategy", "grid"), 2, "a grid takes single values of lr"),
    (("--grid", "lr=0.1,-1"), 2, "optimizer.learning_rate must be greater than 0, got -1 (at the point lr=-1)"),
    (("--grid", "lr=0.1", "--trials", "4"), 2, "a grid has as many trials as points"),
    (("--grid", "decay_rate=0.5", "--schedule.name", "cosine"), 2, "has no effect with the schedule 'cosine'"),
    (("--grid", "lr=0.1", "--limit", "0"), 2, "search.limit must be greater than 0"),
    (("--grid", "lr=0.1,0.2", "--limit", "1"), 2, "the grid has 2 points and 1 are allowed"),
    (("--resume", "nowhere"), 2, "nowhere is not a study's folder"),
    (("nothing.toml",), 2, "no settings file 'nothing.toml'"),
    (("--storage", "mysql://a:secret@127.0.0.1:9/x"), 3, "no database answers at 127.0.0.1:9"),
    (("--grid", "epochs=1,2", "--halving"), 2, "halving decides how many epochs a trial gets"),
]
# One case each: a value, a name, a point, a folder, a file, a database, and two flags that exclude each other.
QUICK = [WRONG[i] for i in (0, 5, 11)]


@pytest.mark.parametrize(("arguments", "code", "words"), slow_except(WRONG, *QUICK))
def test_wrong_input_is_one_line_on_stderr_and_writes_nothing(arguments, code, words, search, data, tmp_path):
    done = search("--data", data, *SMALL, *arguments, cwd=tmp_path)
    assert_refused(done, words, code)
    assert "secret" not in done.stderr
    assert list(tmp_path.glob("studies/*")) == []


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), full((signal.SIGTERM, 143))])
def test_an_interrupted_search_says_how_to_go_on_and_does(number, code, search, data, tmp_path):
    rates = ",".join(str(0.001 * i) for i in range(1, 17))
    options = ("--data.n-valid", "60", "--batch-size", "4", "--hidden", "6", "--epochs", "16", "--workers", "2")
    command = ["search", "--data", data, *options, "--grid", f"lr={rates}", "--name", "long", "--stack", "1"]
    with subprocess.Popen(
        [sys.executable, "-m", "barenet", *map(str, command)], cwd=tmp_path, stderr=subprocess.PIPE, encoding="utf-8"
    ) as process:
        studies = tmp_path / "studies"
        wait_until(lambda: list(studies.glob("long/trials/*/rung-0.json")), "the first trial")
        process.send_signal(number)
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == code
    go_on = f"barenet search --resume {Path('studies') / 'long'}"
    assert errors.strip().splitlines()[-1] == f"barenet: interrupted; go on with: {go_on}"
    done = search("--resume", Path("studies") / "long", "--workers", "0", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["finished"] == 16
