"""Whether compiled kernels can be used is known without Numba, and each reason is one sentence with its remedy."""

from __future__ import annotations

import importlib
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

from barenet.engine.compiled import available
from barenet.engine.compiled.available import describe_compiling, lacks_fma, misfit, wanted_versions, why_not

INSTALL = 'pip install "barenet[fast]"'
KERNELS = "barenet.engine.compiled.kernels.compiling"


@pytest.fixture
def find_reason(monkeypatch):
    """Return a function that gives the reason, for a version of Numba and an error when it is imported."""

    def find(version, error=None, fma=True):
        monkeypatch.setattr(available, "versions", lambda: {} if version is None else {"Numba": version})
        monkeypatch.setattr(available, "wanted_versions", lambda: "numba<0.70,>=0.66")
        monkeypatch.setattr(available, "lacks_fma", lambda: not fma)

        def load(name):
            assert name == "numba"
            if error is not None:
                raise error

        monkeypatch.setattr(available.importlib, "import_module", load)
        return why_not.__wrapped__()

    return find


@pytest.mark.parametrize(
    ("version", "error", "fma", "words"),
    [
        (None, None, True, f"Numba is not installed: {INSTALL}"),
        ("0.65.1", None, True, f"Numba 0.65.1 is too old, older than 0.66: {INSTALL}"),
        ("0.70.0", None, True, f"Numba 0.70.0 is too new, not below 0.70: {INSTALL}"),
        (
            "0.68.1",
            ImportError("Numba needs NumPy 2.4 or less.\nGot NumPy 2.9."),
            True,
            f"Numba 0.68.1 cannot be imported (Numba needs NumPy 2.4 or less.\\nGot NumPy 2.9.): {INSTALL}",
        ),
        (
            "0.68.1",
            None,
            False,
            "this processor has no fused product-sum (FMA), without which compiled kernels are slow",
        ),
        ("0.66", None, True, None),
        ("0.69.9", None, True, None),
    ],
)
def test_each_reason_is_one_sentence_with_what_to_do(version, error, fma, words, find_reason):
    assert find_reason(version, error, fma) == words


def test_the_bounds_are_those_of_the_extra(monkeypatch):
    required = ["numpy>=2.0", "numba-scipy>=9; extra == 'fast'", "numba<0.70,>=0.66; extra == 'fast'"]
    monkeypatch.setattr(available.metadata, "requires", lambda name: required)
    assert wanted_versions() == "numba<0.70,>=0.66"
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
    (bounds,) = project["project"]["optional-dependencies"]["fast"]
    assert misfit("0.0.1", bounds) is not None
    assert misfit("99.0", bounds) is not None


@pytest.mark.parametrize(
    ("version", "words"),
    [("0.66.0rc1", None), ("0.66.0", None), ("0.9", "too old, older than 0.66"), ("0.70", "too new")],
)
def test_versions_are_compared_as_numbers(version, words):
    found = misfit(version, "numba>=0.66.0,<0.70")
    assert found is words if words is None else found.startswith(words.removesuffix(".0"))


@pytest.mark.parametrize(
    ("machine", "features", "expected"),
    [("x86_64", {"fma": True}, False), ("AMD64", {"fma": False}, True), ("x86_64", {}, True), ("arm64", None, False)],
)
def test_only_an_x86_processor_may_lack_fused_product_sums(machine, features, expected, monkeypatch):
    binding = SimpleNamespace(get_host_cpu_features=lambda: features)
    monkeypatch.setattr(available.platform, "machine", lambda: machine)
    monkeypatch.setattr(available.importlib, "import_module", lambda name: binding)
    assert lacks_fma() is expected


def test_kernels_that_are_on_disk_are_not_announced(monkeypatch, tmp_path):
    for folder, words in ((tmp_path, "once on this machine"), (None, "BARENET_CACHE or NUMBA_CACHE_DIR names another")):
        monkeypatch.setitem(sys.modules, KERNELS, SimpleNamespace(FOLDER=folder))
        assert words in describe_compiling()
    monkeypatch.setitem(sys.modules, KERNELS, SimpleNamespace(FOLDER=tmp_path))
    (tmp_path / "kernels").mkdir()  # made as soon as the functions are imported
    assert "once on this machine" in describe_compiling()
    (tmp_path / "kernels" / "products.product-46.py311.nbi").touch()  # compiling was interrupted
    assert "once on this machine" in describe_compiling()
    (tmp_path / "kernels" / "steps.take_steps-46.py311.nbi").touch()
    assert describe_compiling() is None


@pytest.mark.extra
def test_numba_itself_can_be_used_here():
    pytest.importorskip("numba")
    importlib.invalidate_caches()
    assert why_not() is None
    assert set(available.versions()) == {"Numba", "llvmlite"}
