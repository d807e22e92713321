"""Damaged and malicious files of each kind: they give a result or a one-line error, soon and with little memory.

    pytest -m full tests/faults/test_inputs.py

takes 5,000 mutants of each kind; by default there are a few.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from damaging import DAMAGES, damage_values
from families import full_except
from report import record

import barenet
from barenet.config.sources import build_config
from barenet.course_files.model import read_course_model
from barenet.data.formats.idx import write_idx
from barenet.data.loading import load_dataset
from barenet.data.pictures.picture import decode, quiet_pillow
from barenet.errors import BarenetError
from barenet.run_folders.checkpoint import ModelInfo

resource = pytest.importorskip("resource", reason="memory is measured as on Unix")

SLOW = 2.0  # seconds
ROOM = 2**26  # bytes of memory beyond the file's own
FEW, MANY = 8, 5_000

X = np.arange(24 * 8 * 8, dtype=np.uint32).reshape(24, 8, 8).astype(np.uint8)
Y = np.arange(24) % 3
LAYERS = [
    {"input_dim": 4, "output_dim": 3, "activation": "relu"},
    {"input_dim": 3, "output_dim": 2, "activation": "softmax"},
]
INFO = {
    "architecture": LAYERS,
    "loss": "cross_entropy",
    "label_smoothing": 0.0,
    "image_shape": [2, 2],
    "scale": 1 / 255,
    "input_dtype": "uint8",
    "class_names": ["cat", "dog"],
    **{"epoch": 3, "step": 9, "seed": 0, "data_name": "pets", "data_fingerprint": "sha256:0"},
    "metrics": {"validation_accuracy": 0.5},
    "settings": {"data": {"drop": [], "transpose": None}, "trainer": {"metric": "acc", "epochs": 3}},
    "preprocessing": {"border": 0.0, "values": [0, 255], "minima": [0, 1], "maxima": [9, 255], "border_agreement": 0.5},
}
COLUMNS = {
    "columns": [
        {"name": "a", "position": 0, "is_text": False, "values": [], "flags_missing": True},
        {"name": "b", "position": 1, "is_text": True, "values": ["u", "v"], "flags_missing": False},
    ],
    **{"has_header": True, "n_columns": 3, "label": 2, "label_name": "c"},
}
FEATURES = {"columns": COLUMNS, "unknown": "error", "mean": [0.0] * 4, "deviation": [1.0] * 4, "fill": [0.5] * 4}
INFO_OF_TABLE = {**INFO, "image_shape": [4], "input_dtype": "float32", "scale": 1.0, "preprocessing": FEATURES}
SETTINGS = b"""recipe = "course"
[data]
batch_size = 64
n_valid = 0.1
[model]
hidden_sizes = [64, 32]
activation = "tanh"
class_weight = { a = 2.0, b = 1 }
[optimizer]
learning_rate = 1e-3
[trainer]
epochs = 4
keep_best = 2
"""
TABLE = "a,b,kind\n" + "".join(f"{i * 1.5 - 3},{i % 7},{'cat' if i % 2 else 'dog'}\n" for i in range(30))


def saved(write: Callable[[io.BytesIO], object]) -> bytes:
    """Return what a function writes into a file."""
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def picture(ending: str) -> bytes:
    """Return a picture of 20 x 16 colours."""
    from PIL import Image

    pixels = np.random.default_rng(1).integers(0, 256, (16, 20, 3), dtype=np.uint8)
    return saved(lambda file: Image.fromarray(pixels).save(file, ending))


def predict(path: Path) -> None:
    """Load a model and use it, since some damage is noticed only then."""
    predictor = barenet.load(path)
    if predictor.takes_rows:
        predictor.predict([{"a": 1.0, "b": "u"}, {"a": None, "b": "v"}])
    else:
        predictor.predict(np.full((2, 2, 2), 200, np.uint8))
    predictor.models[0].info.reading()


def decode_one(path: Path) -> None:
    """Decode a picture in colour and in grey, to a small size."""
    with quiet_pillow():
        decode(path, color=True, smallest=8)
        decode(path, color=False)


def build(folder: Path) -> dict[str, tuple[list[Path], str, Callable[[], object]]]:
    """Write undamaged files of each kind; return by kind the files to damage, in what way, and how they are read."""
    kinds: dict[str, tuple[list[Path], str, Callable[[], object]]] = {}

    def add(name: str, files: dict[str, bytes], how: str, read: Callable[[Path], object], at: str = "") -> None:
        own = folder / name
        own.mkdir()
        for file, content in files.items():
            (own / file).write_bytes(content)
        kinds[name] = ([own / file for file in files], how, lambda: read(own / at))

    idx = {}
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    for file, array in zip(names, (X, Y, X, Y), strict=True):
        write_idx(folder / "own", array.astype(np.uint8))
        idx[f"{file}-ubyte"] = (folder / "own").read_bytes()
    (folder / "own").unlink()
    add("idx", idx, "bytes", load_dataset)
    add("gz", {f"{name}.gz": gzip.compress(own, mtime=0) for name, own in idx.items()}, "gz", load_dataset)
    arrays = {"x_train": X, "y_train": Y, "x_test": X[:6], "y_test": Y[:6]}
    packed = saved(lambda file: np.savez_compressed(file, **arrays))
    add("npz", {"own.npz": packed}, "npz", load_dataset, "own.npz")
    npy = {f"{name}.npy": saved(lambda file, own=own: np.save(file, own)) for name, own in arrays.items()}
    add("npy", npy, "npy", load_dataset)
    add("csv", {"own.csv": TABLE.encode()}, "text", load_dataset, "own.csv")
    add("csv.gz", {"own.csv.gz": gzip.compress(TABLE.encode(), mtime=0)}, "gz", load_dataset, "own.csv.gz")
    add("toml", {"own.toml": SETTINGS}, "text", lambda path: build_config(file=path), "own.toml")
    rng = np.random.default_rng(0)
    course = {
        f"layer_{2 * i}_{letter}": rng.normal(size=size)
        for i, letter, size in ((0, "W", (4, 3)), (0, "b", (1, 3)), (1, "W", (3, 2)), (1, "b", (1, 2)))
    }
    course_files = {"m_epoch_1.pkl": pickle.dumps(course), "m_epoch_1.json": json.dumps(LAYERS).encode()}
    add("pkl", course_files, "pkl", read_course_model, "m_epoch_1.pkl")
    kinds["json"] = (kinds["pkl"][0][1:], "json", kinds["pkl"][2])
    kinds["pkl"] = (kinds["pkl"][0][:1], "pkl", kinds["pkl"][2])
    plain = {"W1": course["layer_0_W"], "b1": course["layer_0_b"], "W2": course["layer_2_W"], "b2": course["layer_2_b"]}
    add("npz weights", {"m.npz": saved(lambda file: np.savez(file, **plain))}, "npz", read_course_model, "m.npz")
    data = pickle.dumps(((X.reshape(24, 64) / 255, Y), (X[:6].reshape(6, 64) / 255, Y[:6])))
    add("pkl.gz data", {"own.pkl.gz": gzip.compress(data, mtime=0)}, "gz", load_dataset, "own.pkl.gz")
    for ending in ("png", "jpeg", "gif", "bmp", "webp"):
        add(ending, {f"own.{ending}": picture(ending)}, "bytes", decode_one, f"own.{ending}")
    batch = saved(lambda file: [file.write(bytes([i % 10]) + rng.bytes(3072)) for i in range(3)])
    batches = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
    labels = b"".join(f"class {i}\n".encode() for i in range(10))
    add("cifar", {**dict.fromkeys(batches, batch), "batches.meta.txt": labels}, "bytes", load_dataset)
    return kinds


def write_described(path: Path, info: object) -> None:
    """Write a model file with the description `info` and right checksums."""
    from barenet.storage.arrays import write_arrays

    shapes = {"W1": (4, 3), "b1": (1, 3), "W2": (3, 2), "b2": (1, 2)}
    write_arrays(path, info, {name: np.full(shape, 0.1, np.float32) for name, shape in shapes.items()})


def fault(read: Callable[[], object], n_bytes: int) -> str | None:
    """Read a mutant and return what is wrong with how that ended, or None."""
    most, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    found = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read()
    except BarenetError as error:
        if not str(error).isprintable():
            found = f"message: {str(error)!r}"
    except Exception as error:  # what this test looks for
        found = f"trace: {type(error).__name__}: {error}"
    if time.perf_counter() - start > SLOW:
        found = found or f"hang: {time.perf_counter() - start:.1f} s"
    taken = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most) * (1 if sys.platform == "darwin" else 1024)
    return found or (f"memory: {taken:,} bytes" if taken > ROOM + n_bytes else None)


def attack(files: list[Path], how: str, read: Callable[[], object], n: int, seed: int) -> list[str]:
    """Damage one of the files n times and read it each time; return what went wrong."""
    rng, found = np.random.default_rng(seed), []
    sound = [file.read_bytes() for file in files]
    read()
    for number in range(n):
        which = int(rng.integers(len(files)))
        mutant = DAMAGES[how](sound[which], rng)
        files[which].write_bytes(mutant)
        if (what := fault(read, sum(map(len, sound)) + len(mutant))) is not None:
            found.append(f"mutant {number} of {files[which].name}: {what}")
        files[which].write_bytes(sound[which])
    return found


def attack_description(folder: Path, n: int, seed: int) -> list[str]:
    """Change the description of a model file n times, with right checksums; return what went wrong."""
    rng, found, path = np.random.default_rng(seed), [], folder / "own.safetensors"
    for number in range(n):
        info = damage_values(INFO if rng.random() < 0.5 else INFO_OF_TABLE, rng)
        try:
            write_described(path, info)
        except (TypeError, ValueError):  # what no JSON can hold
            continue
        if (what := fault(lambda: predict(path), path.stat().st_size)) is not None:
            found.append(f"mutant {number}: {what}")
    return found


def attack_all(folder: Path, n: int, seed: int = 16) -> dict[str, list[str]]:
    """Return by kind of file what went wrong with n mutants of each."""
    found = {kind: attack(*own, n, seed) for kind, own in build(folder).items()}
    return {**found, "model": attack_description(folder, n, seed)}


def test_a_few_mutants_of_each_kind_of_file_give_an_answer_or_one_line(tmp_path):
    assert {kind: own for kind, own in attack_all(tmp_path, FEW).items() if own} == {}


def test_the_undamaged_files_are_read(tmp_path):
    for _, _, read in build(tmp_path).values():
        read()
    for info in (INFO, INFO_OF_TABLE):
        write_described(tmp_path / "own.safetensors", info)
        predict(tmp_path / "own.safetensors")
    assert set(INFO) == set(ModelInfo.__dataclass_fields__)


@pytest.mark.full
def test_5_000_mutants_of_each_kind_of_file_give_an_answer_or_one_line(tmp_path):
    start = time.perf_counter()
    found = attack_all(tmp_path, int(os.environ.get("BARENET_MUTANTS", MANY)))
    counts = Counter(what.split(": ")[1] for own in found.values() for what in own)
    kinds = ", ".join(found)
    for what, name in (("trace", "traces"), ("hang", "hangs over 2 s"), ("memory", "memory over file + 64 MB")):
        n, seconds = MANY * len(found), time.perf_counter() - start
        record(f"mutants of {kinds}: {name}", 0, counts[what], n=n, seconds=seconds)
    assert {kind: own[:5] for kind, own in found.items() if own} == {}


READ_IT = """
import resource, sys
from pathlib import Path
from barenet.data.loading import load_dataset
from barenet.data.pictures.picture import decode
from barenet.errors import BarenetError
import PIL.PngImagePlugin, numpy.ma
path = Path(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    decode(path, color=True, smallest=28) if path.suffix == ".png" else load_dataset(path)
except BarenetError as error:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, error)
else:
    print(-1, "taken")
