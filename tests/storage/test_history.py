"""A history: its undamaged lines are read, and damaged or missing ones are named."""

from __future__ import annotations

import json
import math

import pytest

from barenet.errors import MachineError, RunError
from barenet.storage.history import history_line, ranges, read_history
from barenet.training.records import EpochRecord, Stop


def make_record(epoch, **changed):
    values = {
        **{"network": 0, "epoch": epoch, "step": 10 * epoch, "learning_rate": 0.1, "train_loss": 0.5},
        **{"train_accuracy": 0.8, "valid_loss": 0.6, "valid_accuracy": 0.75, "is_best": True, "gradient_norm": 1.5},
        **{"update_norm": 0.1, "weight_norm": 9.0, "seconds": 0.25, "update_ratios": {"W1": 0.01, "b1": math.nan}},
        **{"stopped": Stop("finished", "finished") if epoch == 5 else None, **changed},
    }
    return EpochRecord(**values)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "history.jsonl"
    path.write_text("".join(history_line(make_record(epoch)) + "\n" for epoch in range(1, 6)), "utf-8")
    return path


def epochs_of(history):
    return [record.epoch for record in history.records]


def test_a_whole_history_has_no_problems(path):
    history = read_history(path)
    assert epochs_of(history) == [1, 2, 3, 4, 5]
    assert history.problems(5) == []
    assert str(history.records[-1]) == str(make_record(5))  # as texts, since NaN is not equal to NaN


def test_a_lost_epoch_comes_back_with_its_nan(path):
    lost = make_record(1, train_loss=math.inf, gradient_norm=math.nan, valid_loss=None, valid_accuracy=None)
    path.write_text(history_line(lost) + "\n", "utf-8")
    [record] = read_history(path).records
    assert math.isnan(record.train_loss)
    assert math.isnan(record.gradient_norm)
    assert record.valid_loss is None


def test_a_damaged_line_damages_no_other(path):
    lines = path.read_bytes().split(b"\n")
    lines[2] = lines[2].replace(b"0.5", b"0.4", 1)
    path.write_bytes(b"\n".join(lines))
    history = read_history(path)
    assert epochs_of(history) == [1, 2, 4, 5]
    assert history.is_damaged
    assert history.problems(5) == [f"{path}: line 3 is damaged and left out", f"{path} has no record of epoch 3"]


def test_several_damaged_lines_are_counted_and_named(path):
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(b"?" + line if number in (0, 1, 3) else line for number, line in enumerate(lines)))
    history = read_history(path)
    assert history.problems() == [f"{path}: 3 lines (1-2, 4) are damaged and left out"]
    assert history.problems(5)[1:] == [f"{path} has no record of epoch 1-2, 4"]


def test_a_history_that_cannot_be_read_is_a_machine_error(tmp_path):
    with pytest.raises(MachineError, match=f"cannot read {tmp_path}: "):
        read_history(tmp_path)


def test_each_flipped_bit_of_a_file_damages_one_record_that_is_named(path):
    whole = path.read_bytes()
    for bit in range(0, 8 * len(whole), 43):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bytes(damaged))
        history = read_history(path)
        assert len(history.records) < 5
        assert history.problems(5)


def test_a_line_that_a_crash_cut_is_no_damage(path):
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    history = read_history(path)
    assert epochs_of(history) == [1, 2, 3, 4]
    assert history.is_cut
    assert not history.is_damaged
    assert history.problems() == []
    assert history.problems(5) == [f"{path} has no record of epoch 5"]


def test_the_last_line_needs_no_line_break(path):
    path.write_bytes(path.read_bytes()[:-1])
    assert epochs_of(read_history(path)) == [1, 2, 3, 4, 5]


def test_no_file_is_an_empty_history(tmp_path):
    history = read_history(tmp_path / "history.jsonl")
    assert (history.records, history.problems()) == ([], [])
    assert not history.is_cut
    assert history.problems(2) == [f"{history.path} has no record of epoch 1-2"]


def test_lines_of_earlier_versions_have_no_checksum(path):
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for line in lines:
        del line["checksum"]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    assert epochs_of(read_history(path)) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"epoch": "1"}, "epoch is '1'"),
        ({"epoch": True}, "epoch is True"),
        ({"train_loss": [1]}, "train_loss is a value of type list"),
        ({"update_ratios": 3}, "update_ratios is 3"),
        ({"update_ratios": {"W1": "x"}}, "update_ratios.W1 is 'x'"),
        ({"another": 1}, "'another' is unknown"),
        ({"stopped": 3}, "3 is not a reason to stop"),
    ],
)
def test_names_and_types_of_a_record_are_checked(changed, place):
    with pytest.raises(RunError, match="damaged") as error:
        EpochRecord.from_values({**make_record(1).as_values(), **changed})
    assert place in str(error.value)


def test_ranges_of_numbers_by_hand():
    assert ranges([]) == ""
    assert ranges([7]) == "7"
    assert ranges([1, 2, 3, 5, 7, 8]) == "1-3, 5, 7-8"
