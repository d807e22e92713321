"""The same weights to the last bit on every processor, with any number of threads, alone and in stacks.

The hashes are what `same_weights` printed on an AMD EPYC with AVX2; all machines must give the same.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from numpy._core import _multiarray_umath as umath

pytest.importorskip("numba")

from same_weights import weights_after

pytestmark = pytest.mark.extra

FEW, ALL = 4_000, 55_000
HASHES = {
    ("course", FEW): "95216fa45d125e76367590d7a18712e25300ea2d59e7dc9614ce401acaf376f6",
    ("quick", FEW): "06d8024bb35b31e11e704e250dab36ca87a7f18a42bef3ee7076b8ee9983864e",
    ("best", FEW): "a232934059cbad4b7a8e8808ec67a4f40270f69005d4965ba3cb624aae892ce2",
    ("course", ALL): "186d7b7e40562ddc5fa436c762cfb87913df991c55590f24df6037e8abd5301c",
    ("quick", ALL): "b7d247ee5b3c7f0afa9d7848c37dcd08756342c6c2ba3bce6070e5834221be0b",
}
RECIPES = ("course", "quick")
# x86 processors whose code runs on every processor with AVX2.
AVX2 = ("haswell", "znver2", "x86-64-v3")
AVX512 = ("skylake-avx512", "znver4")


@pytest.mark.parametrize("recipe", [*RECIPES, "best"])
def test_weights_are_those_of_every_other_machine(recipe):
    assert weights_after(recipe, FEW) == [HASHES[recipe, FEW]]


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("recipe", RECIPES)
def test_neither_threads_nor_stretches_nor_other_networks_change_them(recipe, threads):
    assert weights_after(recipe, FEW, threads=threads, stretch=7) == [HASHES[recipe, FEW]]
    beside = weights_after(recipe, FEW, seeds=(3, 0, 5), threads=threads)
    assert beside[1] == HASHES[recipe, FEW]
    assert len(set(beside)) == 3


@pytest.mark.full
@pytest.mark.parametrize("recipe", RECIPES)
def test_weights_of_many_images_are_those_of_every_other_machine(recipe):
    assert weights_after(recipe, ALL, threads=2) == [HASHES[recipe, ALL]]


def in_another_process(cache, **variables):
    """Return both hashes, and the widest registers of the code."""
    script = Path(__file__).with_name("same_weights.py")
    done = subprocess.run(
        [sys.executable, str(script), str(FEW), "registers"],
        env=os.environ | {"NUMBA_CACHE_DIR": str(cache), **variables},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def expected():
    return [HASHES[recipe, FEW] for recipe in RECIPES]


def has(feature):
    import llvmlite.binding as llvm

    return bool(llvm.get_host_cpu_features().get(feature))


@pytest.mark.parametrize(
    "processor",
    [pytest.param(name, marks=pytest.mark.full) for name in (*AVX2, *AVX512)],
)
def test_code_for_another_processor_gives_the_same_weights(processor, tmp_path):
    if not has("avx512f" if processor in AVX512 else "avx2"):
        pytest.skip(f"this processor does not run code for {processor}")
    *found, registers = in_another_process(tmp_path, NUMBA_CPU_NAME=processor, NUMBA_CPU_FEATURES="")
    assert found == expected()
    assert registers == ("zmm" if processor in AVX512 else "ymm")


COMPILE = """
from barenet.engine.compiled.kernels.compiling import KERNELS, addresses
assert len(addresses()) == len(KERNELS)
codes = [code for kernel in KERNELS for code in kernel.dispatcher.inspect_asm().values()]
print(any("zmm" in code for code in codes))
"""


@pytest.mark.full
@pytest.mark.parametrize("processor", AVX512)
def test_kernels_compile_for_processors_with_wider_registers(processor, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", COMPILE],
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": ""},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True"]


@pytest.mark.slow
def test_numpy_without_vector_instructions_gives_the_same_weights():
    """What NumPy computes, such as the first weights and the learning rates, is also the same without them."""
    features = [name for name in umath.__cpu_dispatch__ if umath.__cpu_features__[name]]
    if not features:
        pytest.skip("NumPy uses no instructions here beyond those that it always uses")
    found = in_another_process(os.environ["NUMBA_CACHE_DIR"], NPY_DISABLE_CPU_FEATURES=" ".join(features))
    assert found[:2] == expected()
