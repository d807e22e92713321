"""The list of an ensemble's members is read as it was written, and anything else is refused."""

from __future__ import annotations

import pytest

from barenet.errors import MachineError, RunError
from barenet.storage.ensembles import ENSEMBLE, Member, how_again, member_folder, read_members, write_members
from barenet.storage.sealing import seal

MEMBERS = [Member("runs/a", "0" * 32), Member("runs/my b", "1" * 32)]


def test_members_are_read_as_they_were_written(tmp_path):
    write_members(tmp_path, MEMBERS)
    assert read_members(tmp_path) == MEMBERS
    assert member_folder(tmp_path, 1) == tmp_path / "member-1"
    assert how_again(MEMBERS) == 'make it again by: barenet ensemble runs/a "runs/my b"'


@pytest.mark.parametrize("place", range(0, 200, 7))
def test_every_changed_byte_is_noticed(place, tmp_path):
    write_members(tmp_path, MEMBERS)
    path = tmp_path / ENSEMBLE
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(RunError, match=r"ensemble\.json (is damaged|has format)") as caught:
        read_members(tmp_path)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"format": 1}, "members is missing"),
        ({"format": 1, "members": [{"source": "a"}] * 2}, "weights is missing"),
        ({"format": 1, "members": [{"source": "a", "weights": 3}] * 2}, "weights is 3"),
        ({"format": 1, "members": "ab"}, "members is 'ab'"),
        ({"format": 1, "members": []}, "an ensemble has two members or more"),
        ({"format": 9, "members": []}, "has format 9, newer than the 1 that this barenet reads; update barenet"),
    ],
)
def test_a_wrong_list_of_members_is_refused(values, words, tmp_path):
    (tmp_path / ENSEMBLE).write_text(seal(values), "utf-8")
    with pytest.raises(RunError, match=words) as caught:
        read_members(tmp_path)
    assert str(caught.value).isprintable()


def test_a_list_that_cannot_be_read_is_an_error_of_the_machine(tmp_path):
    (tmp_path / ENSEMBLE).mkdir()
    with pytest.raises(MachineError, match="cannot read"):
        read_members(tmp_path)
