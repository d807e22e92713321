"""Into which parts a step is cut: they cover everything in order, and depend only on shapes and batch."""

from __future__ import annotations

import itertools

import pytest
from engines import Case, cut_small_steps
from hypothesis import given
from hypothesis import strategies as st

from barenet.engine import parts
from barenet.engine.numpy_engine.batch_tasks import BatchTasks
from barenet.engine.parts import RULE_VERSION, image_parts, split, weight_pieces

# Batch and layers, parts of the images, pieces of each weight matrix. A run records the version of the rule, and its
# weights follow from it in the last bit: a changed number here needs a new version.
VERSION_1 = {
    (16, (784, 128, 32, 10)): (1, [1, 1, 1]),
    (128, (784, 128, 32, 10)): (1, [1, 1, 1]),
    (256, (784, 256, 128, 10)): (2, [4, 1, 1]),
    (128, (784, 512, 256, 10)): (2, [4, 1, 1]),
    (64, (784, 512, 256, 10)): (1, [2, 1, 1]),
    (127, (4096, 4096, 10)): (1, [8, 1]),
    (511, (784, 512, 512, 10)): (2, [8, 8, 1]),
    (512, (784, 512, 512, 10)): (4, [8, 8, 1]),
    (1024, (784, 1024, 1024, 10)): (4, [8, 8, 1]),
    (2048, (784, 1024, 1024, 10)): (8, [8, 8, 1]),
    (4096, (20, 30, 5)): (1, [1, 1]),
    (100_000, (20, 30, 5)): (3, [1, 1]),
    (60_000, (784, 10)): (8, [8]),
    (1, (784, 256, 128, 10)): (1, [1, 1, 1]),
}


def rule(batch, widths):
    pairs = list(itertools.pairwise(widths))
    n_weights = sum(a * b for a, b in pairs)
    return image_parts(batch, n_weights), [weight_pieces(batch, a, b) for a, b in pairs]


def test_another_rule_needs_another_version():
    assert RULE_VERSION == 1
    assert {key: rule(*key) for key in VERSION_1} == VERSION_1


@given(st.integers(1, 5000), st.integers(1, 3000), st.integers(1, 3000))
def test_parts_are_neither_too_many_nor_too_small(batch, n_inputs, n_outputs):
    n = image_parts(batch, n_inputs * n_outputs)
    assert 1 <= n <= parts.MOST_PARTS
    assert n == 1 or (batch >= 128 and batch // n >= 64)
    n = weight_pieces(batch, n_inputs, n_outputs)
    assert 1 <= n <= parts.MOST_PARTS
    assert n == 1 or n_inputs // n >= parts.FEWEST_ROWS


@given(st.integers(0, 1000), st.integers(1, 20))
def test_a_split_covers_all_rows_in_order_in_nearly_equal_parts(n, n_parts):
    slices = split(n, n_parts)
    assert [i for part in slices for i in range(part.start, part.stop)] == list(range(n))
    sizes = [part.stop - part.start for part in slices]
    assert len(sizes) == n_parts
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("n_networks", [1, 3])
@pytest.mark.parametrize("batch_size", [16, 131, 518])
def test_the_parts_of_a_step_cover_the_batch_and_each_parameter_once(batch_size, n_networks, monkeypatch):
    cut_small_steps(monkeypatch)
    case = Case(
        {"optimizer": "sgd"}, [{"seed": n} for n in range(n_networks)], batch_size=batch_size, n_images=batch_size
    )
    engine = case.engine(range(n_networks), 1)
    engine.begin(case.plan(range(n_networks)))
    for group in engine.lanes[0].groups:
        group.feed.prepare(0, slice(0, batch_size))
        tasks = BatchTasks(group.mlp, group.loss, group.learning, group.feed.batch(0))
        assert [i for rows in tasks.rows for i in range(rows.start, rows.stop)] == list(range(batch_size))
        assert sum(tasks.shares) == pytest.approx(1)
        before = group.mlp.parameters.values.copy()
        for piece in tasks.pieces:
            piece.values[...] += 1
        assert (group.mlp.parameters.values == before + 1).all()
