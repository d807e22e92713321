"""The example scripts, used like a student uses them: edit the dictionaries at the top, then `python script.py`."""

from __future__ import annotations

import gzip
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from waiting import PATIENCE

from barenet.data.loading import load_dataset
from barenet.nn import MLP

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def small_data(tmp_path_factory):
    """Return a folder of four .gz files: the first 3,000 training and 500 test images of Fashion-MNIST."""
    folder = tmp_path_factory.mktemp("small")
    dataset = load_dataset()
    for part, images, labels, n in (
        ("train", dataset.train_images, dataset.train_labels, 3000),
        ("t10k", dataset.test_images, dataset.test_labels, 500),
    ):
        header = b"\0\0\x08\x03" + np.array([n, 28, 28], ">u4").tobytes()
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(header + images[:n].tobytes(), 1))
        header = b"\0\0\x08\x01" + np.array([n], ">u4").tobytes()
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(
            gzip.compress(header + labels[:n].astype(np.uint8).tobytes(), 1)
        )
    return folder


def edit(script, folder, **changes):
    """Copy a script into `folder` and replace pieces of its text; each must occur exactly once."""
    source = (EXAMPLES / script).read_text("utf-8")
    for old, new in changes.values():
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    copy = folder / Path(script).name
    copy.write_text(source, encoding="utf-8")
    return copy


def run(script, *arguments, expect=0):
    """Return stdout and stderr of a script on a console that can print only ASCII."""
    done = subprocess.run(
        [sys.executable, str(script), *map(str, arguments)],
        cwd=script.parent,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "OPENBLAS_NUM_THREADS": "1"},
        encoding="ascii",
        capture_output=True,
        check=False,
        timeout=4 * PATIENCE,
    )
    assert done.returncode == expect, done.stderr
    return done.stdout, done.stderr


@pytest.mark.slow
def test_the_course_project_trains_and_tests_its_latest_run(tmp_path, small_data):
    path = ("data/fashion-mnist", small_data.as_posix())
    train = edit(
        "course/train.py",
        tmp_path,
        path=path,
        n_valid=('"n_valid": 2000', '"n_valid": 0.1'),
        n_epochs=('"n_epochs": 100', '"n_epochs": 1'),
    )
    out, err = run(train)
    assert "Epoch 1 | learning rate: 0.0500" in err
    assert "2,700 training and 300 validation images" in err
    accuracy = out.split("test accuracy ")[1][:6]
    assert float(accuracy) > 0.5
    assert (tmp_path / "runs" / "course-1" / "best.safetensors").exists()

    test = edit("course/test.py", tmp_path, path=path)
    out, _ = run(test)
    assert f"course-1: test accuracy {accuracy}" in out
    assert len(out.splitlines()) == 11  # the accuracy, and the accuracy of each of 10 classes
    out, _ = run(test, Path("runs") / "course-1" / "last.safetensors")
    assert f"last.safetensors: test accuracy {accuracy}" in out


@pytest.mark.slow
def test_the_test_script_reads_pickles_of_the_course_project(tmp_path, small_data):
    mlp = MLP(784, (8,), 10, seed=1, dtype=np.float64)
    views = mlp.parameters.views
    arrays = {f"layer_{2 * i}_{kind}": np.array(views[f"{kind}{i + 1}"]) for i in range(2) for kind in "Wb"}
    (tmp_path / "model_epoch_7.pkl").write_bytes(pickle.dumps(arrays))
    (tmp_path / "model_epoch_7.json").write_text(
        '[{"input_dim": 784, "output_dim": 8, "activation": "relu"},'
        ' {"input_dim": 8, "output_dim": 10, "activation": "softmax"}]',
        encoding="utf-8",
    )
    dataset = load_dataset(small_data)
    expected = np.mean(np.argmax(mlp.forward(dataset.test_images / 255), axis=-1) == dataset.test_labels)
    test = edit("course/test.py", tmp_path, path=("data/fashion-mnist", small_data.as_posix()))
    out, _ = run(test, "model_epoch_7.pkl")
    assert f"model_epoch_7.pkl: test accuracy {expected:.4f}" in out


@pytest.mark.slow
def test_a_mistake_in_a_dictionary_is_reported_in_one_line(tmp_path):
    train = edit("course/train.py", tmp_path, typo=('"batch_size": 16', '"batchsize": 16'))
    out, err = run(train, expect=1)
    assert (out, err) == ("", "error: unknown key 'batchsize' in dataloader_kwargs; did you mean 'batch_size'?\n")


@pytest.mark.slow
def test_without_a_run_the_test_script_says_what_to_do_in_one_line(tmp_path):
    _, err = run(edit("course/test.py", tmp_path), expect=1)
    assert err.startswith("error: no run in runs")
    assert len(err.splitlines()) == 1


@pytest.mark.slow
def test_the_textbook_trains_on_a_folder(tmp_path, small_data):
    script = edit("textbook.py", tmp_path, epochs=("n_epochs=10", "n_epochs=2"))
    out, err = run(script, small_data)
    assert err == ""
    assert [line.split()[0] for line in out.splitlines()] == ["epoch", "epoch", "test"]
    assert float(out.split()[-1]) > 0.4  # 1,000 images twice: far above one in ten


def test_the_scripts_are_short_and_start_with_the_dictionaries():
    train = (EXAMPLES / "course" / "train.py").read_text("utf-8")
    assert len(train.splitlines()) <= 45
    for name in ("nn_architecture", "dataloader_kwargs", "optimizer_kwargs", "trainer_kwargs"):
        assert f"\n{name} = " in train
