"""`barenet ensemble` as a person types it, and the commands that take an ensemble."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from refusals import assert_refused

import barenet as library
from barenet.plots import inspection

SMALL = ("--data.n-valid", "60", "--batch-size", "30", "--epochs", "2", "--quiet")


@pytest.fixture(scope="module")
def made(barenet, tmp_path_factory, write_data, arrays) -> Path:
    """A folder with small data, two runs and their ensemble, a picture and an array."""
    home = tmp_path_factory.mktemp("home")
    write_data(home / "small")
    for name, more in (("one", ("--hidden", "6")), ("two", ("--hidden", "8,5", "--activation", "tanh", "--seed", 3))):
        done = barenet("train", "--data", "small", *SMALL, *more, "--name", name, cwd=home)
        assert done.returncode == 0, done.stderr
    Image.fromarray(arrays["x_test"][0]).save(home / "shoe.png")
    np.save(home / "images.npy", arrays["x_test"])
    done = barenet("ensemble", "one", "two", "--json", cwd=home)
    assert done.returncode == 0, done.stderr
    (home / "made.json").write_text(done.stdout, "utf-8")
    return home


@pytest.fixture
def home(made, tmp_path) -> Path:
    return shutil.copytree(made, tmp_path / "home")


def test_json_has_the_ensemble_and_each_member(made):
    shown = json.loads((made / "made.json").read_text("utf-8"))
    assert shown["ensemble"] == str(Path("runs/ensemble-1"))
    assert [member["member"] for member in shown["members"]] == ["member-0", "member-1"]
    for member, name in zip(shown["members"], ("one", "two"), strict=True):
        result = json.loads((made / "runs" / name / "test.json").read_text("utf-8"))
        assert member["source"] == str(Path("runs") / name)
        assert (member["test_accuracy"], member["test_loss"]) == (result["test_accuracy"], result["test_loss"])
    assert 0.25 < shown["test_accuracy"] <= 1


def test_it_prints_a_row_for_each_member_and_the_result_of_the_average(barenet, home):
    done = barenet("ensemble", "one", "two", "--name", "mine", cwd=home)
    assert done.returncode == 0, done.stderr
    shown = json.loads((home / "made.json").read_text("utf-8"))
    first, second, *rest = done.stdout.splitlines()
    assert first == f"{Path('runs/mine')}: the average of 2 networks"
    assert second == f"test accuracy {shown['test_accuracy']:.4f}, test loss {shown['test_loss']:.4f}"
    for i, member in enumerate(shown["members"]):
        (row,) = [line for line in rest if line.startswith(f"{i} {member['source']}")]
        assert row.split()[-2:] == [f"{member['test_loss']:.4f}", f"{member['test_accuracy']:.4f}"]
    assert done.stderr.splitlines() == [f"note: {name} is taken as {Path('runs', name)}" for name in ("one", "two")]


@pytest.mark.parametrize("mirror", [False, True])
def test_the_command_test_shows_the_average_as_one_model_mirrored_or_not(mirror, barenet, made, arrays):
    more = ["--mirror"] * mirror
    shown = json.loads(barenet("test", "ensemble-1", "--json", *more, cwd=made).stdout)
    predictor = library.load(made / "runs" / "ensemble-1", mirror=mirror)
    predicted = predictor.predict(arrays["x_test"])
    assert shown["model"] == str(Path("runs/ensemble-1"))
    assert shown["mirror"] is mirror
    assert shown["test_accuracy"] == np.mean(predicted == arrays["y_test"])
    assert np.sum(shown["confusion_matrix"]) == 120
    assert [member["source"] for member in shown["members"]] == [str(Path("runs/one")), str(Path("runs/two"))]
    lines = barenet("test", "ensemble-1", *more, cwd=made).stdout.splitlines()
    assert lines[0] == f"{Path('runs/ensemble-1')}: the average of 2 networks"
    assert lines[1].startswith("mirrored: " if mirror else f"test accuracy {shown['test_accuracy']:.4f}")
    stored = json.loads((made / "runs" / "ensemble-1" / "test.json").read_text("utf-8"))
    assert (stored["test_loss"] == shown["test_loss"]) is not mirror


def test_predict_and_export_take_an_ensemble(barenet, home, arrays):
    expected = library.load(home / "runs" / "ensemble-1").predict_proba(arrays["x_test"])
    found = json.loads(barenet("predict", "ensemble-1", "images.npy", "--json", "--top", 4, cwd=home).stdout)
    for member, shares in zip(found["images"], expected, strict=True):
        assert [row["probability"] for row in member["top"]] == pytest.approx(sorted(shares, reverse=True), abs=1e-7)
    assert barenet("predict", "ensemble-1", "shoe.png", cwd=home).returncode == 0
    shown = json.loads(barenet("export", "ensemble-1", "--to", "numpy", "--json", cwd=home).stdout)
    assert shown["file"] == "ensemble_1.py"
    assert shown["comparisons"][0]["same_class"] == 120
    assert shown["test_accuracy"] == np.mean(expected.argmax(axis=1) == arrays["y_test"])


def test_inspect_shows_the_member_that_is_best_on_validation_and_says_so(barenet, home, monkeypatch):
    monkeypatch.setattr(inspection, "plots_of", lambda *about: [("weights-1.png", b"")])  # real plots take long
    done = barenet("inspect", "ensemble-1", "--json", cwd=home)
    assert done.returncode == 0, done.stderr
    shown = json.loads((home / "made.json").read_text("utf-8"))
    is_acc = 'metric = "acc"' in (home / "runs" / "one" / "config.toml").read_text("utf-8")
    quality = (lambda member: member["validation_accuracy"]) if is_acc else (lambda member: -member["validation_loss"])
    best = max(shown["members"], key=quality)["member"]
    file = Path("runs", "ensemble-1", best, "best.safetensors")
    assert f"{Path('runs/ensemble-1')} has 2 networks: this is {file}, the best on validation" in done.stderr
    assert (home / "runs" / "ensemble-1" / "figures" / "weights-1.png").exists()
    assert json.loads(done.stdout)["model"] == str(file)


def test_a_playground_averages_all_members(barenet, home):
    shown = json.loads(barenet("playground", "ensemble-1", "--json", cwd=home).stdout)
    assert shown["model"] == str(Path("runs/ensemble-1"))
    assert shown["page"] == str(Path("runs/ensemble-1/playground.html"))
    assert "<title>Playground of ensemble-1</title>" in (home / shown["page"]).read_text("utf-8")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("ensemble",), "an ensemble needs two networks or more"),
        (("ensemble", "one"), "one is one network, and an ensemble needs two or more"),
        (("ensemble", "ensemble-1"), "ensemble-1 is an ensemble already: name further runs"),
        (("ensemble", "one", "two", "--name", "ensemble-1"), "holds an ensemble already; choose another --name"),
        (("ensemble", "one", "tow"), "no model file 'tow', and no run or study of that name: did you mean 'two'?"),
        (("ensemble", "one", "ensemble-2"), "did you mean 'ensemble-1'?"),
        (("ensemble", "one", "two", "--data", "table.csv"), "table.csv"),
        (("verify", "ensemble-1"), "is an ensemble, which keeps no training steps to verify"),
        (("verify", "runs/ensemble-1/member-0"), "is a member of an ensemble, which keeps no training steps to verify"),
        (("report", "runs/ensemble-1/member-0"), "is a member of an ensemble; the report of the ensemble shows it"),
        (("train", "--resume", "ensemble-1"), "is an ensemble, which is not trained: name one of the runs"),
        (("train", "ensemble-1"), "is an ensemble, which holds neither settings nor data"),
        (("search", "ensemble-1"), "is an ensemble, which holds neither settings nor data"),
        (("average", "one", "two"), "there is no command 'average'; did you mean 'ensemble'?"),
    ],
)
def test_wrong_input_is_one_line_and_writes_nothing(command, words, barenet, made):
    before = sorted(str(path) for path in made.rglob("*") if path.name != ".lock")
    assert_refused(barenet(*command, cwd=made), words)
    assert sorted(str(path) for path in made.rglob("*") if path.name != ".lock") == before


def test_the_latest_run_is_never_an_ensemble(barenet, made):
    done = barenet("test", "--json", cwd=made)
    assert f"taking the latest run, {Path('runs/two')}" in done.stderr
