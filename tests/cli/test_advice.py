"""The commands that help, documentation, messages and pages tell a person to type work as they are printed."""

from __future__ import annotations

import json
import pickle
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from advice import ROOT, flags_in_docs, flags_in_source, in_docs, in_help, in_source
from families import full, slow
from PIL import Image
from test_gradcheck_of_code import CLASS

from barenet.cli.application import app
from barenet.cli.help_texts import COMMANDS
from barenet.data import loading
from barenet.data.formats.idx import write_idx
from barenet.data.formats.idx_folders import read_idx_set
from barenet.nn.mlp import MLP

# Commands that are not run here, and why.
NOT_RUN = {
    'barenet search $what --dask "$address"': "needs a cluster; tests/tuning/test_dask.py starts one",
    "barenet search --dask tcp://127.0.0.1:8786": "needs a scheduler at that address",
    "barenet search space.toml --dask tcp://scheduler:8786": "needs a scheduler at that address",
}
# A new kit's steps are not written yet, so the exit code is 1; tests/cli/test_course_command.py runs these commands.
NOT_RUN |= dict.fromkeys(
    (
        "barenet course check homework",
        "barenet course check homework --step backward",
        "barenet course check their-homework --adapter adapter.py",
        "barenet course grade class/ann class/bob --points points.toml --output results",
    ),
    "needs students",
)
# Sentences that only name a command, which is not complete.
NAMES = {f"barenet {name}": f"barenet {name} --help" for name in ("ensemble", "export", "predict")}
STANDS_FOR = {"barenet train --data path": "barenet train --data path/to/fashion-mnist"}
LONG = "barenet lr-find --optimizer sgd --from 0.0001 --to 10 --steps"
STANDS_FOR[f"{LONG} 500"] = f"{LONG} 60"
# The commands in the source, and each with values in place of {}.
IN_SOURCE = {
    "barenet course check {}": "barenet course check --help",
    "barenet ensemble {}": "barenet ensemble runs/quick-1 runs/quick-3",
    "barenet gradcheck mine.py:loss_and_gradients": "barenet gradcheck mine.py:loss_and_gradients",
    "barenet inspect takes model files": "barenet inspect model_epoch_100.pkl",
    "barenet inspect {} --neuron {}:{}": "barenet inspect runs/quick-1 --neuron 1:17",
    "barenet predict": "barenet predict --help",
    "barenet search": "barenet search --help",
    "barenet train": "barenet train",
    "barenet report": "barenet report runs/quick-1",
    "barenet report {}": "barenet report studies/course-search-1",
    "barenet search {}": "barenet search studies/course-search-1/space.toml",
    "barenet search --resume {}": "barenet search --resume studies/course-search-1",
    "barenet search --resume {} --repeats {}": "barenet search --resume studies/course-search-1 --repeats 5",
    "barenet search --resume {} --retrain": "barenet search --resume studies/course-search-1 --retrain",
    "barenet test {}": "barenet test runs/quick-1",
    "barenet train --help": "barenet train --help",
    "barenet train --resume {}": "barenet train --resume runs/quick-1",
    "barenet train {}": "barenet train runs/quick-1/config.toml",
    "barenet train {} --lr {}": "barenet train runs/quick-1/config.toml --lr 0.001",
}
# Flags that texts of the source name, and that no command has.
OTHER_FLAGS = {
    **dict.fromkeys(("--file", "--page", "--figures"), "of earlier versions"),
    **dict.fromkeys(("--help", "--debug"), "of every command"),
    "--probabilities": "of exported programs",
    "--nthreads": "of dask worker",
}
OF_BENCHMARKS = ("--choose", "--engine", "--tables")
# With these flags, and on small data, a command takes at most a second.
SHORTER = {"train": ("--epochs", "1"), "search": ("--epochs", "1"), "doctor": ("--seconds", "0.1")}
SHORTER |= {"lr-find": ("--steps", "60")}
QUICK = ("test", "predict")  # others load more, draw, train or check

typed = sorted({NAMES.get(command, command) for command in (*in_help(), *in_docs())} - {*NOT_RUN})


@pytest.fixture(scope="module", autouse=True)
def _small_carried_data(tmp_path_factory, write_data):
    """Use a small data set in place of the included images."""
    folder = write_data(tmp_path_factory.mktemp("carried") / "small")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "read_carried", lambda: read_idx_set(folder))
        patch.setattr(loading, "CARRIED_FINGERPRINT", "small")
        patch.setattr("webbrowser.open", lambda address: True)
        yield


