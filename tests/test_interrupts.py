"""Signals are remembered, and raised where a loop checks for them, again if some code suppresses the exception."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import barenet
from barenet import interrupts
from barenet.interrupts import SIGNALS, Interrupted, came, check, waiting
from barenet.run_folders.checkpoint import read_state
from barenet.run_folders.folder import RunFolder
from barenet.run_folders.observer import Observer

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
SMALL = {"hidden": "6", "batch_size": 100, "n_valid": 100, "epochs": 3, "threads": 1}


@pytest.fixture
def installed(monkeypatch):
    """Signals are remembered, as in the command line, until the test ends."""
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    for name in ("_interrupted", "_since", "_n_waits"):
        monkeypatch.setattr(interrupts, name, getattr(interrupts, name))
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    interrupts.install()
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_is_raised_by_check_and_only_there(installed, number, code):
    check()
    assert came() is None
    signal.raise_signal(number)
    with pytest.raises(Interrupted) as raised:
        check()
    assert raised.value.exit_code == code
    assert isinstance(raised.value, KeyboardInterrupt)


def test_a_swallowed_signal_is_raised_again_with_its_message(installed):
    signal.raise_signal(signal.SIGTERM)
    for _ in range(3):
        try:
            check()
        except BaseException as error:
            error.args = ("go on with --resume",)
    with pytest.raises(Interrupted, match="go on with --resume"):
        check()


def test_a_signal_raises_at_once_inside_waiting(installed):
    def send():
        time.sleep(0.05)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGTERM)

    sender = threading.Thread(target=send)
    sender.start()
    began = time.monotonic()
    with pytest.raises(Interrupted), waiting():
        time.sleep(60)
    assert time.monotonic() - began < 30
    sender.join()


def test_waiting_raises_after_a_signal(installed):
    signal.raise_signal(signal.SIGTERM)
    with pytest.raises(Interrupted), waiting():
        raise AssertionError("waited")


def test_waiting_in_another_thread_changes_nothing(installed):
    def wait():
        with waiting():
            counted.append(interrupts._n_waits)

    counted: list[int] = []
    thread = threading.Thread(target=wait)
    thread.start()
    thread.join()
    assert counted == [0]


def test_signals_that_were_ignored_as_by_nohup_stay_ignored(installed):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    interrupts.install()
    signal.raise_signal(signal.SIGHUP)
    check()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_after_release_signals_have_the_systems_action(installed):
    interrupts.release()
    assert [signal.getsignal(number) for number in SIGNALS] == [signal.SIG_DFL] * len(SIGNALS)


@pytest.mark.parametrize(("pause", "code", "words"), [(0.0, 0, b""), (0.6, 130, b"barenet: ended at once\n")])
def test_a_second_signal_ends_at_once_unless_it_belongs_to_the_same_request(pause, code, words):
    program = (
        "import signal, time, barenet.interrupts as i\n"
        "signal.signal(signal.SIGINT, signal.SIG_DFL); i.install(); signal.raise_signal(signal.SIGTERM)\n"
        f"i._since -= {pause}; signal.raise_signal(signal.SIGINT)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (code, words)


class Signal(Observer):
    """Sends a signal inside the second epoch, and suppresses all that it raises, as libraries do in callbacks."""

    def progress(self, epoch, step, n_steps, n_networks):
        if epoch == 2 and step == 0:
            with contextlib.suppress(BaseException):
                signal.raise_signal(signal.SIGTERM)


def test_a_run_saves_inside_an_epoch_when_a_signal_comes_and_goes_on_with_the_same_bits(
    installed, arrays, tmp_path, monkeypatch
):
    whole = barenet.train(**arrays, **SMALL, output=tmp_path, name="whole", verbose=False)
    monkeypatch.setattr("barenet.training.epochs.PROGRESS_SECONDS", 0.0)
    with pytest.raises(Interrupted):
        barenet.train(**arrays, **SMALL, output=tmp_path, name="cut", observer=Signal())
    monkeypatch.setattr(interrupts, "_interrupted", None)
    state = read_state(RunFolder(tmp_path / "cut").last)[1]
    assert (int(state.epoch[0]), state.n_begun) == (1, 1)
    result = barenet.resume(tmp_path / "cut", **arrays, verbose=False)
    assert np.array_equal(result.networks[0].model.mlp.parameters.values, whole.networks[0].model.mlp.parameters.values)
    assert [r.train_loss for r in result.networks[0].history] == [r.train_loss for r in whole.networks[0].history]
