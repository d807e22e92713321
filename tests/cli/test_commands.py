"""The commands as a person types them: what they print on stdout and stderr, and their exit codes."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from importlib.metadata import version
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from families import full_except, slow_except
from refusals import assert_refused
from rich.console import Console
from waiting import PATIENCE, wait_until

from barenet.cli.application import OTHER_WORDS, app, load_command, module_of
from barenet.cli.help_texts import COMMANDS, unwrap
from barenet.engine import making
from barenet.run_folders.scores import make_scores
from barenet.terminal.results import show_classes

ALONE = [name for name in COMMANDS if name != "course"]  # its commands are in test_course_command.py
SMALL = ("--data.n-valid", "60", "--batch-size", "30", "--hidden", "6", "--epochs", "2")


@pytest.mark.slow
def test_train_and_test_give_the_same_figures(barenet_process, barenet, data, tmp_path):
    trained = barenet_process("train", "--data", data, *SMALL, "--json", cwd=tmp_path)
    assert trained.returncode == 0, trained.stderr
    figures = json.loads(trained.stdout)
    wanted = "run best_epoch validation_accuracy validation_loss test_accuracy test_loss training_seconds parameters"
    assert set(wanted.split()) <= set(figures)
    assert figures["parameters"] == 64 * 6 + 6 + 6 * 4 + 4
    tested = json.loads(barenet("test", "--json", cwd=tmp_path).stdout)
    assert tested["test_accuracy"] == figures["test_accuracy"]
    assert tested["test_loss"] == figures["test_loss"]
    assert np.sum(tested["confusion_matrix"]) == 120
    assert [row["class"] for row in tested["per_class"]] == ["0", "1", "2", "3"]
    text = barenet("test", cwd=tmp_path)
    assert f"test accuracy {figures['test_accuracy']:.4f}" in text.stdout


def test_train_says_first_what_it_trains(barenet, data, tmp_path):
    small = ("--data", data, *SMALL)
    shown = barenet("train", *small, "--json", "--trainer.threads", "1", cwd=tmp_path)
    line = "recipe quick: optimizer adamw, learning rate 0.005, schedule cosine, 2 epochs; engine: NumPy, 1 thread"
    assert line in shown.stderr.splitlines()[:2]  # a note about the data may come before it
    assert "optimizer" not in shown.stdout
    assert barenet("train", *small, "--quiet", cwd=tmp_path).stderr == ""
    (tmp_path / "my.toml").write_text('[optimizer]\nname = "sgd"\nlearning_rate = 0.5\n', "utf-8")
    shown = barenet("train", "my.toml", *small[:-2], "--recipe", "course", "--epochs", "1", cwd=tmp_path)
    line = "recipe course with my.toml: optimizer sgd, learning rate 0.5, schedule step, 1 epoch; engine: NumPy, "
    assert f"\n{line}" in shown.stderr
    resumed = barenet("train", "--resume", Path("runs", "quick-1"), cwd=tmp_path)
    assert f"settings of {Path('runs', 'quick-1')}: optimizer adamw" in resumed.stderr


@pytest.mark.parametrize("command", [name for name in ALONE if name != "gradcheck"])
def test_help_names_the_default_of_each_flag(command):
    for argument in app[command].assemble_argument_collection(parse_docstring=True):
        words = f"{argument.parameter.help}"
        has_default = argument.field_info.default not in (None, argument.field_info.empty)
        tells = ("[", "without", "Without", "by default", "on for", "guessed")
        is_word = argument.field_info.kind is argument.field_info.VAR_POSITIONAL or not argument.names[0].startswith(
            "-"
        )
        assert has_default or is_word or any(word in words for word in tells), (argument.names, words)


@pytest.mark.slow
def test_help_of_search_names_the_defaults_of_a_search(barenet, tmp_path):
    shown = {name: " ".join(barenet(name, "--help", cwd=tmp_path).stdout.split()) for name in ("train", "search")}
    for name, epochs, rate in (("train", 16, 0.005), ("search", 10, 0.05)):
        assert f"Passes over the training images. [{epochs}]" in shown[name]
        assert f"The highest rate of the schedule. [{rate}]" in shown[name]


def test_several_seeds_give_means_and_an_ensemble(barenet, data, tmp_path):
    done = barenet("train", "--data", data, *SMALL, "--n-seeds", "3", "--json", cwd=tmp_path)
    figures = json.loads(done.stdout)
    runs = [run["test_accuracy"] for run in figures["runs"]]
    assert figures["test_accuracy"] == pytest.approx(sum(runs) / 3)
    assert 0 <= figures["ensemble_test_accuracy"] <= 1
    assert sorted(p.name for p in (tmp_path / "runs" / "quick-1").glob("seed-*")) == ["seed-0", "seed-1", "seed-2"]


def test_a_dry_run_prints_settings_that_train_accepts(barenet, data, tmp_path):
    shown = barenet("train", "--data", data, *SMALL, "--dry-run", cwd=tmp_path)
    assert not (tmp_path / "runs").exists()
    (tmp_path / "mine.toml").write_text(shown.stdout, "utf-8")
    trained = json.loads(barenet("train", "mine.toml", "--json", cwd=tmp_path).stdout)
    assert Path(trained["run"]).name == "mine-1"
    direct = json.loads(barenet("train", "--data", data, *SMALL, "--json", cwd=tmp_path).stdout)
    assert trained["test_loss"] == direct["test_loss"]


def test_an_engine_that_cannot_be_used_is_refused_with_what_to_install(barenet, data, tmp_path, monkeypatch):
    monkeypatch.setattr(making, "why_not", lambda: 'Numba is not installed: pip install "barenet[fast]"')
    for more in ((), ("--dry-run",)):
        refused = barenet("train", "--data", data, *SMALL, "--trainer.engine", "compiled", *more, cwd=tmp_path)
        words = 'trainer.engine is compiled, but Numba is not installed: pip install "barenet[fast]"; or choose numpy'
        assert_refused(refused, words)
        assert not (tmp_path / "runs").exists()


def test_gradcheck_passes_for_given_settings(barenet, data, tmp_path):
    done = barenet("gradcheck", "--data", data, *SMALL, "--activation", "gelu", "--json", cwd=tmp_path)
    report = json.loads(done.stdout)
    assert done.returncode == 0
    assert report["passed"]
    assert 0 < report["relative_error"] <= 1e-6


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("train", "stray", "words"), 2, "unexpected words on the command line: words"),
        (("train", "--beta1", "0.9"), 2, "did you mean --optimizer.beta1?"),
        (("train", "--activation", "rulu"), 2, "unknown activation 'rulu'; did you mean 'relu'?"),
        (("train", "--lr", "nan"), 2, "optimizer.learning_rate must be"),
        (("train", "--data", "nowhere"), 2, "nowhere"),
        (("train", "--resume", "nowhere"), 2, "nowhere does not exist: there are none in runs and studies"),
        (("train", "--hidden", "64", "32"), 2, "unexpected value 32: several values of a flag have commas"),
        (("search", "--grid", "lr=0.1", "0.2"), 2, "unexpected value 0.2: several values of a flag have commas"),
        (("search", "--lr", "0.05,0.01"), 2, "to try several: --grid lr=0.05,0.01"),
        (("search", "--decay-rate", "0.9, 0.8"), 2, "to try several: --grid decay-rate=0.9,0.8"),
        (("train", "--hidden", "100000000"), 3, "GB of memory"),
        (("test", "nothing.safetensors"), 2, "no model file"),
        (("test",), 2, "no run in runs"),
    ],
)
def test_wrong_input_is_one_line_on_stderr(arguments, code, words, barenet, tmp_path):
    assert_refused(barenet(*arguments, cwd=tmp_path), words, code)
    assert list(tmp_path.iterdir()) == []


def test_training_that_diverges_exits_with_4(barenet, data, tmp_path):
    wild = ("--optimizer.name", "sgd", "--lr", "1e30")
    done = barenet("train", "--data", data, *SMALL, *wild, "--quiet", cwd=tmp_path)
    assert done.returncode == 4
    assert "diverged in epoch 1, step" in done.stderr
    assert "at learning rate" in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("number", "code"), slow_except([(signal.SIGINT, 130), (signal.SIGTERM, 143)], (signal.SIGINT, 130))
)
def test_an_interrupted_run_says_how_to_go_on(number, code, data, tmp_path):
    endless = ("--data.n-valid", "60", "--batch-size", "30", "--hidden", "6", "--epochs", "100000")
    command = [sys.executable, "-m", "barenet", "train", "--data", str(data), *endless, "--name", "long"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, encoding="utf-8") as process:
        wait_until((tmp_path / "runs" / "long" / "history.jsonl").exists, "the first epoch")
        process.send_signal(number)
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == code
    last = errors.strip().splitlines()[-1]
    assert last.startswith("barenet: interrupted after epoch ")
    assert last.endswith(f"go on with: barenet train --resume {Path('runs') / 'long'}")


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="a shell of POSIX")
def test_a_closed_or_full_output_is_not_reported_as_a_bug(data, tmp_path):
    program = f'"{sys.executable}" -m barenet'
    assert subprocess.run(f"{program} --help >&-", shell=True, check=False, cwd=tmp_path).returncode == 0
    if Path("/dev/full").exists():
        full = subprocess.run(
            f"{program} train --data {data} --dry-run >/dev/full",
            shell=True,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert full.returncode == 3
        assert "bug" not in full.stderr


@pytest.mark.parametrize("columns", ["40", "60", "80", "120"])
def test_no_width_hides_a_figure(columns):
    labels = np.repeat(np.arange(10), 1000)
    scores = make_scores(np.eye(10)[labels], 0.0, labels, ["T-shirt/top"] * 10, 1)
    console = Console(file=StringIO(), width=int(columns), highlight=False, emoji=False)
    show_classes(console, scores, ["T-shirt/top"] * 10)
    shown = console.file.getvalue()
    assert "…" not in shown
    assert shown.count("1.000") == 20
    assert shown.count("1000") == (10 if int(columns) >= 64 else 0)


@pytest.mark.parametrize("command", slow_except(ALONE, "train", "test", "inspect"))
def test_every_command_has_help_with_examples_first(command, barenet, tmp_path):
    shown = barenet(command, "--help", cwd=tmp_path, COLUMNS="60").stdout
    assert shown.index(f"barenet {command}") < shown.index("For example:") < shown.index("--json")


@pytest.mark.slow
@pytest.mark.parametrize("command", full_except(COMMANDS, "search"))
def test_every_command_loads_in_a_separate_process(command, barenet_process, tmp_path):
    done = barenet_process(command, "--help", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"barenet {command}" in done.stdout


@pytest.mark.parametrize(("word", "command"), OTHER_WORDS.items())
def test_other_words_for_a_command_get_a_hint(word, command, barenet, tmp_path):
    if word == "lrfind" and int(version("cyclopts").partition(".")[0]) < 5:
        pytest.skip("cyclopts 4 takes it for lr-find")
    done = barenet(word, cwd=tmp_path)
    assert command in COMMANDS
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"barenet: error: there is no command {word!r}; did you mean {command!r}?\n"


@pytest.mark.slow
def test_threads_are_checked_and_shown(barenet, data, tmp_path, monkeypatch):
    train = ("train", "--data", data, "--data.n-valid", "60", "--batch-size", "30", "--hidden", "6", "--epochs", "1")
    refused = barenet(*train, "--trainer.threads", "0", cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "trainer.threads must be greater than 0, got '0'" in refused.stderr
    for module in ("barenet.training.preparation", "barenet.training.evaluation", "barenet.training.trainer"):
        monkeypatch.setattr(f"{module}.available_cores", lambda: 3)
    assert "engine: NumPy, up to 3 threads\n" in barenet(*train, cwd=tmp_path).stderr
    assert "engine: NumPy, up to 2 threads\n" in barenet(*train, "--trainer.threads", "2", cwd=tmp_path).stderr
    assert "engine: NumPy, 1 thread\n" in barenet(*train, "--trainer.threads", "1", cwd=tmp_path).stderr
    many = barenet(*train, "--trainer.threads", "9", cwd=tmp_path).stderr
    assert "note: trainer.threads is 9, but 3 cores may be used here; using all" in many
    assert "engine: NumPy, up to 3 threads\n" in many


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system does not pin processes")
def test_the_doctor_says_how_many_threads_are_used_and_why(barenet, tmp_path):
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        shown = barenet("doctor", "--seconds", "0.1", cwd=tmp_path, COLUMNS="120").stdout
        found = json.loads(barenet("doctor", "--seconds", "0.1", "--json", cwd=tmp_path).stdout)
    finally:
        os.sched_setaffinity(0, allowed)
    reason = "1 thread: this process may use one core only (its affinity)"
    if os.cpu_count() == 1:
        reason = "1 thread: there is one core"
    assert found["reasons"] == {"quick": reason, "course": reason}
    assert found["threads"] == {"quick": 1, "course": 1}
    assert all(list(times) == ["1"] for times in found["step_microseconds"].values())
    assert shown.count(reason) == 2
    assert "256 images through 784-256-256-10, gelu, adamw" in shown


def test_a_test_with_mirror_images_says_so_and_does_not_change_the_result_in_the_run(barenet, data, tmp_path):
    assert barenet("train", "--data", data, *SMALL, "--quiet", cwd=tmp_path).returncode == 0
    run = tmp_path / "runs" / "quick-1"
    before = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    plain, mirrored = (json.loads(barenet("test", "--json", *more, cwd=tmp_path).stdout) for more in ((), ["--mirror"]))
    assert (plain["mirror"], mirrored["mirror"]) == (False, True)
    assert plain["test_loss"] == json.loads(before["test.json"])["test_loss"] != mirrored["test_loss"]
    assert "mirrored: " not in barenet("test", cwd=tmp_path).stdout
    shown = barenet("test", "--mirror", cwd=tmp_path).stdout.splitlines()
    assert shown[1] == "mirrored: the mean of the probabilities of each image and its mirror image"
    assert shown[2].startswith(f"test accuracy {mirrored['test_accuracy']:.4f}")
    assert {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()} == before


def test_a_table_has_no_mirror_images(barenet, tmp_path):
    rows = [f"{i % 7}.5,{i % 3},{'ab'[i % 2]}" for i in range(80)]
    (tmp_path / "table.csv").write_text("\n".join(["width,height,label", *rows]) + "\n", "utf-8")
    assert (
        barenet("train", "--data", "table.csv", "--epochs", 1, "--hidden", 4, "--quiet", cwd=tmp_path).returncode == 0
    )
    for command in (("test",), ("predict", "table.csv")):
        done = barenet(*command, "--mirror", "--quiet", cwd=tmp_path)
        assert_refused(done, "takes rows of 2 numbers, not images of known height and width")


@pytest.mark.parametrize("command", ALONE)
def test_the_terminal_wraps_descriptions_of_options(command):
    load_command(command)
    function = getattr(sys.modules[module_of(command)], command.replace("-", "_"))
    lines = function.__doc__.splitlines()
    described = [line.startswith(" " * 8) for line in lines]
    assert not any(both == (True, True) for both in itertools.pairwise(described))
    assert sum(map(len, lines)) > 40


def test_unwrapping_keeps_examples_and_paragraphs():
    text = "One\nparagraph.\n\nFor example:\n\n    barenet a\n    barenet b\n\nThe\nend."
    assert unwrap(text) == "One paragraph.\n\nFor example:\n\n    barenet a\n    barenet b\n\nThe end."
