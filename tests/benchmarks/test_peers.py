"""All peers compute the same, in processes that are pinned to the cores that the table names."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
EXTRA = [pytest.param(name, marks=pytest.mark.extra) for name in ("torch_eager", "torch_loader", "jax_scan")]
LIBRARIES = {"torch_eager": "torch", "torch_loader": "torch", "jax_scan": "jax"}
SMALL = {"batch": 16, "hidden": (24, 12), "n_images": 480}

pytestmark = pytest.mark.skipif(not BENCHMARKS.exists(), reason="a source archive does not contain the benchmarks")


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def make(name, **settings):
    from peers.problem import Problem

    pytest.importorskip(LIBRARIES.get(name, "numpy"))
    problem = Problem(**SMALL | settings)
    return importlib.import_module(f"peers.{name}").Peer(problem), problem


@pytest.mark.parametrize("recipe", ["course", "default"])
@pytest.mark.parametrize("name", ["ours", *EXTRA])
def test_a_peer_takes_the_same_steps_as_the_textbook(name, recipe):
    peer, problem = make(name, recipe_name=recipe, networks=(0, 1))
    textbook, _ = make("textbook", recipe_name=recipe, networks=(0, 1))
    for epoch in range(2):
        losses, predicted = peer.epoch(problem.orders(epoch))
        expected, expected_classes = textbook.epoch(problem.orders(epoch))
        np.testing.assert_allclose(losses, expected, rtol=1e-4)
        assert np.mean(predicted == expected_classes) > 0.998  # rounding may decide between two almost equal logits
    np.testing.assert_allclose(peer.logits(), textbook.logits(), atol=2e-3)


@pytest.mark.extra
def test_networks_under_vmap_take_the_same_steps_as_single_networks():
    alone, problem = make("jax_scan", networks=(0, 1))
    together, _ = make("jax_scan", networks=(0, 1), vmap=True)
    losses, predicted = together.epoch(problem.orders(0))
    expected, expected_classes = alone.epoch(problem.orders(0))
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    assert np.mean(predicted == expected_classes) > 0.998


@pytest.mark.extra
def test_scikit_learn_ends_with_the_same_probabilities_as_the_textbook():
    pytest.importorskip("sklearn")
    peer, problem = make("sklearn_mlp")
    textbook, _ = make("textbook")
    assert peer.epoch(problem.orders(0)) == (None, None)
    textbook.epoch(problem.orders(0))
    logits = textbook.logits()
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(peer.logits(), exponentials / exponentials.sum(axis=1, keepdims=True), atol=1e-3)


@pytest.mark.parametrize("n_networks", [1, 2, 3, 8])
@pytest.mark.parametrize("peer", ["ours", "jax_scan", "textbook"])
@pytest.mark.parametrize("cores", [[5], [2, 3], [0, 1, 4, 7]])
def test_every_form_trains_each_network_once_on_the_cores_of_its_column(peer, n_networks, cores):
    from peers.entries import ALL_CORES, ONE_CORE, entries

    found = entries(peer, n_networks, cores)
    assert {column for entry in found for column in entry.columns} == {ONE_CORE, ALL_CORES}
    for entry in found:
        assert sorted(network for share in entry.networks for network in share) == list(range(n_networks))
        used = [core for of_process in entry.cores for core in of_process]
        assert len(used) == len(set(used))
        assert set(used) <= set(cores)
        if ONE_CORE in entry.columns:
            assert (len(used), entry.threads) == (1, 1)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot pin a process")
@pytest.mark.slow
def test_a_process_is_pinned_to_the_cores_of_its_entry():
    from peers.entries import Cell, entries

    last = max(os.sched_getaffinity(0))
    (entry,) = entries("textbook", 1, [last])
    entry.start(Cell.read("32:8:1"), 320)
    entry.run_epoch(counts=False)
    entry.run_epoch(counts=True)
    entry.finish()
    assert entry.about["may_use_cores"] == [last]
    assert len(entry.first_losses) == 10
    assert 0 < entry.cores_used[0] < 1.1


def test_the_cpu_time_of_worker_processes_is_counted():
    import subprocess
    import sys

    from peers.process import cpu_seconds_of_children

    code = "import time\nwhile time.process_time() < 0.3: pass\nprint('worked', flush=True); input()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    before = cpu_seconds_of_children()
    with subprocess.Popen([sys.executable, "-c", code], encoding="utf-8", **pipes) as child:
        assert child.stdout.readline() == "worked\n"
        assert 0.25 < cpu_seconds_of_children() - before < 2
        child.communicate("\n")


def test_a_cell_is_read_with_and_without_its_recipe():
    from peers.entries import Cell

    assert Cell.read("16:128,32:4") == Cell(16, (128, 32), 4, "course")
    assert Cell.read("256:256,128:1:default") == Cell(256, (256, 128), 1, "default")
    for text in ("16:128", "a:1:1", "0:8:1", "16:8:1:course:2"):
        with pytest.raises((ValueError, TypeError)):
            Cell.read(text)


def test_a_profile_measures_all_parts_of_a_step_and_restores_the_engine():
    import step_profile
    from peers.problem import Problem

    before = [vars(owner).get(name) for owner, name, _ in step_profile.CLOCKED]
    problem = Problem(batch=16, hidden=(24, 12), n_images=160, recipe_name="default")
    clocks, with_clocks, _ = step_profile.measure(problem, rounds=2)
    assert [vars(owner).get(name) for owner, name, _ in step_profile.CLOCKED] == before
    seconds, calls = clocks.total()
    unused = {"L2 in the gradient"}  # the default recipe has none
    assert set(seconds) == {row for _, _, row in step_profile.CLOCKED} - unused | {step_profile.UPDATE}
    assert 0.5 < seconds.total() / (2 * problem.n_steps * with_clocks) <= 1
    # each step asks for its images, although four batches of 16 are gathered at once; three layers, two activations
    n_steps = 2 * problem.n_steps
    assert [calls[row] for row in ("images gathered and scaled", "y = x W + b", "activations")] == [
        n_steps,
        3 * n_steps,
        2 * n_steps,
    ]