"""
N_BOMB = 200_000_000


def write_bomb(folder: Path, kind: str) -> Path:
    """Write a small file that unpacks to 200 MB, or a picture of 64 million pixels."""
    from PIL import Image

    path = folder / f"bomb.{kind}"
    if kind == "png":
        Image.new("L", (8000, 8000)).save(path)
    elif kind == "npz":
        np.savez_compressed(path, x_train=np.zeros((200, 1_000_000), np.uint8), y_train=np.arange(200) % 2)
    elif kind == "pkl.gz":
        path.write_bytes(gzip.compress(pickle.dumps(bytes(N_BOMB)), 6))
    else:
        path.write_bytes(gzip.compress(b"0,1\n" * (N_BOMB // 4), 6))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("kind", full_except(["png", "npz", "pkl.gz", "csv.gz"], "png", "npz"))
def test_a_bomb_is_refused_before_it_takes_memory(kind, tmp_path):
    path = write_bomb(tmp_path, kind)
    done = subprocess.run([sys.executable, "-c", READ_IT, str(path)], capture_output=True, encoding="utf-8", check=True)
    kilobytes, message = done.stdout.split(" ", 1)
    assert 0 <= int(kilobytes) * 1024 < ROOM + path.stat().st_size, message
    assert "unpacks to" in message or "million pixels" in message
