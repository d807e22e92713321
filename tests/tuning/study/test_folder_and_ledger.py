"""A study's files and Optuna's record, after crashes and damage."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys

import optuna
import pytest
from families import full_except, slow_except
from told import listen
from waiting import wait_while_it_raises

import barenet
from barenet.api import searching
from barenet.errors import ConfigError, MachineError, RunError
from barenet.run_folders.folder import drop_torn_files
from barenet.schema import SchemaError
from barenet.storage.folders import hold_lock
from barenet.storage.sealing import seal, unseal
from barenet.tuning.space.plan import Plan
from barenet.tuning.space.request import make_request, read_request
from barenet.tuning.space.sampling import Past, propose
from barenet.tuning.space.search_space import Space
from barenet.tuning.study import record as records
from barenet.tuning.study.databases import driver_of, hide_password
from barenet.tuning.study.folder import StudyFolder, new_study
from barenet.tuning.study.ledger import open_ledger
from barenet.tuning.study.observer import SearchObserver
from barenet.tuning.study.rungs import DamagedError, RungRecord, Subject

SPACE = Space.parse({"lr": [0.1, 0.01, 0.001]})
DAMAGED = b"not a database at all, whatever it is called"


def states(ledger):
    return [(trial.user_attrs.get("trial"), trial.state.name) for trial in ledger.trials()]


@pytest.mark.slow
def test_a_trial_is_enqueued_asked_for_and_ended_once(tmp_path):
    ledger = open_ledger(None, tmp_path, "s", SPACE, "maximize")
    ledger.start(4, {"lr": 0.01})
    ledger.start(4, {"lr": 0.01})
    assert states(ledger) == [(4, "RUNNING")]
    ledger.report(4, {1: 0.5, 2: 0.6})
    ledger.finish(4, "COMPLETE", 0.6, {"ended": "finished"})
    ledger.finish(4, "COMPLETE", 0.6, {"ended": "finished"})
    again = open_ledger(None, tmp_path, "s", SPACE, "maximize")
    again.start(4, {"lr": 0.01})
    assert states(again) == [(4, "COMPLETE")]
    trial = again.trials()[0]
    assert (trial.params, trial.value, trial.intermediate_values) == ({"lr": 0.01}, 0.6, {1: 0.5, 2: 0.6})


@pytest.mark.slow
def test_a_trial_that_was_left_waiting_or_running_is_continued(tmp_path):
    ledger = open_ledger(None, tmp_path, "s", SPACE, "maximize")
    ledger.start(0, {"lr": 0.1})
    ledger.study.enqueue_trial({"lr": 0.01}, user_attrs={"trial": 1})  # and killed
    again = open_ledger(None, tmp_path, "s", SPACE, "maximize")
    assert states(again) == [(0, "RUNNING"), (1, "RUNNING")]
    again.finish(0, "PRUNED", None, {})
    again.finish(1, "FAIL", None, {"reason": "diverged"})
    assert states(again) == [(0, "PRUNED"), (1, "FAIL")]


@pytest.mark.slow
def test_a_trial_that_was_only_asked_for_gets_its_values(tmp_path):
    ledger = open_ledger(None, tmp_path, "s", SPACE, "maximize")
    ledger.study.enqueue_trial({"lr": 0.01}, user_attrs={"trial": 0})
    ledger.study.ask()  # and killed
    assert ledger.trials()[0].params == {}
    again = open_ledger(None, tmp_path, "s", SPACE, "maximize")
    again.start(0, {"lr": 0.01})
    again.finish(0, "COMPLETE", 0.5, {})
    assert [(trial.state.name, trial.params) for trial in again.trials()] == [("COMPLETE", {"lr": 0.01})]


def test_real_numbers_that_are_nearly_equal_are_two_trials(tmp_path):
    space = Space.parse({"lr": [0.1, 0.1000001]})
    ledger = open_ledger(None, tmp_path, "s", space, "maximize")
    for number, point in enumerate(space.grid()):
        ledger.start(number, point)
    assert [trial.params["lr"] for trial in ledger.trials()] == [0.1, 0.1000001]


@pytest.mark.slow
@pytest.mark.parametrize("content", full_except([None, b"", DAMAGED], DAMAGED))
def test_a_lost_or_damaged_record_is_made_anew_from_the_files(content, small_search, contents):
    result = small_search()
    before = contents(result.folder)
    for path in result.folder.glob("study.db*"):
        path.unlink()
    if content is not None:
        (result.folder / "study.db").write_bytes(content)
    again = small_search(resume=result.folder)
    assert contents(again.folder) == before


@pytest.mark.parametrize(
    ("url", "package"),
    [
        ("postgresql+psycopg2://a@h/d", "psycopg2-binary"),
        ("postgresql+psycopg://a@h/d", "'psycopg[binary]'"),
        ("mysql://a@h/d", "mysqlclient"),
        ("mysql+pymysql://a@h/d", "pymysql"),
    ],
)
def test_a_missing_driver_is_named_with_its_package(url, package):
    assert driver_of(url).endswith(f": pip install {package}")


def test_a_password_is_never_shown_or_written(small_search, tmp_path):
    assert hide_password("mysql://ada:secret@db/x") == "mysql://ada:***@db/x"
    with pytest.raises(MachineError) as error:
        small_search(storage="postgresql://ada:secret@127.0.0.1:9/x", name="with-database")
    assert "127.0.0.1:9" in str(error.value)
    assert "secret" not in str(error.value)
    assert not (tmp_path / "studies" / "with-database").exists()
    with pytest.raises(ConfigError, match="--storage must be a URL"):
        small_search(storage="nonsense")


@pytest.mark.slow
def test_another_sqlite_file_can_hold_the_record(small_search, tmp_path):
    url = f"sqlite:///{tmp_path / 'all.db'}"
    result = small_search(storage=url)
    small_search(storage=url)
    names = optuna.get_all_study_names(url)
    assert len(names) == 2
    assert all(name.startswith("course-") for name in names)
    assert not (result.folder / "study.db").exists()
    assert json.loads((result.folder / "study.json").read_text("utf-8"))["storage"] == url


# Files


def test_a_study_that_another_process_uses_is_refused_and_the_process_named(tmp_path):
    program = (
        "import sys, time; from pathlib import Path; from barenet.storage.folders import hold_lock\n"
        f"with hold_lock(Path({str(tmp_path)!r})): print('locked', flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, encoding="utf-8") as other:
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(RunError, match=f"is in use by process {other.pid} on"), hold_lock(tmp_path):
            pass
        other.kill()
        other.wait()

    def take_lock():
        with hold_lock(tmp_path):
            pass

    wait_while_it_raises(RunError, take_lock)  # the lock ends with its process


def test_a_study_is_not_begun_in_an_existing_folder(tmp_path):
    def create(*about):
        with new_study(*about) as new:
            StudyFolder(new.path).about.write_text("{}", "utf-8")
            return new.publish()

    create(tmp_path, "mine", "x")
    with pytest.raises(RunError, match="holds a study already; go on with it by --resume"):
        create(tmp_path, "mine", "x")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").touch()
    with pytest.raises(RunError, match=r"holds something else \(letter.txt\)"):
        create(tmp_path, "other", "x")
    with pytest.raises(RunError, match="must be the name of one folder"):
        create(tmp_path, "a/b", "x")
    assert [create(tmp_path, None, "grid").name for _ in range(2)] == ["grid-search-1", "grid-search-2"]


def subject(rung=0):
    return Subject("00000", rung, 0, 1, {"lr": 0.1})


def test_a_half_written_rung_is_not_finished(tmp_path):
    notes = listen()
    folder = StudyFolder(tmp_path)
    assert folder.read_rungs("00000") == []
    folder.write_rung(subject(), RungRecord("trained", 3, 0.5, 0.8), [])
    done = [RungRecord("trained", 3, 0.5, 0.8)]
    assert folder.read_rungs("00000") == done
    torn = folder.rung("00000", 1).with_name(".rung-1.json.123.tmp")
    torn.write_text("{", "utf-8")
    assert folder.read_rungs("00000") == done
    drop_torn_files(tmp_path)
    assert not torn.exists()
    folder.rung("00000", 1).write_text("{", "utf-8")
    with pytest.raises(RunError, match=r"rung-1.json is damaged \(it is cut short"):
        folder.read_rungs("00000")
    assert [stored.record for stored in folder.take_rungs("00000")] == done
    assert folder.read_rungs("00000") == done
    assert folder.rung("00000", 1).with_name("rung-1.damaged-1.json").read_text("utf-8") == "{"
    assert len(notes) == 1
    assert notes[0].endswith("it is kept as rung-1.damaged-1.json, and rung 1 of trial 00000 is trained again")


@pytest.fixture(scope="module")
def finished(arrays, tmp_path_factory):
    """The folder of a study that is done."""
    output = tmp_path_factory.mktemp("studies")
    small = {"n_valid": 100, "hidden_sizes": (8, 4), "epochs": 1, "workers": 0, "verbose": False}
    return barenet.search({"lr": [0.1, 0.01]}, **arrays, **small, output=output).folder


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"space": {"lr": [0.3]}}, "was made from another space"),
        ({"space": {"lr": [0.1, 0.01], "l2": [0.0]}}, r"another space: it searches no more, not l2 = \[0.0\]"),
        ({"epochs": 9}, "was made with trainer.epochs = 1, not 9; leave it out"),
        ({"recipe": "quick"}, "was made from another recipe, course"),
        ({"metric": "loss"}, "was made with metric = acc, got loss"),
    ],
)
def test_a_study_goes_on_only_with_what_it_was_asked_for(given, message, finished, small_search):
    with pytest.raises(RunError, match=message):
        small_search(resume=finished, **given)


def question_of(folder):
    """Return the recipe and the given settings of a study as they are in its file."""
    asked = json.loads((folder / "study.json").read_text("utf-8"))
    return asked["recipe"], asked["given"]


def test_a_search_of_any_space_starts_from_the_course_recipe():
    for space in (None, {"l2": [0.0, 0.1]}):
        base = make_request(space, None, None, {}).base
        assert (base.recipe, base.given) == ("course", {"trainer.epochs": 10, "trainer.eval_every": 1})
    assert make_request({"l2": [0.0]}, None, "quick", {}).base.given == {}
    assert make_request({"l2": [0.0]}, {"trainer": {"epochs": 7}}, None, {}).base.config().trainer.epochs == 7


def test_trials_of_few_epochs_are_validated_after_each(small_search):
    result = small_search({"epochs": [3, 12]}, recipe="course", batch_size=100, epochs=5)
    every = {trial.point["epochs"]: trial.config.trainer.eval_every for trial in result.trials}
    assert every == {3: 1, 12: 10}
    validated = {
        trial.point["epochs"]: [r.epoch for r in StudyFolder(result.folder).read_history(trial.key) if r.valid_loss]
        for trial in result.trials
    }
    assert validated == {3: [1, 2, 3], 12: [10, 12]}


@pytest.mark.slow
def test_a_study_keeps_the_recipe_that_it_was_begun_with(small_search):
    space = {"lr": [0.01]}
    begun = small_search(space, recipe="quick", epochs=1)
    small_search(space, resume=begun.folder)
    assert question_of(begun.folder)[0] == "quick"


@pytest.mark.slow
def test_a_study_goes_on_with_the_base_that_it_was_begun_with(small_search, arrays, tmp_path):
    base = {"data": {"n_valid": 100}, "model": {"hidden_sizes": [4, 4]}}
    about = {**arrays, "base": base, "workers": 0, "verbose": False}
    begun = barenet.search({"batch_size": [100]}, **about, output=tmp_path / "studies")
    assert question_of(begun.folder)[1]["trainer.epochs"] == 10
    barenet.search({"batch_size": [100]}, **about, resume=begun.folder)


def test_a_study_goes_on_only_with_its_data(finished, arrays):
    with pytest.raises(RunError, match="was made from other data than arrays"):
        barenet.search(resume=finished, workers=0, verbose=False, **{**arrays, "x": 255 - arrays["x"]})
    with pytest.raises(RunError, match="given from Python; give them again"):
        barenet.search(resume=finished, workers=0, verbose=False)


def test_a_folder_that_is_no_study_is_refused(small_search, tmp_path):
    with pytest.raises(RunError, match=r"is not a study's folder: it has no study.json"):
        small_search(resume=tmp_path)


@pytest.mark.slow
def test_more_trials_can_be_asked_of_a_study(small_search, contents):
    space = {"lr": {"low": 1e-4, "high": 1e-1, "log": True}}
    options = {"strategy": "tpe", "round_size": 4, "epochs": 1}
    whole = contents(small_search(space, **options, trials=8).folder)
    part = small_search(space, **options, trials=4)
    assert contents(small_search(resume=part.folder, trials=8).folder) == whole
    with pytest.raises(RunError, match="--trials can only be raised, got 2"):
        small_search(resume=part.folder, trials=2)


# Sampling


def test_a_small_space_is_exhausted_and_no_point_comes_twice():
    space = Space.parse({"lr": [0.1, 0.01, 0.001], "l2": [0, 1]})
    points = propose(Plan(strategy="random", trials=20), Past(space, 1), 0, 20)
    assert len(points) == 6
    assert len({json.dumps(point) for point in points}) == 6


def test_tpe_draws_where_trials_did_well():
    space = Space.parse({"momentum": {"low": 0.0, "high": 0.999}})
    past = Past(space, -1)
    for i in range(40):
        value = i / 40
        past.add({"momentum": value}, [(1, (value - 0.7) ** 2)], finished=True, lost=False)
    drawn = propose(Plan(strategy="tpe", trials=80, metric="loss"), past, 3, 9)
    distances = [abs(point["momentum"] - 0.7) for point in drawn]
    assert sum(distances) / 9 < 0.12  # of uniform draws it is 0.29


# Damage: one case each of what tests/faults does at random


class Notes(SearchObserver):
    """Keeps the notes of a search."""

    def __init__(self):
        self.notes = listen()


@pytest.fixture
def copy_of_study(finished, tmp_path):
    """A finished study to damage."""
    return shutil.copytree(finished, tmp_path / "copy")


@pytest.mark.parametrize(
    ("name", "before", "now", "words"),
    slow_except(
        [
            ("config.toml", "epochs = 1", "epochs = 5", "trainer.epochs is 5, and was 1;"),
            ("space.toml", "0.01]", "0.2]", r"another space: it searches lr = \[0.1, 0.01\], not lr = \[0.1, 0.2\];"),
            ("space.toml", 'strategy = "grid"', 'strategy = "random"', "search.strategy is random, and was grid;"),
            ("config.toml", "epochs = 1", "epochs = ", "config.toml"),
        ],
        ("config.toml", "epochs = 1", "epochs = 5", "trainer.epochs is 5, and was 1;"),
    ),
)
def test_a_changed_file_of_a_study_is_named_and_kept(name, before, now, words, copy_of_study, small_search):
    path, told = copy_of_study / name, Notes()
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, now), "utf-8")
    small_search(resume=copy_of_study, observer=told)
    note = told.notes[0]
    assert re.search(words, note)
    kept = f"{path.stem}.changed-1.toml"
    assert note.endswith(f"the search goes on as it was begun, and the file is kept as {kept}")
    assert (copy_of_study / kept).read_text("utf-8") == text.replace(before, now)
    assert path.read_text("utf-8") == text


@pytest.mark.slow
def test_a_study_that_nobody_touched_is_not_called_changed(copy_of_study, small_search):
    told = Notes()
    small_search(resume=copy_of_study, observer=told, repeats=1)
    assert [note for note in told.notes if "changed" in note or "damaged" in note] == []


@pytest.mark.parametrize(
    ("member", "value", "message"),
    [
        ("plan", [1], "plan is a value of type list: input should be a valid dictionary"),
        ("plan", {"strategy": "wild"}, "search.strategy"),
        ("space", {"lr": {"low": 1}}, "lr needs low and high"),
        ("space", {}, "names no setting to search"),
        ("given", {"trainer.epochs": "many"}, "epochs"),
        ("recipe", 7, "recipe is 7: input should be a valid string"),
        ("format", "2", "format is '2': input should be a valid integer"),
        ("format", 99, "has format 99, newer than the 3 that this barenet reads"),
        ("from_arrays", 1, "from_arrays is 1: input should be a valid boolean"),
        ("surprise", 1, "'surprise' is unknown"),
        ("name", None, "name is None: input should be a valid string"),
    ],
)
def test_a_study_json_of_other_names_or_types_is_refused_in_one_line(member, value, message, copy_of_study):
    values = unseal((copy_of_study / "study.json").read_bytes())
    (copy_of_study / "study.json").write_text(seal({**values, member: value}, indent=1), "utf-8")
    with pytest.raises(RunError, match=message) as error:
        read_request(copy_of_study)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"[" * 5_000, b"[]", b"{}", b"\xff", b"9" * 5_000, b'{"format": 2}', b""])
def test_a_study_json_with_other_content_is_refused_in_one_line(content, copy_of_study):
    (copy_of_study / "study.json").write_bytes(content)
    with pytest.raises(RunError, match=r"study.json is damaged \(.*\); put it back from a copy") as error:
        read_request(copy_of_study)
    assert "\n" not in str(error.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_pipes_in_place_of_a_study_are_refused_at_once(copy_of_study):
    for name in ("study.json", "rounds/0.json", "trials/00000/rung-0.json", "trials/00000/rung-0.safetensors"):
        (copy_of_study / name).unlink(missing_ok=True)
        os.mkfifo(copy_of_study / name)
    notes = listen()
    folder = StudyFolder(copy_of_study)
    with pytest.raises(RunError, match=r"study.json is a pipe"):
        read_request(copy_of_study)
    assert folder.take_points(0, SPACE) is None
    assert folder.take_rungs("00000") == []
    assert folder.take_state("00000", 0) is None
    assert len(notes) == 3


@pytest.mark.parametrize(
    ("point", "words"),
    [
        ({"lr": 0.1}, None),
        ({"lr": 0.2}, "lr is 0.2, which is not searched"),
        ({"lr": "0.1"}, "lr is '0.1', which is not searched"),
        ({"lr": [0.1]}, "lr is a value of type list, which is not searched"),
        ({}, "lr is missing"),
        ({"lr": 0.1, "l2": 0.0}, "'l2' is not searched"),
        ([0.1], "it holds a value of type list in place of an object"),
    ],
)
def test_points_of_a_round_are_checked_against_the_space(point, words, tmp_path):
    notes = listen()
    folder = StudyFolder(tmp_path)
    folder.write_points(0, [point])
    if words is None:
        assert folder.take_points(0, SPACE) == [point]
    else:
        assert folder.take_points(0, SPACE) is None
        assert notes == [
            f"{folder.round(0)} is damaged ({words}); it is kept as 0.damaged-1.json, and its points are chosen again"
        ]


def test_points_of_ranges_are_checked_against_their_kind_and_bounds():
    space = Space.parse({"lr": {"low": 0.1, "high": 0.5}, "batch_size": {"low": 4, "high": 8}})
    space.check_point({"lr": 0.5, "batch_size": 4})
    for lr, size in [(0.6, 4), (1, 4), (float("nan"), 4), (0.2, 9), (0.2, 5.0), (0.2, True)]:
        with pytest.raises(SchemaError, match="which is not searched"):
            space.check_point({"lr": lr, "batch_size": size})


def test_rounds_of_earlier_versions_are_lists_without_a_checksum(tmp_path):
    folder = StudyFolder(tmp_path)
    folder.round(0).parent.mkdir()
    folder.round(0).write_text('[{"lr": 0.1}, {"lr": 0.01}]\n', "utf-8")
    assert folder.take_points(0, SPACE) == [{"lr": 0.1}, {"lr": 0.01}]


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "trained well"},
        {"epochs": "3"},
        {"history": {}},
        {"history": [1]},
        {"history": [{"epoch": 1}]},
        {"about": 3},
        {"about": {"trial": "00000", "rung": 0}},
        {"new": 1},
    ],
)
def test_a_record_of_other_names_or_types_is_damaged(change, tmp_path):
    folder = StudyFolder(tmp_path)
    folder.write_rung(subject(), RungRecord("trained", 3, 0.5, 0.8), [])
    path = folder.rung("00000", 0)
    path.write_text(seal({**unseal(path.read_bytes()), **change}), "utf-8")
    with pytest.raises(DamagedError, match=r"rung-0.json is damaged \("):
        folder.read_rungs("00000")
    assert folder.take_rungs("00000") == []


def test_a_record_of_an_earlier_version_says_nothing_of_its_point(tmp_path):
    folder = StudyFolder(tmp_path)
    folder.write_rung(subject(), RungRecord("trained", 3, 0.5, 0.8), [])
    path = folder.rung("00000", 0)
    values = unseal(path.read_bytes())
    del values["about"]
    path.write_text(json.dumps(values), "utf-8")
    assert [stored.subject for stored in folder.take_rungs("00000")] == [None]


@pytest.mark.parametrize("target", slow_except(["last.safetensors", "config.toml"], "config.toml"))
def test_a_damaged_retrained_run_is_set_aside_and_trained_once_more(target, copy_of_study, small_search):
    first = small_search(resume=copy_of_study, retrain=True)
    told = Notes()
    folder = copy_of_study / "retrained"
    (folder / "previous.safetensors").unlink()
    (folder / target).write_bytes(b"[" * 300)
    again = small_search(resume=copy_of_study, observer=told)
    assert again.retrained.networks[0].scores.accuracy == first.retrained.networks[0].scores.accuracy
    words = "it is kept as retrained.damaged-1, and the winner is trained once more from its start"
    assert any(note.endswith(words) for note in told.notes)
    assert (copy_of_study / "retrained.damaged-1" / target).read_bytes() == b"[" * 300


@pytest.mark.slow
def test_a_search_goes_on_if_a_table_or_picture_cannot_be_written(small_search, monkeypatch, tmp_path):
    def fail(*about):
        raise MachineError("cannot write results.csv: no space left on device")

    monkeypatch.setattr(records, "write_tables", fail)
    monkeypatch.setattr(searching, "write_search_plots", fail)
    told = Notes()
    result = small_search({"lr": [0.1, 0.01]}, observer=told, epochs=1)
    assert (result.folder / "best" / "best.safetensors").exists()
    assert sum("the search goes on without this table" in note for note in told.notes) == 1
    assert sum("the search has no pictures" in note for note in told.notes) == 1


@pytest.mark.slow
def test_a_full_disk_ends_a_search_in_one_line_and_nothing_is_lost(small_search, contents, monkeypatch, tmp_path):
    space = {"lr": [0.1, 0.01, 0.02]}
    whole = contents(small_search(space, epochs=1, stack=1, name="whole").folder)
    write, left = StudyFolder.write_rung, iter(range(10))

    def fill(*about):
        if next(left) > 0:
            raise MachineError("cannot write rung-0.json: No space left on device")
        write(*about)

    with monkeypatch.context() as patch:
        patch.setattr(StudyFolder, "write_rung", fill)
        with pytest.raises(
            MachineError, match="No space left on device; what is done is kept: go on by --resume "
        ) as error:
            small_search(space, epochs=1, stack=1, name="full")
    assert "\n" not in str(error.value)
    result = small_search(resume=tmp_path / "studies" / "full")
    assert contents(result.folder) == whole
