"""The records of a study, read without its images: the same comparison as at the end of the search."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import barenet
from barenet.analysis.saved_study import is_exhausted, read_saved_study, settle
from barenet.errors import BarenetError, RunError
from barenet.storage.folders import hold_lock, is_held
from barenet.storage.sealing import seal, unseal
from barenet.tuning.space.plan import Plan
from barenet.tuning.space.search_space import Space
from barenet.tuning.study.rungs import RungRecord
from barenet.tuning.study.trial import Trial

SETTINGS = {"n_valid": 0.2, "hidden_sizes": (6,), "batch_size": 50, "epochs": 3, "label_smoothing": 0, "workers": 0}
SPACE = {"lr": [0.1, 0.03, 0.001, 1e30], "l2": [0.0, 0.01]}


@pytest.fixture(scope="module")
def result(arrays, tmp_path_factory):
    """A finished search with halving, repeats, a test and trials that diverge; n_valid is a fraction."""
    how = {"halving": True, "repeats": 2, "repeat_best": 2, "retrain": True, "verbose": False}
    return barenet.search(SPACE, **arrays, **SETTINGS, **how, output=tmp_path_factory.mktemp("studies"))


@pytest.fixture
def folder(result, tmp_path) -> Path:
    """A copy of the study, for one test."""
    return shutil.copytree(result.folder, tmp_path / "study")


def state_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.slow
def test_the_records_tell_what_the_search_told_and_reading_changes_no_file(result):
    before = state_of(result.folder)
    saved = read_saved_study(result.folder)
    assert state_of(result.folder) == before
    again, told = saved.result.as_dict(), result.as_dict()
    assert {name: again[name] for name in again if name != "retrained"} == {
        name: told[name] for name in told if name != "retrained"
    }
    assert [(t.number, t.ended) for t in saved.result.trials] == [(t.number, t.ended) for t in result.trials]
    assert (saved.result.noise, saved.result.n_valid) == (result.noise, 120)
    assert (saved.is_finished, saved.is_running, saved.n_repeats) == (True, False, 4)
    assert saved.tested["test_accuracy"] == result.retrained.networks[0].scores.accuracy
    assert saved.winner.optimizer.learning_rate == result.best.point["lr"]
    assert len(saved.histories[result.best.number]) == 3


@pytest.mark.slow
def test_an_interrupted_search_has_trials_that_have_not_ended(folder, result):
    (folder / "results.json").unlink()
    shutil.rmtree(folder / "trials" / "00005")
    for path in folder.glob("trials/*/rung-1.json"):
        path.unlink()
    saved = read_saved_study(folder)
    assert not saved.is_finished
    assert saved.winner is saved.tested is saved.result.best is None
    ended = {trial.number: trial.ended for trial in saved.result.trials}
    assert ended == {n: "diverged" if t.lost else None for n, t in ((t.number, t) for t in saved.result.trials)}
    assert sum(how == "diverged" for how in ended.values()) == 2


def test_a_search_is_unfinished_if_its_number_of_repeats_was_raised(folder):
    about = unseal((folder / "study.json").read_bytes())
    about["plan"]["repeats"] = 5
    (folder / "study.json").write_text(seal(about), "utf-8")
    saved = read_saved_study(folder)
    assert (saved.is_finished, saved.n_repeats, saved.n_repeats_planned) == (False, 4, 10)


def test_test_results_of_another_winner_are_not_read(folder):
    config = folder / "retrained" / "config.toml"
    text = config.read_text("utf-8")
    config.write_text(text.replace("learning_rate", "learning_rate = 0.5 # ", 1), "utf-8")
    saved = read_saved_study(folder)
    assert saved.tested is None
    assert "earlier winner" in saved.notes[0]


def test_a_damaged_summary_is_noted_and_the_trials_tell_the_rest(folder, result):
    (folder / "results.json").write_text("{", "utf-8")
    saved = read_saved_study(folder)
    assert saved.notes[0].startswith("results.json is damaged")
    assert saved.result.best.number == result.best.number


def lose(path: Path) -> None:
    path.unlink()


def flip(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"0", b"1", 1))


def make_newer(path: Path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"format": 99, "checksum": ""}), "utf-8")
    values = json.loads(path.read_text("utf-8"))
    del values["checksum"]
    path.write_text(seal(values), "utf-8")


@pytest.mark.parametrize(
    ("name", "fault", "words"),
    [
        ("study.json", lose, "is not a study's folder: it has no study.json"),
        ("study.json", flip, "is damaged"),
        ("study.json", make_newer, "has format 99, newer than"),
        ("config.toml", lose, "config.toml is missing; write it again by: barenet search --resume"),
        ("rounds/0.json", lose, "0.json is missing, but trial 0 has results"),
        ("rounds/0.json", flip, "is damaged"),
        ("trials/00001/rung-0.json", flip, "write it again by: barenet search --resume"),
        ("retrained/test.json", flip, "test.json is damaged"),
    ],
)
def test_a_damaged_or_missing_file_is_named_in_one_line(name, fault, words, folder):
    fault(folder / name)
    with pytest.raises(BarenetError) as error:
        read_saved_study(folder)
    assert words in str(error.value)
    assert Path(name).name in str(error.value)
    assert "\n" not in str(error.value)


def test_a_run_is_no_study(folder):
    with pytest.raises(RunError, match=r"no study\.json"):
        read_saved_study(folder / "best")


def trial(number: int, *accuracies: float) -> Trial:
    rungs = [RungRecord("trained", i + 1, 1.0, accuracy) for i, accuracy in enumerate(accuracies)]
    return Trial(number, f"{number:05d}", {}, None, rungs=rungs)


def test_after_a_rung_the_best_third_continues_and_the_others_were_stopped():
    trials = [trial(0, 0.5), trial(1, 0.9, 0.2), trial(2, 0.7)]
    settle(trials, [1, 3], Plan(halving=True))
    assert [t.ended for t in trials] == ["stopped", "finished", "stopped"]
    trials = [trial(0, 0.5), trial(1, 0.9), trial(2)]
    settle(trials, [1, 3], Plan(halving=True))
    assert [t.ended for t in trials] == [None, None, None]
    trials = [trial(0, 0.5), trial(1, 0.9), trial(2, 0.7)]
    settle(trials, [1, 3], Plan(halving=True))
    assert [t.ended for t in trials] == ["stopped", None, "stopped"]


def test_a_space_of_choices_has_an_end_and_a_range_has_none():
    assert is_exhausted(Space.parse({"lr": [0.1, 0.2]}), 2)
    assert not is_exhausted(Space.parse({"lr": [0.1, 0.2, 0.3]}), 2)
    assert not is_exhausted(Space.parse({"lr": {"low": 0.1, "high": 0.2}}), 100)


def test_a_folder_is_held_while_a_process_works_in_it(tmp_path):
    assert not is_held(tmp_path)
    with hold_lock(tmp_path):
        assert is_held(tmp_path)
    assert not is_held(tmp_path)
    (tmp_path / ".holder.json").write_text("[]", "utf-8")
    assert not is_held(tmp_path)
