"""`barenet playground` as a person types it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import barenet as library
from barenet.nn.activations import Activation
from barenet.storage.history import read_history

SMALL = ("--data.n-valid", "60", "--batch-size", "30", "--hidden", "6", "--epochs", "2", "--quiet")


@pytest.fixture(scope="module")
def trained(barenet, tmp_path_factory, write_data) -> Path:
    """A folder with small data and two runs: one network, and two seeds."""
    home = tmp_path_factory.mktemp("home")
    write_data(home / "small")
    for name, n_seeds in (("one", 1), ("two", 2)):
        done = barenet("train", "--data", "small", *SMALL, "--name", name, "--n-seeds", n_seeds, cwd=home)
        assert done.returncode == 0, done.stderr
    return home


def test_the_page_of_a_run_is_in_its_folder(barenet, trained):
    done = barenet("playground", "runs/one", cwd=trained)
    assert done.returncode == 0, done.stderr
    page = trained / "runs" / "one" / "playground.html"
    assert done.stdout.startswith(f"{Path('runs') / 'one' / 'playground.html'} (")
    assert "<title>Playground of one</title>" in page.read_text("utf-8")
    assert page.stat().st_size < 1_500_000


def test_json_has_the_path_the_size_and_the_number_of_images(barenet, trained, tmp_path):
    target = tmp_path / "play.html"
    done = barenet("playground", "runs/one/best.safetensors", "--output", target, "--json", cwd=trained)
    assert json.loads(done.stdout) == {
        "model": str(Path("runs/one/best.safetensors")),
        "page": str(target),
        "bytes": target.stat().st_size,
        "images": 60,
    }
    assert "<title>Playground of one, best.safetensors</title>" in target.read_text("utf-8")


def test_of_several_seeds_the_best_on_validation_is_shown_and_named(barenet, trained, tmp_path):
    done = barenet("playground", "runs/two", "--output", tmp_path / "play.html", "--json", cwd=trained)
    figures, losses = {}, {}
    for seed in (0, 1):
        figures[seed] = json.loads(barenet("playground", f"runs/two/seed-{seed}", "--json", cwd=trained).stdout)
        records = read_history(trained / f"runs/two/seed-{seed}/history.jsonl").records
        losses[seed] = max(r.valid_accuracy for r in records), -min(r.valid_loss for r in records)
    metric = 0 if 'metric = "acc"' in (trained / "runs/two/config.toml").read_text("utf-8") else 1
    best = max(losses, key=lambda seed: losses[seed][metric])
    assert json.loads(done.stdout)["model"] == figures[best]["model"]
    assert f"the page shows one of 2 networks, the best on validation: seed-{best}" in done.stderr
    assert f"<title>Playground of two, seed-{best}</title>" in (tmp_path / "play.html").read_text("utf-8")


def test_images_that_are_not_on_file_are_left_out_with_a_note(barenet, trained, tmp_path, arrays):
    library.train(
        arrays["x"], arrays["y"], hidden_sizes=(6,), epochs=1, n_valid=60, output=tmp_path, name="own", verbose=False
    )
    done = barenet("playground", tmp_path / "own", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["images"] == 0
    assert "(arrays) are not on file: the page has none to pick from; name them by --data" in done.stderr
    named = barenet("playground", tmp_path / "own", "--data", trained / "small", "--json", "--quiet", cwd=tmp_path)
    assert json.loads(named.stdout)["images"] == 60
    assert named.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("nowhere",), 2, "no model file 'nowhere'"),
        (("--runs", "nothing"), 2, "no run in nothing"),
        (("runs/one", "stray"), 2, "unexpected words on the command line: stray"),
        (("runs/one", "--data", "nowhere"), 2, "data path nowhere does not exist"),
        (
            ("runs/one", "--data", "fashion-mnist"),
            2,
            "takes uint8 images of 8 x 8 in 4 classes; fashion-mnist has uint8",
        ),
        (("runs/one", "--output", "no/folder/play.html"), 3, "cannot write no"),
        (("runs/one", "--output", "play.png"), 2, "play.png: this file is an HTML page, whose name ends in .html"),
    ],
)
def test_wrong_input_is_one_line_on_stderr_and_nothing_is_written(arguments, code, words, barenet, trained, tmp_path):
    shutil.copytree(trained, tmp_path / "home", ignore=shutil.ignore_patterns("play*.html"))
    done = barenet("playground", *arguments, cwd=tmp_path / "home")
    assert done.returncode == code, done.stderr
    lines = [line for line in done.stderr.splitlines() if not line.startswith("note: ")]
    assert len(lines) == 1
    assert words in lines[0]
    assert done.stdout == ""
    assert not list((tmp_path / "home").rglob("play*.*"))


@pytest.mark.slow
def test_a_network_that_is_too_large_is_refused_with_its_size_and_the_limit(barenet, tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (40, 28, 28)).astype(np.uint8), np.arange(40) % 4
    library.train(
        x, y, hidden_sizes=(900,), epochs=1, n_valid=8, batch_size=32, output=tmp_path, name="big", verbose=False
    )
    done = barenet("playground", "big", cwd=tmp_path)
    assert done.returncode == 2
    assert "784-900-4 has 710,104 parameters, a page of 1.5 MB holds about 400,000" in done.stderr
    assert not (tmp_path / "big" / "playground.html").exists()


def test_custom_functions_are_refused(barenet, tmp_path, arrays):
    square = Activation.custom("square", lambda z: z * z, lambda da, z, a: 2 * da * z)
    library.train(
        arrays["x"], arrays["y"], hidden_sizes=(6,), activation=square, epochs=1, n_valid=60, output=tmp_path,
        name="own", verbose=False,
    )  # fmt: skip
    done = barenet("playground", "own", cwd=tmp_path)
    assert done.returncode == 2
    assert "own has a custom activation or loss: a page runs JavaScript" in done.stderr
    assert not (tmp_path / "own" / "playground.html").exists()
