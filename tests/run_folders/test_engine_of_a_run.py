"""A run keeps the engine that it was started with, for each way to continue it and any environment variable."""

from __future__ import annotations

import shutil

import pytest

import barenet
from barenet.config.sources import stored_settings
from barenet.engine import making
from barenet.errors import RunError
from barenet.run_folders.checkpoint import read_state
from barenet.run_folders.folder import RunFolder
from barenet.run_folders.going_on.resuming import changed_settings, config_to_resume, resume_run
from barenet.run_folders.machine import describe_machine, read_machine, write_machine
from barenet.run_folders.observer import Observer
from barenet.run_folders.run import start_run
from barenet.storage.sealing import seal

BROKEN = "Numba 0.1 is too old"


@pytest.fixture(scope="module")
def run(make_run):
    return make_run("plain")


@pytest.fixture
def copied(run, tmp_path):
    folder, dataset = run
    shutil.copytree(folder, tmp_path / "run")
    return tmp_path / "run", dataset


@pytest.fixture
def broken_shell(monkeypatch):
    """Set the environment variable for compiled kernels where they cannot be used."""
    monkeypatch.setenv("BARENET_ENGINE", "compiled")
    monkeypatch.setattr(making, "why_not", lambda: BROKEN)


def replace_in_config(folder, before, after):
    path = folder / "config.toml"
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after), "utf-8")


def test_a_run_says_which_engine_trained_it(run):
    folder, _ = run
    assert 'engine = "numpy"' in (folder / "config.toml").read_text("utf-8")
    assert read_machine(folder)["engine"] == "numpy"
    assert "Numba" not in read_machine(folder)
    assert read_state(folder / "last.safetensors")[0].settings["trainer"]["engine"] == "numpy"


def test_a_run_continues_with_its_engine_for_any_environment_variable(copied, broken_shell):
    folder, dataset = copied
    config = config_to_resume(folder, {})
    more = config.with_values(trainer__epochs=config.trainer.epochs + 1)
    assert resume_run(folder, dataset, config=more).config.trainer.engine == "numpy"


def test_another_engine_is_refused_and_the_same_engine_or_auto_is_not(run):
    folder, _ = run
    for asked in ("numpy", "auto"):
        assert config_to_resume(folder, {"trainer.engine": asked}).trainer.engine == "numpy"
    assert config_to_resume(folder, {}, recipe="quick", file=folder / "config.toml").trainer.engine == "numpy"
    with pytest.raises(RunError, match=r"was started with trainer\.engine = numpy, not compiled; leave it out"):
        config_to_resume(folder, {"trainer.engine": "compiled"})


def test_a_run_of_an_earlier_version_was_trained_by_numpy(copied, broken_shell):
    folder, dataset = copied
    started_with = read_state(folder / "last.safetensors")[0].settings
    del started_with["trainer"]["engine"]
    replace_in_config(folder, 'engine = "numpy"\n', "")
    config = stored_settings(folder / "config.toml")
    assert config.trainer.engine == "numpy"
    assert list(changed_settings(RunFolder(folder), config, started_with)) == []
    assert resume_run(folder, dataset).config.trainer.engine == "numpy"
    (words,) = changed_settings(RunFolder(folder), config.with_values(trainer__engine="compiled"), started_with)
    assert "trainer.engine is compiled, and was numpy" in words


@pytest.mark.parametrize("go_on", [resume_run, lambda folder, dataset: barenet.verify(folder, dataset=dataset)])
def test_a_run_does_not_continue_if_its_engine_cannot_be_used(go_on, copied, monkeypatch):
    folder, dataset = copied
    info = read_state(folder / "last.safetensors")[0]
    info.settings["trainer"]["engine"] = "compiled"
    monkeypatch.setattr("barenet.analysis.verification.read_state", lambda path: (info, read_state(path)[1]))
    replace_in_config(folder, 'engine = "numpy"', 'engine = "compiled"')
    monkeypatch.setattr(making, "why_not", lambda: BROKEN)
    with pytest.raises(RunError) as refused:
        go_on(folder, dataset)
    assert str(refused.value) == f"{folder} was begun with compiled kernels, and goes on only with them; {BROKEN}"


@pytest.mark.parametrize(("engine", "is_said"), [("numpy", True), ("compiled", False)])
def test_another_blas_is_noted_for_the_numpy_engine_only(engine, is_said, tmp_path):
    (tmp_path / "machine.json").write_text(seal({**describe_machine(engine), "BLAS": "another"}), "utf-8")
    assert (write_machine(tmp_path, engine, step=7) is not None) is is_said


class Stop(Observer):
    """Interrupts a run after its first epoch."""

    def record(self, record):
        raise KeyboardInterrupt


@pytest.mark.extra
@pytest.mark.slow
def test_a_run_on_compiled_kernels_stops_continues_and_is_verified(dataset, make_config, tmp_path):
    pytest.importorskip("numba")
    config = make_config(engine="compiled", epochs=3, n_seeds=2)
    whole = start_run(config, dataset, output=tmp_path, name="whole")
    assert read_machine(whole.folder / "seed-0").items() >= {"engine": "compiled"}.items()
    assert {"Numba", "llvmlite"} <= set(read_machine(whole.folder / "seed-0"))
    with pytest.raises(KeyboardInterrupt):
        start_run(config, dataset, output=tmp_path, name="stopped", observer=Stop())
    resumed = resume_run(tmp_path / "stopped", dataset)
    assert resumed.config.trainer.engine == "compiled"
    for one, other in zip(whole.networks, resumed.networks, strict=True):
        assert one.model.mlp.parameters.values.tobytes() == other.model.mlp.parameters.values.tobytes()
    assert all(not replay.differing for replay in barenet.verify(tmp_path / "stopped", dataset=dataset).replays)
