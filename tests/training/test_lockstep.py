"""A network trained in a stack ends bit-identical to the same network trained alone: state, records and all."""

from __future__ import annotations

import numpy as np
import pytest
from families import slow_except

from barenet.data.datasets import from_arrays
from barenet.engine import parts
from barenet.engine.numpy_engine import engine as engine_module
from barenet.engine.stacks import check_stack
from barenet.errors import ConfigError
from barenet.nn.losses import Loss
from barenet.training import trainer as trainer_module
from barenet.training.preparation import Custom, prepare
from barenet.training.records import Stop
from barenet.training.trainer import Trainer


def trained(configs, dataset, custom=None):
    resolved = [prepare(config, dataset, custom=custom)[0] for config in configs]
    _, data = prepare(configs[0], dataset, custom=custom)
    trainer = Trainer(resolved, data, custom=custom)
    return trainer, list(trainer)


def assert_each_as_alone(configs, dataset, plain, custom=None) -> list[Stop]:
    together, records = trained(configs, dataset, custom)
    for i, config in enumerate(configs):
        alone, own_records = trained([config], dataset, custom)
        mine, expected = together.states[i].arrays(), alone.states[0].arrays()
        assert mine.keys() == expected.keys()
        for name in expected:
            assert mine[name].tobytes() == expected[name].tobytes(), (i, name)
        assert plain([record for record in records if record.network == i]) == plain(own_records)
        assert together.stopped[i] == alone.stopped[0]
    return together.stopped


SGD = {"optimizer": "sgd", "warmup_epochs": 0, "average_decay": 0, "schedule": "constant"}
SEEDS_AND_RATES = [
    {"seed": 0, "lr": 0.1},
    {"seed": 1, "lr": 0.02, "l2": 1e-3},
    {"seed": 2, "lr": 0.3, "l2": 1e-5},
    {"seed": 3, "lr": 0.05},
]
STACKS = {
    "sgd": (SGD, SEEDS_AND_RATES),
    "one order for all": (SGD, [row | {"seed": 4} for row in SEEDS_AND_RATES]),
    "momentum": (SGD, [row | {"momentum": m} for row, m in zip(SEEDS_AND_RATES, (0.9, 0.5, 0.95, 0.1), strict=True)]),
    "nesterov": (SGD | {"nesterov": True}, [row | {"momentum": 0.8} for row in SEEDS_AND_RATES]),
    "adam": (
        {"optimizer": "adam", "average_decay": 0},
        [
            {"seed": 0, "lr": 0.003, "beta1": 0.8},
            {"seed": 1, "lr": 0.01, "beta2": 0.99, "l2": 1e-3},
            {"seed": 2, "lr": 0.001, "epsilon": 1e-4},
        ],
    ),
    "adamw, averaged": (
        {},
        [
            {"seed": 0, "average_decay": 0.9, "weight_decay": 0},
            {"seed": 1, "average_decay": 0.99, "weight_decay": 0.1},
            {"seed": 0, "average_decay": 0.5, "weight_decay": 0.01, "lr": 0.01},
        ],
    ),
    "clipped": (
        SGD,
        [row | {"clip_norm": c} for row, c in zip(SEEDS_AND_RATES, (0.05, 1.0, 100.0, 0.5), strict=True)],
    ),
    "clipped momentum": (SGD, [{"momentum": 0.9, "clip_norm": 0.1, "seed": s, "lr": 0.1} for s in range(3)]),
    "schedules": (
        {},
        [
            {"schedule": "constant", "warmup_epochs": 0.5},
            {"schedule": "step", "decay_rate": 0.5, "decay_step": 7, "minimum": 1e-4},
            {"schedule": "exponential", "decay_rate": 0.9, "decay_step": 3},
            {"schedule": "cosine", "minimum": 1e-5},
            {"schedule": "one_cycle", "warmup_epochs": 0},
        ],
    ),
    "lengths": (SGD, [{"epochs": e, "seed": e, "eval_every": v} for e, v in ((2, 1), (5, 2), (3, 3), (1, 1))]),
    "metrics": (SGD, [{"metric": m, "seed": s, "patience": 1} for s, m in enumerate(("acc", "loss", "acc"))]),
    "mirrored": ({"mirror": True}, [{"seed": s} for s in range(3)]),
    "mirrored in one order": ({"mirror": True}, [{"seed": 1, "lr": lr} for lr in (0.001, 0.01)]),
    "one image in the last batch": (SGD | {"batch_size": 499}, SEEDS_AND_RATES),
    "small batches": (SGD | {"batch_size": 7, "epochs": 2}, SEEDS_AND_RATES),
    "whole set in a batch": (SGD | {"batch_size": 500}, SEEDS_AND_RATES),
    "one hidden unit": (SGD | {"hidden": "5,1,3"}, SEEDS_AND_RATES),
    "no hidden layer": (SGD | {"hidden": ""}, SEEDS_AND_RATES),
    "dropout": (
        {},
        [
            {"seed": 0, "dropout": 0.5},
            {"seed": 1, "input_dropout": 0.2},
            {"seed": 2},
            {"seed": 2, "dropout": 0.1, "input_dropout": 0.1},
        ],
    ),
    "shifted": ({"shift": 2}, [{"seed": s} for s in range(3)]),
    "shifted and mirrored in one order": (
        {"shift": 1, "mirror": True},
        [{"seed": 1, "lr": lr} for lr in (0.001, 0.01)],
    ),
    "starts": ({}, [{"initializer": i} for i in ("he", "glorot", "course")]),
    "weighted classes": ({"class_weight": "0=3,1=0.5"}, [{"seed": s} for s in range(2)]),
    "smoothed labels": ({"label_smoothing": 0.1}, [{"seed": s} for s in range(2)]),
    "squared error": (SGD | {"loss": "mse", "activation": "tanh"}, SEEDS_AND_RATES),
    "hinge": (SGD | {"loss": "hinge", "activation": "gelu"}, SEEDS_AND_RATES),
}