@pytest.fixture(scope="module")
def full_home(barenet, tmp_path_factory, write_data, arrays) -> Path:
    """A folder with everything that commands in help and documentation need: runs, a study, models, data, pictures."""
    home = tmp_path_factory.mktemp("home")
    (home / "path" / "to").mkdir(parents=True)
    write_data(home / "path" / "to" / "fashion-mnist")
    for i, label in enumerate(arrays["y"][:40]):
        (home / "path" / "to" / "pictures" / f"class {label}").mkdir(parents=True, exist_ok=True)
        Image.fromarray(arrays["x"][i]).save(home / "path" / "to" / "pictures" / f"class {label}" / f"{i}.png")
    (home / "photos").mkdir()
    for path in ("shoe.png", "photos/pullover.png"):
        Image.fromarray(arrays["x_test"][0]).save(home / path)
    write_idx(home / "t10k-images-idx3-ubyte.gz", arrays["x_test"])
    rows = [f"{i % 7}.5,{i % 3},{'ab'[i % 2]}" for i in range(60)]
    (home / "table.csv").write_text("\n".join(["width,height,label", *rows]) + "\n", "utf-8")
    (home / "space.toml").write_text("[space]\nlr = [0.1, 0.01]\n", "utf-8")
    (home / "points.toml").write_text("[[points]]\nlr = 0.1\n[[points]]\nmomentum = 0.9\n", "utf-8")
    shutil.copy(ROOT / "examples" / "gradients" / "mine.py", home)
    cell = {"cell_type": "code", "metadata": {}, "source": "import numpy as np" + CLASS[: CLASS.index("net = ")]}
    lesson = {
        "cells": [{**cell, "outputs": [], "execution_count": 1}],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (home / "lesson.ipynb").write_text(json.dumps(lesson), "utf-8")
    write_course_model(home / "model_epoch_100.pkl")
    (home / "my.toml").write_text(barenet("train", "--dry-run", cwd=home).stdout, "utf-8")
    small = ("--epochs", "1", "--hidden", "24,6")
    for arguments in (("train", *small), ("train", *small, "--n-seeds", "2"), ("train", *small, "--seed", "7")):
        assert barenet(*arguments, cwd=home).returncode == 0
    grid = ("--grid", "lr=0.1,0.01", "--workers", "0")
    assert barenet("search", *small, *grid, cwd=home).returncode == 0
    run = home / "runs" / "quick-1"
    shutil.copy(run / "best.safetensors", run / "epoch-12.safetensors")
    assert barenet("ensemble", "quick-1", "quick-3", cwd=home).returncode == 0
    for name in ("course-1", "a", "b", "c"):
        shutil.copytree(run, home / "runs" / name)
    return home


def write_course_model(path: Path) -> None:
    """Write a network as the course project saves it, for images of 8 x 8 in 4 classes."""
    mlp = MLP(64, (20,), 4, seed=1, dtype=np.float64)
    views = mlp.parameters.views
    arrays = {f"layer_{2 * i}_{kind}": np.array(views[f"{kind}{i + 1}"]) for i in range(2) for kind in "Wb"}
    path.write_bytes(pickle.dumps(arrays))
    path.with_suffix(".json").write_text(
        '[{"input_dim": 64, "output_dim": 20, "activation": "relu"},'
        ' {"input_dim": 20, "output_dim": 4, "activation": "softmax"}]',
        "utf-8",
    )


@pytest.fixture
def home(full_home, tmp_path) -> Path:
    """A copy of `full_home`, for one test."""
    return shutil.copytree(full_home, tmp_path / "home")


@pytest.fixture
def type_in(barenet, home):
    """Return a function that runs a command in `home`, as a person types it, with < and >."""

    def run(command: str):
        program, *words = shlex.split(command)
        assert program == "barenet"
        stdin = b""
        for sign in "<>":
            if sign in words:
                place = words.index(sign)
                stdin = (home / words[place + 1]).read_bytes() if sign == "<" else stdin
                del words[place : place + 2]
        shorter = SHORTER.get(words[0], ())
        if {"--resume", "--help", "--dry-run", *shorter[:1]} & {*words}:
            shorter = ()
        if words[0] == "search" and "--help" not in words:
            shorter = (*shorter, "--workers", "0")
        return barenet(*words, *shorter, cwd=home, stdin=stdin)

    return run


def marked(commands: list[str]) -> list[Any]:
    """Return the commands: one that takes long is slow, and one with the same first flag as another one is full."""
    found, seen = [], set()
    for command in commands:
        kind = (command.split()[1], *[word for word in command.split() if word.startswith("--")][:1])
        if kind[0] in QUICK or "--help" in command or "--dry-run" in command:
            found.append(command)
        else:
            found.append(full(command) if kind in seen else slow(command))
            seen.add(kind)
    return found


@pytest.mark.parametrize("command", marked(typed))
def test_commands_in_help_and_documentation_work(command, type_in):
    done = type_in(STANDS_FOR.get(command, command))
    assert done.returncode == 0, done.stderr


def test_commands_that_are_not_run_are_still_in_help_or_documentation():
    assert {*NOT_RUN} <= {*in_help(), *in_docs()}
    assert {*NAMES} <= {*in_docs()}


def test_each_command_in_the_source_is_run_here():
    assert {*in_source()} == {*IN_SOURCE}
    for text, command in IN_SOURCE.items():
        assert re.match(re.escape(text).replace(r"\{\}", ".+"), command) or "takes" in text or "--help" in command


@pytest.mark.parametrize("command", marked(sorted({*IN_SOURCE.values()} - {*typed})))
def test_commands_in_the_source_work(command, type_in):
    done = type_in(command)
    assert done.returncode == 0, done.stderr


def test_each_flag_that_is_named_is_a_flag_of_a_command():
    known = {
        flag
        for command in (
            *(app[name] for name in COMMANDS if name != "course"),
            *(app["course"][name] for name in ("new", "check", "grade")),
        )
        for argument in command.assemble_argument_collection(parse_docstring=True)
        for flag in argument.names
    }
    named = flags_in_source()
    assert len(known & {*named}) > 30
    assert {flag: where for flag, where in named.items() if flag not in known} == {
        flag: named.get(flag) for flag in OTHER_FLAGS
    }
    assert {
        flag: where for flag, where in flags_in_docs().items() if flag not in {*known, *OTHER_FLAGS, *OF_BENCHMARKS}
    } == {}


def lose(*names: str):
    """Return a function that deletes files of a folder."""

    def change(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return change


def lose_best(folder: Path) -> None:
    """Delete the best run of a study."""
    shutil.rmtree(folder / "best")


def damage(folder: Path) -> None:
    """Cut the file of test results short."""
    (folder / "test.json").write_text("{", "utf-8")


RUN, STUDY = "runs/my run", "studies/my study"


@pytest.mark.parametrize(
    ("change", "command", "advice", "afterwards"),
    [
        (lose(), f"train --resume '{STUDY}'", f'barenet search --resume "{STUDY}"', ""),
        (lose(), f"search --resume '{RUN}'", f'barenet train --resume "{RUN}"', ""),
        (lose_best, f"test '{STUDY}'", f'barenet search --resume "{STUDY}"', f"test '{STUDY}'"),
        slow((damage, f"report '{RUN}'", f'barenet train --resume "{RUN}"', f"report '{RUN}'")),
        full((lose("initial.safetensors"), f"inspect '{RUN}'", f'barenet train "{RUN}/config.toml"', "inspect")),
    ],
)
def test_the_advice_of_an_error_works_as_it_is_printed(change, command, advice, afterwards, home, type_in):
    (home / "runs" / "quick-1").rename(home / RUN)
    (home / "studies" / "course-search-1").rename(home / STUDY)
    change(home / (STUDY if change is lose_best else RUN))
    refused = type_in(f"barenet {command}")
    assert refused.returncode == 2
    (printed,) = re.findall(r": (barenet \w+ .*)$", refused.stderr, re.MULTILINE)
    assert printed == advice
    for following in (printed, f"barenet {afterwards}") if afterwards else (printed,):
        done = type_in(following)
        assert done.returncode == 0, done.stderr


def test_the_epochs_that_a_finished_run_proposes_train_it_for_longer(type_in):
    done = type_in("barenet train --resume runs/quick-1")
    (flag,) = re.findall(r"\(1 epoch\); (--epochs 2) trains it for longer", done.stderr)
    longer = type_in(f"barenet train --resume runs/quick-1 {flag}")
    assert longer.returncode == 0, longer.stderr
    assert "is raised from 1 to 2" in longer.stderr


@pytest.mark.slow
@pytest.mark.parametrize("model", ["runs/quick-1", full("studies/course-search-1/best"), full("runs/quick-2/seed-1")])
def test_the_command_on_a_report_shows_a_neuron(model, home, type_in):
    page = Path(type_in(f"barenet report {model}").stdout.strip())
    codes = re.findall(r"<code>(.*?)</code>", (home / page).read_text("utf-8"))
    (command,) = [text for code in codes if (text := re.sub("<.*?>", "", code)).startswith("barenet inspect ")]
    done = type_in(command)
    assert done.returncode == 0, done.stderr
    layer, unit = re.search(r"--neuron (\d+):(\d+)", command).groups()
    assert f"neuron-{layer}-{unit}.png" in done.stdout
