"""A study resolves its engine once, for all its workers, and keeps it."""

from __future__ import annotations

import json

import pytest
from told import listen

import barenet
from barenet.engine import making
from barenet.errors import ConfigError, RunError
from barenet.run_folders.going_on.resuming import stored_config
from barenet.storage.sealing import seal, unseal
from barenet.tuning.study.observer import SearchObserver

BROKEN = "Numba 0.1 is too old"
SPACE = {"lr": [0.01, 0.005]}
SMALL = {"epochs": 1, "hidden_sizes": (6,), "n_valid": 60, "workers": 0, "verbose": False}


class Notes(SearchObserver):
    """Keeps all notes."""

    def __init__(self):
        self.heard = listen()


@pytest.fixture(scope="module")
def study(arrays, tmp_path_factory):
    output = tmp_path_factory.mktemp("studies")
    images = {"x": arrays["x"], "y": arrays["y"]}
    barenet.search(SPACE, **images, **SMALL, output=output, name="study", seed=1)
    return output / "study", images


@pytest.fixture
def broken_shell(monkeypatch):
    monkeypatch.setenv("BARENET_ENGINE", "compiled")
    monkeypatch.setattr(making, "why_not", lambda: BROKEN)


def test_a_study_says_which_engine_trains_its_trials(study):
    folder, _ = study
    assert unseal((folder / "study.json").read_bytes())["given"]["trainer.engine"] == "numpy"
    assert 'engine = "numpy"' in (folder / "config.toml").read_text("utf-8")
    assert stored_config(folder / "best").trainer.engine == "numpy"


def test_a_study_goes_on_with_its_engine_and_ignores_the_shell(study, broken_shell):
    folder, images = study
    for again in (
        {},
        {"space": SPACE, "base": {"trainer": {"seed": 1}}, "hidden_sizes": (6,), "n_valid": 60, "epochs": 1},
    ):
        notes = Notes()
        barenet.search(**images, **again, resume=folder, workers=0, observer=notes)
        assert not [note for note in notes.heard if "engine" in note or "changed" in note]
    with pytest.raises(RunError, match=r"was made with trainer\.engine = numpy, not compiled"):
        barenet.search(**images, resume=folder, workers=0, engine="compiled", verbose=False)


def test_a_study_of_an_earlier_version_was_trained_by_numpy(study, broken_shell):
    folder, images = study
    for name in ("config.toml", "space.toml"):
        text = (folder / name).read_text("utf-8")
        assert 'engine = "numpy"\n' in text
        (folder / name).write_text(text.replace('engine = "numpy"\n', ""), "utf-8")
    about = unseal((folder / "study.json").read_bytes())
    del about["given"]["trainer.engine"]
    (folder / "study.json").write_text(seal(about), "utf-8")
    notes = Notes()
    barenet.search(**images, resume=folder, workers=0, observer=notes)
    assert not [note for note in notes.heard if "engine" in note or "changed" in note]
    assert unseal((folder / "study.json").read_bytes())["given"]["trainer.engine"] == "numpy"


def test_a_study_whose_engine_cannot_be_used_does_not_go_on(study, monkeypatch, tmp_path):
    folder, images = study
    about = unseal((folder / "study.json").read_bytes())
    about["given"]["trainer.engine"] = "compiled"
    (tmp_path / "study.json").write_text(seal(about), "utf-8")
    monkeypatch.setattr(making, "why_not", lambda: BROKEN)
    with pytest.raises(RunError, match="was begun with compiled kernels, and goes on only with them"):
        barenet.search(**images, resume=tmp_path, workers=0, verbose=False)


def test_the_engine_cannot_be_searched():
    with pytest.raises(ConfigError, match="one engine trains all trials"):
        barenet.search({"engine": ["numpy", "compiled"]}, verbose=False)


@pytest.mark.extra
def test_a_dask_worker_that_lacks_the_engine_is_named(monkeypatch, make_config):
    pytest.importorskip("distributed")
    from barenet.tuning.workers import cluster
    from barenet.tuning.workers.rung import RungTask

    class Worker:
        address = "tcp://10.0.0.7:4711"

    monkeypatch.setattr(cluster, "get_worker", Worker)
    monkeypatch.setattr(cluster.socket, "gethostname", lambda: "node7")
    monkeypatch.setattr(cluster, "why_not", lambda: BROKEN)
    with pytest.raises(ConfigError) as refused:
        cluster.train_rung_on_cluster(RungTask((make_config(engine="compiled"),), None, None, None))
    assert str(refused.value) == (
        "the Dask worker tcp://10.0.0.7:4711 on node7 cannot train with compiled kernels, as the others do; there, "
        f"{BROKEN}"
    )


@pytest.mark.extra
@pytest.mark.slow
def test_workers_train_trials_on_the_engine_of_the_study(arrays, tmp_path, monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setenv("BARENET_ENGINE", "compiled")
    settings = {**SMALL, "workers": 2}
    barenet.search(SPACE, x=arrays["x"], y=arrays["y"], **settings, output=tmp_path, name="study")
    best = tmp_path / "study" / "best"
    assert stored_config(best).trainer.engine == "compiled"
    assert json.loads((best / "machine.json").read_text("utf-8"))["engine"] == "compiled"
    assert barenet.verify(best, dataset=barenet.from_arrays(arrays["x"], arrays["y"]), whole=True).problems == []
