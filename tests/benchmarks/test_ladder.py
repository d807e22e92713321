"""The ladder: it has the points that its file names, each can be trained, and the measured accuracies are written."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import numpy as np
import pytest

from barenet.tuning.space.prepared import prepare_search
from barenet.tuning.space.request import make_request

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

pytestmark = pytest.mark.skipif(not BENCHMARKS.exists(), reason="a source archive does not contain the benchmarks")

SMALL = """alone_from = "AdamW"
[base]
recipe = "course"
[base.model]
hidden_sizes = [6, 5]
[base.data]
batch_size = 50
[[rungs]]
name = "SGD"
adds = "The plain one."
settings = {lr = 0.1, momentum = 0.9}
alone = false
[[rungs]]
name = "AdamW"
adds = "Another optimizer."
settings = {optimizer = "adamw", lr = 0.01}
drops = ["momentum"]
alone = false
[[rungs]]
name = "GELU"
adds = "Another activation."
settings = {activation = "gelu"}
[[rungs]]
name = "dropout"
adds = "Fewer units."
settings = {dropout = 0.5}
tried = {dropout = [0.1, 0.5]}
[[rungs]]
name = "two of 6"
adds = "Another width."
settings = {hidden_sizes = [6, 6]}
together = false
"""


@pytest.fixture
def ladder(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("ladder")


def test_zero_epochs_are_refused_and_are_not_the_default(ladder, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["ladder.py", "run", "--epochs", "0"])
    monkeypatch.setattr(ladder, "climb", lambda *given, **named: pytest.fail("trained"))
    with pytest.raises(SystemExit):
        ladder.main()
    assert "must be at least 1" in capsys.readouterr().err


@pytest.fixture
def small(ladder, tmp_path, monkeypatch, dataset):
    """The module with a small ladder, a small data set, and a folder for its output."""
    path = tmp_path / "small.toml"
    path.write_text(SMALL, "utf-8")
    read = ladder.read_ladder
    monkeypatch.setattr(ladder, "read_ladder", lambda: read(path))
    monkeypatch.setattr(ladder.barenet, "load_dataset", lambda: dataset)
    (tmp_path / "docs").mkdir()
    text = f"# Before\n\n{ladder.MARKS[0]}\nold\n{ladder.MARKS[1]}\n\nAfter\n"
    (tmp_path / "docs" / "results.md").write_text(text, "utf-8")
    return ladder


def test_each_rung_is_added_to_all_rungs_before_it_and_alone_to_one_rung(small):
    found = small.read_ladder()
    assert found.points == {
        "SGD": {"lr": 0.1, "momentum": 0.9},
        "AdamW": {"optimizer": "adamw", "lr": 0.01},
        "GELU": {"optimizer": "adamw", "lr": 0.01, "activation": "gelu"},
        "dropout": {"optimizer": "adamw", "lr": 0.01, "activation": "gelu", "dropout": 0.5},
        "AdamW with dropout": {"optimizer": "adamw", "lr": 0.01, "dropout": 0.5},
        "AdamW with two of 6": {"optimizer": "adamw", "lr": 0.01, "hidden_sizes": [6, 6]},
    }
    assert found.together == ["SGD", "AdamW", "GELU", "dropout", None]
    assert found.alone == [None, None, "GELU", "AdamW with dropout", "AdamW with two of 6"]
    below = {"optimizer": "adamw", "lr": 0.01}
    tried = [{**below, "dropout": share, "name": f"dropout, dropout {share}"} for share in (0.1, 0.5)]
    assert small.tried_points(found) == tried


def test_every_point_of_the_ladder_can_be_trained(ladder, dataset):
    found = ladder.read_ladder()
    for points in (found.as_points(), ladder.tried_points(found)):
        request = make_request(points, {**found.base, "data": {"n_valid": 100, "batch_size": 50}}, None, {})
        prepared = prepare_search(request, dataset)
        prepared.check()
    assert (len(found.rungs), found.together[:5]) == (19, ["plain SGD", "a falling rate", "momentum", "AdamW", "GELU"])
    assert found.points["input dropout"] == {
        **{"optimizer": "adamw", "lr": found.points["AdamW"]["lr"], "schedule": "cosine", "warmup_epochs": 1},
        **{"activation": "gelu", "mirror": True, "average_decay": 0.999, "label_smoothing": 0.1, "dropout": 0.1},
        **{
            "normalization": "batch",
            "hidden_sizes": [384, 384],
            "residual": True,
            "shift": 1,
            "mixup": 0.2,
            "affine": 0.05,
        },
        **{"l2": 0.00001, "weight_decay": 0.0, "input_dropout": 0.1},
    }


def climb(small, folder, seeds=2, **values):
    found = small.read_ladder()
    options = {"epochs": 1, "images": 400, "workers": 0, **values}
    small.climb(found.as_points(), found.base, folder, options.pop("epochs"), seeds, **options)


@pytest.mark.slow
def test_the_measured_accuracies_are_written(small, tmp_path):
    folder = tmp_path / "studies" / "ladder"
    climb(small, folder)
    small.write(folder, tmp_path)
    numbers = json.loads((tmp_path / "benchmarks" / "results" / "ladder.json").read_text("utf-8"))
    assert (numbers["seeds"], numbers["validation_images"], numbers["base"]["trainer"]["epochs"]) == (2, 80, 1)
    by_name = {point["name"]: point for point in numbers["points"]}
    for number, point in enumerate(numbers["points"]):
        keys = (f"{number:05d}", f"{number:05d}-seed-1")
        rungs = [json.loads((folder / "trials" / key / "rung-0.json").read_text("utf-8")) for key in keys]
        assert point["accuracies"] == [rung["valid_accuracy"] for rung in rungs]
        assert point["mean"] == pytest.approx(100 * np.mean(point["accuracies"]), abs=1e-4)
        assert point["std"] == pytest.approx(100 * np.std(point["accuracies"], ddof=1), abs=1e-4)
    text = (tmp_path / "docs" / "results.md").read_text("utf-8")
    assert text.startswith(f"# Before\n\n{small.MARKS[0]}\n")
    assert text.endswith(f"{small.MARKS[1]}\n\nAfter\n")
    assert "old" not in text
    rows = {line.split(" | ")[0]: line for line in text.splitlines() if line.startswith("| ")}
    change = by_name["AdamW with two of 6"]["mean"] - by_name["AdamW"]["mean"]
    assert f"({change:+.2f}) | Another width. |" in rows["| two of 6"]
    assert f"{by_name['SGD']['mean']:.2f} ± {by_name['SGD']['std']:.2f}" in rows["| SGD"]
    assert (tmp_path / "docs" / "images" / "ladder.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_an_unfinished_or_changed_ladder_or_one_trained_on_part_of_the_images_is_refused(small, tmp_path):
    folder = tmp_path / "studies" / "ladder"
    climb(small, folder, seeds=1)
    with pytest.raises(SystemExit, match="was trained on a part of the images"):
        small.write(folder, small.HERE.parent)
    (folder / "trials" / "00001" / "rung-0.json").rename(tmp_path / "kept.json")
    with pytest.raises(SystemExit, match="is not finished: AdamW lacks a seed"):
        small.write(folder, tmp_path)
    (tmp_path / "small.toml").write_text(SMALL.replace("dropout = 0.5}", "dropout = 0.4}"), "utf-8")
    with pytest.raises(SystemExit, match="was made from another ladder"):
        small.write(folder, tmp_path)
