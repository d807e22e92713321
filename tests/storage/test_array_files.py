"""Files of arrays: the same bytes for the same content, and errors for missing or damaged arrays."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from barenet.errors import CheckpointError, MachineError
from barenet.storage.arrays import checksum, read_arrays, write_arrays

ARRAYS = {"b": np.arange(3, dtype=np.float32), "a": np.arange(6, dtype=np.int64).reshape(2, 3)}
INFO = {"z": {"y": 1, "x": [0.5, None]}, "name": "衬衫"}


def written(path, info, arrays):
    write_arrays(path, info, arrays)
    return path.read_bytes()


def test_the_order_in_which_things_are_handed_in_changes_no_byte(tmp_path):
    def backwards(values):
        return {name: backwards(own) if isinstance(own, dict) else own for name, own in reversed(values.items())}

    first = written(tmp_path / "one", INFO, ARRAYS)
    assert written(tmp_path / "two", backwards(INFO), backwards(ARRAYS)) == first
    info, arrays = read_arrays(tmp_path / "two")
    assert info == INFO
    assert {name: array.tolist() for name, array in arrays.items()} == {"a": [[0, 1, 2], [3, 4, 5]], "b": [0, 1, 2]}


def test_arrays_that_lie_otherwise_in_memory_are_the_same_arrays(tmp_path):
    turned = {name: np.asfortranarray(array) for name, array in ARRAYS.items()}
    assert written(tmp_path / "one", INFO, ARRAYS) == written(tmp_path / "two", INFO, turned)


def test_an_array_without_elements_is_left_out(tmp_path):
    write_arrays(tmp_path / "file", INFO, ARRAYS | {"none": np.zeros((4, 0))})
    assert set(read_arrays(tmp_path / "file")[1]) == {"a", "b"}


def test_a_checksum_is_of_type_shape_and_content():
    expected = hashlib.blake2b(b"<i8(2, 3)" + ARRAYS["a"].tobytes(), digest_size=16).hexdigest()
    assert checksum(ARRAYS["a"]) == checksum(np.asfortranarray(ARRAYS["a"])) == expected
    others = (ARRAYS["a"].reshape(3, 2), ARRAYS["a"].view(np.uint64), ARRAYS["a"] + 1)
    assert len({expected, *map(checksum, others)}) == 4


def metadata_of(path):
    content = path.read_bytes()
    return json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]


def test_what_a_file_says_has_the_checksum_that_files_of_earlier_versions_have(tmp_path):
    write_arrays(tmp_path / "file", INFO, ARRAYS)
    said = json.loads(metadata_of(tmp_path / "file")["barenet"])
    sorted_by_name = r'{"name": "\u886c\u886b", "z": {"x": [0.5, null], "y": 1}}'
    checksums = {name: checksum(array) for name, array in ARRAYS.items()}
    of_info = hashlib.blake2b(sorted_by_name.encode(), digest_size=16).hexdigest()
    assert said == {"format": 1, "info": INFO, "info_checksum": of_info, "checksums": checksums}


def test_a_file_without_one_of_its_arrays_is_refused(tmp_path):
    write_arrays(tmp_path / "file", INFO, ARRAYS)
    save_file({"a": ARRAYS["a"]}, tmp_path / "file", metadata=metadata_of(tmp_path / "file"))
    with pytest.raises(CheckpointError, match="is damaged: it holds 1 arrays where 2 were written"):
        read_arrays(tmp_path / "file")


def test_a_file_that_is_there_and_cannot_be_opened_is_not_called_missing(tmp_path, monkeypatch):
    write_arrays(tmp_path / "file", INFO, ARRAYS)

    def fail(*arguments, **named):
        raise FileNotFoundError("No such file or directory")  # safetensors says so of all errors

    monkeypatch.setattr("barenet.storage.arrays.safe_open", fail)
    with pytest.raises(MachineError, match="file: the system does not open it"):
        read_arrays(tmp_path / "file")


def test_files_of_the_first_commits_and_of_newer_versions_are_refused_as_what_they_are(tmp_path):
    """The first kept no checksum of what a file says, so that it cannot be checked."""
    path = tmp_path / "file"
    said = {"format": 1, "info": INFO, "checksums": {name: checksum(array) for name, array in ARRAYS.items()}}
    save_file(ARRAYS, path, {"barenet": json.dumps(said)})
    with pytest.raises(CheckpointError) as first:
        read_arrays(path)
    older = "is damaged, or of a version of barenet older than those whose files are read; train once more"
    assert str(first.value) == f"{path} {older}"
    save_file(ARRAYS, path, {"barenet": json.dumps(said | {"format": 2})})
    with pytest.raises(CheckpointError) as newer:
        read_arrays(path)
    assert str(newer.value) == f"{path} has format 2, newer than the 1 that this barenet reads; update barenet"
