"""One bit of a file of a run is flipped: the file is refused, or gives the same content, or a note names the damage."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from children import train
from report import record

from barenet.config.comparing import differing_settings
from barenet.errors import BarenetError, RunError
from barenet.run_folders.checkpoint import read_model, read_state
from barenet.run_folders.folder import RunFolder
from barenet.run_folders.going_on.resuming import MAY_DIFFER, check_settings_file, stored_config
from barenet.run_folders.machine import read_machine
from barenet.run_folders.results import read_verdict
from barenet.run_folders.run import network_configs
from barenet.run_folders.scores import read_scores
from barenet.storage.history import read_history


class Refused(Exception):
    """A reader refused a file with a message, or a later step notices the damage."""


def weights(run: Path) -> Any:
    model = read_model(run / "best.safetensors")
    return asdict(model.info), model.mlp.parameters.values.tobytes()


def state(name: str) -> Callable[[Path], Any]:
    def read(run: Path) -> Any:
        info, stored = read_state(run / name)
        return asdict(info), {key: array.tobytes() for key, array in stored.arrays().items()}

    return read


def history(run: Path) -> Any:
    found = read_history(run / "history.jsonl")
    if found.problems(5):
        raise Refused
    return [one.as_values() for one in found.records]


def scores(run: Path) -> Any:
    found = read_scores(run)
    assert found is not None
    return found[0], found[1].tobytes()


def verdict(run: Path) -> Any:
    found = read_verdict(run, read_history(run / "history.jsonl").records)
    if found is None:
        raise Refused
    return found


def machine(run: Path) -> Any:
    found = read_machine(run)
    if found is None:
        raise Refused
    return found


def make_settings_reader(run: Path) -> Callable[[Path], Any]:
    """Return a reader of settings as of a resume, without the path of the data and threads, which users may change."""
    info, _ = read_state(run / "last.safetensors")
    before = stored_config(run)

    def read(where: Path) -> Any:
        config = stored_config(where)
        own = network_configs(config)
        if len(own) != 1:
            raise RunError("the run has one network")  # as `resume_run` says it
        check_settings_file(RunFolder(where), own[0], info.settings)
        if config.trainer.epochs != before.trainer.epochs:
            raise Refused  # a resume says that it is for more epochs, or that there cannot be fewer
        return [path for path in differing_settings(before, config) if path not in MAY_DIFFER]

    return read


READERS: dict[str, Callable[[Path], Any]] = {
    "best.safetensors": weights,
    "last.safetensors": state("last.safetensors"),
    "previous.safetensors": state("previous.safetensors"),
    "history.jsonl": history,
    "test.json": scores,
    "test-probabilities.safetensors": scores,
    "learning.json": verdict,
    "machine.json": machine,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("flips") / "run"
    train(str(folder), "one")
    return folder


def flip(run: Path, name: str, n: int, seed: int) -> tuple[Counter, list[str]]:
    """Flip bits of a file, one at a time; return how often each result occurred, and examples of wrong ones."""
    read = make_settings_reader(run) if name == "config.toml" else READERS[name]
    rng, path = random.Random(seed), run / name
    whole, found, examples = path.read_bytes(), Counter[str](), []
    wanted = read(run)
    for _ in range(n):
        place, bit = rng.randrange(len(whole)), rng.randrange(8)
        damaged = bytearray(whole)
        damaged[place] ^= 1 << bit
        path.write_bytes(damaged)
        try:
            outcome = "same" if read(run) == wanted else "silent"
        except (BarenetError, Refused):
            outcome = "refused"
        except Exception as error:
            outcome = "trace"
            examples.append(f"byte {place}, bit {bit}: {type(error).__name__}: {error}")
        if outcome == "silent":
            lines, line = damaged.split(b"\n"), damaged.count(b"\n", 0, place)
            examples.append(f"byte {place}, bit {bit}: {lines[line][:100]!r}")
        found[outcome] += 1
    path.write_bytes(whole)
    return found, examples


@pytest.mark.parametrize("name", [*READERS, "config.toml"])
def test_each_flipped_bit_is_noticed(run, name):
    found, examples = flip(run, name, 20, seed=0)
    assert examples == []
    assert found["refused"] > 0


@pytest.mark.full
@pytest.mark.parametrize("name", [*READERS, "config.toml"])
def test_each_of_10000_flipped_bits_is_noticed(run, name):
    started = time.monotonic()
    found, examples = flip(run, name, 10_000, seed=1)
    record(
        f"bit flips in {name}: silent, traces",
        "0, 0",
        f"{found['silent']}, {found['trace']} ({found['refused']:,} refused, {found['same']:,} the same content)",
        n=10_000,
        seconds=time.monotonic() - started,
    )
    assert examples == []
