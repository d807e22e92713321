"""The doctor finds what holds speed back."""

from __future__ import annotations

import pytest

from barenet.engine.diagnosis import diagnose, find_advice

WELL = {"internal_api": "openblas", "version": "0.3.31", "architecture": "SkylakeX", "num_threads": 4}
PEAKS = {1: 100.0, 4: 390.0}


def advise(blas=WELL, features=("X86_V4",), cores=4, peaks=PEAKS, environment=None):
    return find_advice(blas, features, cores, peaks, environment or {})


def test_a_machine_in_order_gets_no_advice():
    assert advise() == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"environment": {"OPENBLAS_CORETYPE": "Haswell"}}, "OPENBLAS_CORETYPE=Haswell pins BLAS"),
        ({"blas": WELL | {"architecture": "Haswell"}}, "its Haswell kernel although this processor has AVX-512"),
        ({"blas": WELL | {"num_threads": 16}}, "16 threads on 4 cores"),
        ({"peaks": {1: 100.0, 4: 110.0}}, "4 threads are hardly faster than one"),
        ({"blas": {}}, "no BLAS that can be told apart"),
    ],
)
def test_each_hindrance_is_named_with_its_remedy(changed, words):
    (sentence,) = advise(**changed)
    assert words in sentence


def test_an_old_kernel_is_right_for_an_old_processor():
    assert advise(blas=WELL | {"architecture": "Haswell"}, features=("AVX2",)) == []


def test_a_diagnosis_measures_this_machine():
    found = diagnose(seconds=0.2)
    assert min(found.peak_gflops.values()) > 0.1
    assert min(found.step_microseconds.values()) > 1
    assert set(found.as_dict()) >= {"numpy", "blas", "cores", "advice"}
