"""Of the time of a stack, the best run of a study tells its share, or that the time was shared."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from barenet.analysis.shared_time import share_time
from barenet.training.records import EpochRecord
from barenet.tuning.study.folder import RungRecord, StudyFolder

RECORD = EpochRecord(0, 1, 10, 0.1, 0.5, 0.8, 0.5, 0.8, True, 1.0, 0.1, 5.0, seconds=8.0)
HISTORY = [RECORD, replace(RECORD, epoch=2, seconds=10.0), replace(RECORD, epoch=3, seconds=12.0)]


@pytest.fixture
def study(tmp_path):
    """A study whose best run, trial 3, had a quarter of 30 s in two rungs."""
    folder = StudyFolder(tmp_path / "study")
    folder.write_json(folder.about, {"name": "study"})
    folder.write_json(folder.path / "results.json", {"best": {"trial": 3}})
    folder.write_json(folder.rung("00003", 0), asdict(RungRecord("trained", 1, seconds=2.0)))
    folder.write_json(folder.rung("00003", 1), asdict(RungRecord("trained", 3, seconds=5.5)))
    (folder.path / "best").mkdir()
    return folder


def test_the_best_run_has_its_share_of_the_seconds_of_its_stack(study):
    shared = share_time(study.path / "best", HISTORY)
    assert [record.seconds for record in shared.history] == [2.0, 2.5, 3.0]
    assert [replace(record, seconds=0) for record in shared.history] == [replace(r, seconds=0) for r in HISTORY]
    assert (shared.short, shared.is_known) == ("its share", True)
    assert "30.0 s" in shared.words


def test_epochs_that_were_trained_later_and_alone_keep_their_seconds(study):
    longer = [*HISTORY, replace(RECORD, epoch=4, seconds=7.0)]
    assert [record.seconds for record in share_time(study.path / "best", longer).history] == [2.0, 2.5, 3.0, 7.0]


def test_a_run_that_trained_alone_has_all_seconds_and_no_words(study, tmp_path):
    (tmp_path / "best").mkdir()
    for folder in (study.path / "retrained", tmp_path / "best"):
        assert share_time(folder, HISTORY) == share_time(tmp_path / "other", HISTORY)
    for rung, epochs in enumerate((1, 3)):
        study.write_json(study.rung("00003", rung), asdict(RungRecord("trained", epochs, seconds=15.0)))
    assert share_time(study.path / "best", HISTORY).history == HISTORY
    assert share_time(study.path / "best", HISTORY).words == ""


@pytest.mark.parametrize("content", [None, "{}", '{"best": null}', '{"best": {"trial": 9}}', "not JSON"])
def test_where_no_share_is_known_the_words_say_that_the_time_was_shared(content, study):
    (study.path / "results.json").unlink()
    if content is not None:
        (study.path / "results.json").write_text(content, "utf-8")
    shared = share_time(study.path / "best", HISTORY)
    assert shared.history == HISTORY
    assert (shared.short, shared.is_known) == ("shared with other trials", False)


def test_a_study_of_an_earlier_version_without_checksums_tells_the_share(study):
    (study.path / "results.json").write_text('{"best": {"trial": 3}}', "utf-8")
    study.rung("00003", 0).write_text('{"outcome": "trained", "epochs": 1, "seconds": 2.0}', "utf-8")
    study.rung("00003", 1).write_text('{"outcome": "trained", "epochs": 3, "seconds": 5.5}', "utf-8")
    assert share_time(study.path / "best", HISTORY).short == "its share"
