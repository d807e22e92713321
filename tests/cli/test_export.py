"""`barenet export` as a person types it."""

from __future__ import annotations

import json

import pytest
from families import slow_except

import barenet as package

SETTINGS = {"n_valid": 60, "hidden_sizes": "6", "batch_size": 30, "epochs": 2, "verbose": False}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, write_data):
    """A folder with a small data set and a run in it, by name and by its seeds."""
    home = tmp_path_factory.mktemp("home")
    data = {"data": {"path": str(write_data(home / "small"))}}
    package.train(settings=data, **SETTINGS, output=home / "runs", name="my-run")
    package.train(settings=data, **SETTINGS, n_seeds=2, output=home / "runs", name="seeds")
    return home


def test_a_numpy_export_has_the_name_of_the_run_and_agrees_with_it(barenet, folder):
    done = barenet("export", "runs/my-run", "--to", "numpy", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "my_run.py: 0.0" in done.stdout
    assert "compared with the model on 120 test images of small:" in done.stdout
    assert "python: all classes the same, probabilities within" in done.stdout
    test = json.loads(barenet("test", "runs/my-run", "--json", cwd=folder).stdout)
    assert f"test accuracy {test['test_accuracy']:.4f}" in done.stdout
    again = barenet("export", "runs/my-run", "--to", "numpy", cwd=folder)
    assert again.returncode == 2
    assert "my_run.py exists already; overwrite it by --force" in again.stderr
    quiet = barenet("export", "runs/my-run", "--to", "numpy", "--force", "--quiet", cwd=folder)
    assert quiet.stdout == "my_run.py\n"


@pytest.mark.extra
def test_an_onnx_export_can_be_described_as_json(barenet, folder):
    pytest.importorskip("onnxruntime")
    done = barenet("export", "runs/seeds", "--to", "onnx", "--no-preprocessing", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["file"] == "seeds.onnx"
    assert (folder / "seeds.onnx").stat().st_size == figures["bytes"]
    assert figures["input"] == {"shape": [None, 8, 8], "dtype": "float32"}
    assert [row["runtime"] for row in figures["comparisons"]] == ["onnxruntime", "onnx.reference"]
    assert all(row["largest_difference"] <= 1e-6 and row["same_class"] == 120 for row in figures["comparisons"])
    assert figures["test_accuracy"] > 0.2


NAMES = {
    "runs/my-run/best.safetensors": "my_run.py",
    "runs/my-run/epoch-2.safetensors": "my_run_epoch_2.py",
    "runs/seeds/seed-1": "seeds_seed_1.py",
    "runs/seeds/seed-1/epoch-1.safetensors": "seeds_seed_1_epoch_1.py",
}


@pytest.mark.parametrize(
    ("model", "name"),
    slow_except(NAMES.items(), ("runs/my-run/best.safetensors", "my_run.py"), ("runs/seeds/seed-1", "seeds_seed_1.py")),
)
def test_the_file_is_named_after_what_is_in_it(model, name, barenet, folder):
    done = barenet("export", model, "--to", "numpy", "--quiet", "--force", cwd=folder)
    assert done.stdout == f"{name}\n", done.stderr


def test_the_name_of_the_output_decides_the_format(barenet, folder):
    done = barenet("export", "runs/my-run", "--output", "classifier.py", "--json", cwd=folder)
    assert json.loads(done.stdout)["format"] == "numpy"
    assert (folder / "classifier.py").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "export needs --to onnx or --to numpy, or an --output that ends in .onnx or .py"),
        (("--to", "onxx"), "--to: unknown format 'onxx'; did you mean 'onnx'?"),
        (("nowhere.safetensors", "--to", "numpy"), "no model file"),
        (("--to", "numpy"), "no run in runs"),
        (("--to", "numpy", "--output", "x.pkl"), "x.pkl: this file is a Python program, whose name ends in .py"),
        (("--to", "onnx", "--output", "x.py"), "x.py: this file is an ONNX model, whose name ends in .onnx"),
        (("--to", "numpy", "--no-verify"), "unknown option --no-verify"),
    ],
)
def test_wrong_input_is_one_line_on_stderr(arguments, words, barenet, tmp_path):
    done = barenet("export", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr.replace("\n", " ")
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_without_its_data_an_export_is_compared_on_random_images_and_says_so(barenet, folder, tmp_path):
    config = folder / "runs" / "my-run" / "config.toml"
    text = config.read_text("utf-8")
    config.write_text(text.replace("small", "gone"), "utf-8")
    try:
        done = barenet("export", "runs/my-run", "--output", tmp_path / "m.py", "--json", cwd=folder)
    finally:
        config.write_text(text, "utf-8")
    assert done.returncode == 0, done.stderr
    assert "the data of the run cannot be read" in done.stderr
    assert "compared with the model on 1,000 random images" in " ".join(done.stderr.split())
    assert json.loads(done.stdout)["compared_on"] == "1,000 random images"
