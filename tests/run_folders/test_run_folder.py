"""Run folders: numbering, names that exist already, and a lock that ends with its process."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from waiting import wait_while_it_raises

from barenet.errors import MachineError, RunError
from barenet.run_folders.finding import find_latest
from barenet.run_folders.folder import RunFolder, drop_torn_files, lock_run, network_folders, seed_folders
from barenet.run_folders.going_on.resuming import resume_run
from barenet.run_folders.run import start_run
from barenet.storage.folders import NewFolder
from barenet.storage.history import read_history
from barenet.training.records import EpochRecord


def create_run(output, name, prefix):
    with NewFolder(output, name, prefix, kind="run", marker="config.toml") as new:
        return new.publish()


def refusal(*arguments) -> str:
    with pytest.raises(RunError) as caught:
        create_run(*arguments)
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_runs_are_numbered_after_the_highest(tmp_path):
    output = tmp_path / "new" / "runs"
    assert create_run(output, None, "quick") == output / "quick-1"
    assert create_run(output, None, "quick") == output / "quick-2"
    assert create_run(output, None, "course") == output / "course-1"
    for name in ("quick-9", "quick-best", "quicker-20", "quick-²"):
        (output / name).mkdir()
    assert create_run(output, None, "quick") == output / "quick-10"


def test_processes_that_count_at_once_get_different_numbers(tmp_path):
    made = []
    threads = [threading.Thread(target=lambda: made.append(create_run(tmp_path, None, "quick"))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == sorted(tmp_path / f"quick-{i}" for i in range(1, 17))


def test_a_given_name_is_the_name_of_the_folder(tmp_path):
    assert create_run(tmp_path, "mine", "quick") == tmp_path / "mine"
    assert create_run(tmp_path, "mine", "quick") == tmp_path / "mine"  # still empty


def test_a_folder_with_a_run_is_not_written_into(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.toml").touch()
    assert "holds a run already; go on with it by --resume" in refusal(tmp_path, "mine", "quick")


def test_a_folder_with_something_else_is_not_written_into(tmp_path):
    (tmp_path / "mine").mkdir()
    for i in range(5):
        (tmp_path / "mine" / f"photo-{i}.png").touch()
    expected = "holds something else (photo-0.png, photo-1.png, photo-2.png); choose another --name"
    assert expected in refusal(tmp_path, "mine", "quick")


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "file").touch()
    assert f"{tmp_path / 'file'} is a file" in refusal(tmp_path, "file", "quick")
    assert f"{tmp_path / 'file'} is a file" in refusal(tmp_path / "file", "mine", "quick")
    assert f"{tmp_path / 'file'} is a file" in refusal(tmp_path / "file", None, "quick")
    assert "is a file" in refusal(tmp_path / "file" / "deeper", None, "quick")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_an_error_of_the_machine(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(MachineError, match="cannot make a run folder"):
            create_run(tmp_path, "mine", "quick")
    finally:
        tmp_path.chmod(0o700)


def test_a_folder_is_hidden_until_it_is_complete(tmp_path):
    with NewFolder(tmp_path, None, "quick", kind="run", marker="config.toml") as new:
        (new.path / "config.toml").touch()
        assert list(tmp_path.glob("quick*")) == []
        assert list(tmp_path.glob("*/config.toml")) == [new.path / "config.toml"]
        assert new.path.name.startswith(".")
        assert new.publish() == tmp_path / "quick-1"
        with pytest.raises(RunError, match=f"is in use by process {os.getpid()} on"), lock_run(tmp_path / "quick-1"):
            pass
    assert sorted(path.name for path in tmp_path.glob("**/*")) == [".lock", "config.toml", "quick-1"]


def test_a_folder_that_is_not_completed_is_deleted(tmp_path):
    def stop():
        with NewFolder(tmp_path, "mine", "quick", kind="run", marker="config.toml") as new:
            (new.path / "config.toml").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_another_process_has_used_meanwhile_is_refused(tmp_path):
    with NewFolder(tmp_path, "mine", "quick", kind="run", marker="config.toml") as new:
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "config.toml").touch()
        with pytest.raises(RunError, match="holds a run already"):
            new.publish()
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_incomplete_folders_of_killed_processes_are_deleted_later(tmp_path):
    old, young = tmp_path / ".quick-0001.building", tmp_path / ".quick-0002.building"
    for path in (old, young):
        path.mkdir()
    os.utime(old, (1_000_000, 1_000_000))
    create_run(tmp_path, None, "quick")
    assert sorted(path.name for path in tmp_path.iterdir()) == [young.name, "quick-1"]


def test_the_latest_run_is_the_one_written_to_last(tmp_path):
    for age, name in enumerate(("quick-3", "quick-1", "quick-2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.toml").touch()
        os.utime(tmp_path / name / "config.toml", (1_000_000 - age, 1_000_000 - age))
    (tmp_path / "notes").mkdir()
    assert find_latest(tmp_path) == tmp_path / "quick-3"
    (tmp_path / "quick-1" / "seed-0").mkdir()
    (tmp_path / "quick-1" / "seed-0" / "last.safetensors").touch()
    assert find_latest(tmp_path) == tmp_path / "quick-1"


@pytest.mark.parametrize("name", ["", "nothing"])
def test_no_run_at_all_is_an_error(tmp_path, name):
    with pytest.raises(RunError, match=r"no run in .*; train one first"):
        find_latest(tmp_path / name)


def test_folders_of_seeds_are_in_order_of_the_seed(tmp_path):
    assert network_folders(tmp_path) == [tmp_path]
    for name in ("seed-10", "seed-9", "seed-x"):
        (tmp_path / name).mkdir()
    assert [path.name for path in network_folders(tmp_path)] == ["seed-9", "seed-10"]


def make_record(epoch):
    return EpochRecord(
        **{"network": 0, "epoch": epoch, "step": 10 * epoch, "learning_rate": 0.1, "train_loss": 0.5},
        **{"train_accuracy": 0.8, "valid_loss": 0.6, "valid_accuracy": 0.75, "is_best": True, "gradient_norm": 1.5},
        **{"update_norm": 0.1, "weight_norm": 9.0, "seconds": 0.25, "update_ratios": {"W1": 0.01}, "stopped": None},
    )


def test_the_record_of_an_epoch_is_on_disk_before_anything_that_is_written_later(tmp_path, monkeypatch):
    folder, flushed = RunFolder(tmp_path), []
    monkeypatch.setattr("os.fsync", lambda descriptor: flushed.append(os.fstat(descriptor)))
    for epoch in (1, 2):
        folder.append(make_record(epoch))
        history = folder.history.stat()
        assert (flushed[-1].st_ino, flushed[-1].st_size) == (history.st_ino, history.st_size)
    assert [record.epoch for record in read_history(folder.history).records] == [1, 2]
    for name in ("history.csv", "train.log"):
        n_lines = len((tmp_path / name).read_text("utf-8").splitlines())
        assert n_lines == {"history.csv": 3, "train.log": 2}[name]  # the table begins with the names of its columns


def test_only_the_weights_of_the_best_epochs_are_kept_and_files_that_cannot_be_deleted_are_named(tmp_path, monkeypatch):
    folder = RunFolder(tmp_path)
    for epoch in (1, 2, 10):
        folder.epoch(epoch).touch()
    folder.best.touch()
    folder.drop_outdated([10, 2, -1])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"{n}.safetensors" for n in ("best", "epoch-10", "epoch-2")
    ]

    def refuse(path, missing_ok=False):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(MachineError, match=r"cannot delete .*epoch-2\.safetensors: Permission denied"):
        folder.drop_outdated([10])


def test_a_note_names_a_missing_history_unless_a_run_has_none_yet(tmp_path):
    folder = RunFolder(tmp_path)
    assert folder.trim_history(0) == []
    assert list(tmp_path.iterdir()) == []
    assert folder.trim_history(2) == [f"{folder.history} has no record of epoch 1-2"]


def test_each_of_several_networks_has_a_separate_folder_and_a_single_one_has_that_of_the_run(make_config, tmp_path):
    configs = [make_config(seed=seed) for seed in (0, 7)]
    assert [folder.path for folder in seed_folders(tmp_path, configs)] == [tmp_path / "seed-0", tmp_path / "seed-7"]
    assert [folder.path for folder in seed_folders(tmp_path, configs[1:])] == [tmp_path]


def test_only_partly_written_files_of_a_killed_process_are_deleted(tmp_path):
    for name in (".last.safetensors.77.tmp", "seed-1/.best.safetensors.77.tmp", "seed-1/figures/.curves.tmp/half.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    kept = ["my.tmp", "seed-1/.notes", "seed-1/best.safetensors"]
    for name in kept:
        (tmp_path / name).touch()
    drop_torn_files(tmp_path)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()) == kept
    assert not (tmp_path / "seed-1" / "figures" / ".curves.tmp").exists()


# ---------------------------------------------------------------------------------------------------------- the lock


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock of a folder until it is killed."""
    folder = tmp_path / "held"
    folder.mkdir()
    script = (
        "import pathlib, sys, time\nfrom barenet.run_folders.folder import lock_run\n"
        "with lock_run(pathlib.Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(600)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, encoding="utf-8")
    assert process.stdout.readline() == "held\n"
    yield folder, process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_process_is_refused_until_the_first_dies(holder, dataset, make_config):
    folder, process = holder
    with pytest.raises(RunError, match=f"is in use by process {process.pid} on") as caught, lock_run(folder):
        pass
    assert str(caught.value).isprintable()
    with pytest.raises(RunError, match="is in use"):
        start_run(make_config(epochs=1), dataset, output=folder.parent, name="held")
    assert {path.name for path in folder.iterdir()} == {".lock", ".holder.json"}
    assert [path.name for path in folder.parent.iterdir()] == ["held"]
    process.kill()
    process.wait()

    def take_lock():
        with lock_run(folder):
            pass

    wait_while_it_raises(RunError, take_lock)
    start_run(make_config(epochs=1), dataset, output=folder.parent, name="held")


def test_the_lock_is_released_when_the_run_ends(dataset, make_config, tmp_path):
    with pytest.raises(KeyboardInterrupt) as kept, lock_run(tmp_path):  # noqa: PT012
        with pytest.raises(RunError, match="in use"), lock_run(tmp_path):
            pass
        raise KeyboardInterrupt
    with lock_run(tmp_path):
        pass
    assert kept.type is KeyboardInterrupt
    folder = start_run(make_config(epochs=1), dataset, output=tmp_path, name="run").folder
    with lock_run(folder), pytest.raises(RunError, match="in use"):
        resume_run(folder, dataset)
    resume_run(folder, dataset)


@pytest.mark.parametrize(("name", "has_run_above"), [("seed-5", False), ("alone", True)])
def test_a_run_that_is_not_part_of_another_is_locked_alone(name, has_run_above, tmp_path):
    (tmp_path / name).mkdir()
    if has_run_above:
        (tmp_path / "config.toml").touch()
    with lock_run(tmp_path / name):
        assert [path.name for path in tmp_path.rglob(".lock")] == [".lock"]
        assert (tmp_path / name / ".lock").exists()
        with lock_run(tmp_path):
            pass


@pytest.mark.parametrize("name", ["../elsewhere", "a/b", "a\\b", "..", ""])
def test_a_name_must_be_that_of_one_folder(name, tmp_path):
    with pytest.raises(RunError, match="name of one folder"):
        create_run(tmp_path / "runs", name, "quick")
    assert not (tmp_path / "runs").exists()
