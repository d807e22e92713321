"""JSON with a checksum: every change of every byte is noticed, and the text stays JSON."""

from __future__ import annotations

import json
import math

import pytest

from barenet.storage.sealing import SealError, seal, unseal

VALUES = {"a": [1, 2, {"x": 0.1}], "b": 'täuschend echt, "checksum": "0"', "c": None}


@pytest.mark.parametrize("indent", [None, 1, 2])
def test_sealed_values_are_read_back_and_any_program_can_read_them(indent):
    text = seal(VALUES, indent=indent)
    assert unseal(text.encode()) == unseal(text.encode() + b"\n") == VALUES
    read = json.loads(text)
    assert len(read.pop("checksum")) == 32
    assert read == VALUES
    assert text.count("\n") == (0 if indent is None else json.dumps(VALUES, indent=indent).count("\n") + 1)


@pytest.mark.parametrize("indent", [None, 1])
def test_each_flipped_bit_is_noticed(indent):
    data = seal(VALUES, indent=indent).encode()
    for bit in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SealError):
            unseal(bytes(damaged))


def test_each_cut_is_noticed():
    data = seal(VALUES, indent=1).encode()
    for length in range(len(data)):
        with pytest.raises(SealError):
            unseal(data[:length])


def test_an_object_of_an_earlier_version_has_no_checksum():
    assert unseal(b'{"epoch": 1}') == {"epoch": 1}


@pytest.mark.parametrize("text", [b"", b"[1]", b"7", b"{", b"\xff", b"[" * 100_000, b'{"checksum": 1}'])
def test_a_text_that_is_no_sealed_object_is_refused(text):
    with pytest.raises(SealError):
        unseal(text)


@pytest.mark.parametrize("values", [{}, {"checksum": 1}, {"loss": math.nan}])
def test_values_that_could_not_be_read_again_are_not_sealed(values):
    with pytest.raises(ValueError, match=r"members|Out of range"):
        seal(values)