QUICK = ("adamw, averaged", "lengths", "dropout")


@pytest.mark.parametrize("name", slow_except(STACKS, *QUICK))
def test_each_network_of_a_stack_ends_as_alone(name, dataset, make_config, plain):
    common, rows = STACKS[name]
    assert_each_as_alone([make_config(**common, **row) for row in rows], dataset, plain)


def test_floating_point_images_in_a_stack_end_as_alone(arrays, make_config, plain):
    dataset = from_arrays(arrays["x"] / np.float32(255), arrays["y"])
    configs = [make_config(seed=seed, mirror=True) for seed in range(3)]
    assert_each_as_alone(configs, dataset, plain)


def test_networks_end_as_alone_when_others_diverge_stop_early_or_finish_earlier(dataset, make_config, plain):
    common = SGD | {"activation": "leaky_relu", "clip_norm": None, "epochs": 6}
    configs = [
        make_config(**common, seed=0, lr=0.1),
        make_config(**common, seed=1, lr=1e30),  # diverges in its first epoch
        make_config(**common, seed=2, lr=1e-12, patience=2),  # never better than its first validation
        make_config(**common | {"epochs": 2}, seed=3, lr=0.05),
        make_config(**common, seed=4, lr=0.2, l2=1e-3),
    ]
    stopped = assert_each_as_alone(configs, dataset, plain)
    assert [stop.kind for stop in stopped] == ["finished", "diverged", "early", "finished", "finished"]
    assert str(stopped[0]) == str(stopped[3]) == str(stopped[4]) == "finished"
    assert str(stopped[1]).startswith("diverged in epoch 1, step 2")
    assert str(stopped[2]).startswith("stopped early: 2 validations")


def test_training_loss_does_not_depend_on_the_stack_even_in_float64(dataset, make_config, plain):
    def value(logits, labels):
        right = np.take_along_axis(logits, labels[..., None], -1)[..., 0].astype(np.float64)
        return np.mean((right - 1) ** 2, axis=-1) * np.pi

    def gradient(logits, labels):
        grads = np.zeros_like(logits)
        right = np.take_along_axis(logits, labels[..., None], -1)
        np.put_along_axis(grads, labels[..., None], 2 * np.pi * (right - 1) / logits.shape[-2], -1)
        return grads

    custom = Custom(loss=Loss.custom("own_logit", value, gradient))
    configs = [make_config(**SGD | {"loss": "custom:own_logit", "batch_size": 16}, seed=s, lr=0.01) for s in range(5)]
    assert_each_as_alone(configs, dataset, plain, custom)


