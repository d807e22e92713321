"""Which engine trains: by setting, by environment variable, or by what is installed; and the messages about it."""

from __future__ import annotations

import pytest
from told import listen

from barenet.engine import making
from barenet.engine.making import check_engine, choose_engine, describe_engine, settle_engine
from barenet.errors import ConfigError, RunError
from barenet.nn import MLP, make_loss

BROKEN = "Numba 0.1 is too old"


@pytest.fixture
def choose(make_config, monkeypatch):
    """Return a function that chooses, given the setting, the environment variable, and why there are no kernels."""

    def run(asked, shell=None, why=None, installed=True, **settings):
        monkeypatch.delenv("BARENET_ENGINE", raising=False)
        if shell is not None:
            monkeypatch.setenv("BARENET_ENGINE", shell)
        monkeypatch.setattr(making, "is_installed", lambda: installed)
        monkeypatch.setattr(making, "why_not", lambda: why)
        notes = listen()
        return choose_engine(make_config(engine=asked, **settings)), notes

    return run


@pytest.mark.parametrize(
    ("asked", "shell", "why", "installed", "expected"),
    [
        ("auto", None, None, True, "compiled"),
        ("auto", None, "Numba is not installed", False, "numpy"),
        ("auto", "numpy", None, True, "numpy"),
        ("auto", "compiled", None, True, "compiled"),
        ("auto", "", None, True, "compiled"),
        ("numpy", "compiled", None, True, "numpy"),
        ("compiled", "numpy", None, True, "compiled"),
    ],
)
def test_the_setting_comes_before_the_shell_and_the_shell_before_what_is_installed(
    asked, shell, why, installed, expected, choose
):
    assert choose(asked, shell, why, installed) == (expected, [])


def test_numba_that_cannot_be_used_is_a_note_where_nobody_asked_for_it(choose):
    assert choose("auto", None, BROKEN) == ("numpy", [f"training on the engine numpy: {BROKEN}"])


@pytest.mark.parametrize(
    ("asked", "shell", "words"),
    [
        ("compiled", None, f"trainer.engine is compiled, but {BROKEN}; or choose numpy"),
        ("auto", "compiled", f"BARENET_ENGINE is compiled, but {BROKEN}; or choose numpy"),
        ("auto", "jax", "BARENET_ENGINE must be numpy or compiled, got 'jax'; correct it, or unset it"),
    ],
)
def test_what_is_asked_for_and_cannot_be_used_is_an_error(asked, shell, words, choose):
    with pytest.raises(ConfigError) as refused:
        choose(asked, shell, BROKEN)
    assert str(refused.value) == words


@pytest.mark.parametrize("settings", [{"activation": "custom:mine"}, {"loss": "custom:mine"}])
@pytest.mark.parametrize("asked", ["auto", "compiled"])
def test_custom_functions_train_with_numpy_and_a_note(asked, settings, choose):
    kind, (note,) = choose(asked, **settings)
    assert kind == "numpy"
    assert "cannot use custom activations or losses" in note
    assert choose("numpy", **settings) == ("numpy", [])


def test_settled_settings_say_which_engine_trains(make_config, monkeypatch):
    monkeypatch.setattr(making, "why_not", lambda: None)
    monkeypatch.setattr(making, "describe_compiling", lambda: "compiling")
    notes = listen()
    assert settle_engine(make_config()).trainer.engine == "numpy"  # as the tests' shell says
    assert notes == []
    assert settle_engine(make_config(engine="compiled")).trainer.engine == "compiled"
    assert notes == ["compiling"]


def test_what_was_begun_with_compiled_kernels_goes_on_only_with_them(make_config, monkeypatch, tmp_path):
    monkeypatch.setattr(making, "why_not", lambda: BROKEN)
    check_engine(tmp_path, make_config(engine="numpy"))
    with pytest.raises(RunError) as refused:
        check_engine(tmp_path, make_config(engine="compiled"))
    assert str(refused.value) == f"{tmp_path} was begun with compiled kernels, and goes on only with them; {BROKEN}"


@pytest.mark.parametrize(
    ("kind", "n_networks", "batch_size", "expected"),
    [
        ("numpy", 1, 16, "NumPy, up to 4 threads"),
        ("compiled", 1, 16, "compiled kernels, 1 thread"),  # too little work to share
        ("compiled", 1, 100_000, "compiled kernels, up to 4 threads"),
        ("compiled", 3, 16, "compiled kernels, up to 3 threads"),
    ],
)
def test_an_engine_is_described_with_its_threads(kind, n_networks, batch_size, expected, make_config, monkeypatch):
    monkeypatch.setattr(making, "why_not", lambda: None)
    about = (make_config(engine=kind), n_networks, MLP(64, (16,), 4).architecture, make_loss("cross_entropy"))
    assert describe_engine(*about, batch_size=batch_size, most_threads=4, n_steps=1) == expected