# ------------------------------------------------------------------------------------------------ threads


@pytest.fixture
def use_threads(monkeypatch):
    """Return a function that sets the exact number of threads of all later engines; they also split small steps."""
    monkeypatch.setattr(parts, "PART_WORK", 10_000)
    monkeypatch.setattr(parts, "PIECE_WORK", 10_000)
    monkeypatch.setattr(parts, "FEWEST_ROWS", 8)
    monkeypatch.setattr(trainer_module, "available_cores", lambda: 8)

    def use(n: int) -> None:
        monkeypatch.setattr(engine_module, "candidates", lambda most, work: [n])

    return use


THREADS = {
    "dropout, mirrored and shifted": (
        {"dropout": 0.2, "input_dropout": 0.1, "mirror": True, "shift": 1},
        [{"seed": 0}, {"seed": 1}],
    ),
    "clipped momentum, one order": (SGD, [{"momentum": 0.9, "clip_norm": 0.1, "lr": lr} for lr in (0.1, 0.05)]),
}


@pytest.mark.parametrize("batch_size", slow_except([48, 160], 160))
@pytest.mark.parametrize("name", THREADS)
def test_training_resumes_with_another_number_of_threads_and_ends_with_the_same_bits(
    name, batch_size, dataset, make_config, plain, use_threads
):
    common, rows = THREADS[name]
    configs = [make_config(**common, **row, batch_size=batch_size, epochs=4) for row in rows]
    use_threads(1)
    whole, expected = trained(configs, dataset)
    resolved = [prepare(config, dataset)[0] for config in configs]
    _, data = prepare(configs[0], dataset)
    states, records = None, []
    for n_threads, until in ((3, 1), (1, 2), (2, 3), (4, None)):
        use_threads(n_threads)
        trainer = Trainer(resolved, data, states, until=until)
        records += list(trainer)
        states = trainer.states
    assert plain(records) == plain(expected)
    for state, expected in zip(states, whole.states, strict=True):
        for array_name, array in expected.arrays().items():
            assert state.arrays()[array_name].tobytes() == array.tobytes(), array_name


# ------------------------------------------------------------------------------------------ what a stack agrees in


@pytest.mark.parametrize(
    ("first", "second", "what"),
    [
        ({"hidden": "16"}, {"hidden": "8"}, "model"),
        ({"activation": "relu"}, {"activation": "tanh"}, "model"),
        ({"batch_size": 10}, {"batch_size": 20}, "data"),
        ({"n_valid": 10}, {"n_valid": 20}, "data"),
        ({"split_seed": 0}, {"split_seed": 1}, "data"),
        ({"mirror": True}, {"mirror": False}, "data"),
        ({"optimizer": "adam"}, {"optimizer": "adamw"}, "optimizer.name"),
        ({"optimizer": "sgd"}, {"optimizer": "sgd", "momentum": 0.9}, r"optimizer.momentum \(none or some\)"),
        (
            {"optimizer": "sgd", "momentum": 0.9},
            {"optimizer": "sgd", "momentum": 0.9, "nesterov": True},
            "optimizer.nesterov",
        ),
        ({"clip_norm": 1}, {"clip_norm": None}, r"optimizer.clip_norm \(none or some\)"),
        ({"average_decay": 0}, {"average_decay": 0.9}, r"optimizer.average_decay \(none or some\)"),
        ({"keep_best": 1}, {"keep_best": 2}, "trainer.keep_best"),
    ],
)
def test_what_cannot_differ_in_a_stack_is_named(first, second, what, make_config):
    check_stack([make_config(**first), make_config(**first)])
    with pytest.raises(ConfigError, match=f"networks of a stack must agree in {what}") as caught:
        check_stack([make_config(**first), make_config(**second)])
    assert str(caught.value).isprintable()
