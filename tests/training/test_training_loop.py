"""The loop against a naive float64 replay and hand-made cases: losses, rates, early stopping, divergence."""

from __future__ import annotations

import json
import math
import re
import threading
from dataclasses import fields, replace

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from barenet import cores
from barenet.data.augmentation import draw_mirrored
from barenet.data.randomness import generator
from barenet.engine import choice, making
from barenet.engine.threads import find_blas
from barenet.errors import RunError
from barenet.nn import Activation
from barenet.nn.hyperparameters import names_of
from barenet.nn.mlp import MLP
from barenet.nn.schedules import SCHEDULES, Schedule
from barenet.training import trainer as trainer_module
from barenet.training.preparation import Custom, prepare
from barenet.training.records import EpochRecord, Stop
from barenet.training.trainer import Trainer

PLAIN_SGD = {"optimizer": "sgd", "schedule": "constant", "warmup_epochs": 0, "average_decay": 0, "lr": 0.1}


def make_trainer(config, dataset) -> Trainer:
    resolved, data = prepare(config, dataset)
    return Trainer([resolved], data)


def naive_forward(parameters, x):
    """Return pre-activations and activations of a ReLU network in float64; the last activation is the softmax."""
    n_layers = len(parameters) // 2
    zs, activations = [], [x]
    for i in range(1, n_layers + 1):
        zs.append(activations[-1] @ parameters[f"W{i}"] + parameters[f"b{i}"])
        activations.append(np.maximum(zs[-1], 0))
    shares = np.exp(zs[-1] - zs[-1].max(axis=1, keepdims=True))
    activations[-1] = shares / shares.sum(axis=1, keepdims=True)
    return zs, activations


def naive_epoch(parameters, batches, learning_rate, l2):
    """Train with plain SGD on batches of (x, y); return mean loss and accuracy, measured before each step."""
    n_layers, losses, n_right, n_seen = len(parameters) // 2, 0.0, 0, 0
    for x, y in batches:
        zs, activations = naive_forward(parameters, x)
        losses += -np.log(activations[-1][np.arange(len(y)), y]).sum()
        n_right += int((activations[-1].argmax(axis=1) == y).sum())
        n_seen += len(y)
        dz = (activations[-1] - np.eye(activations[-1].shape[1])[y]) / len(y)
        for i in range(n_layers, 0, -1):
            dw, db = activations[i - 1].T @ dz, dz.sum(axis=0, keepdims=True)
            if i > 1:
                dz = (dz @ parameters[f"W{i}"].T) * (zs[i - 2] > 0)
            parameters[f"W{i}"] -= learning_rate * (dw + l2 * parameters[f"W{i}"])
            parameters[f"b{i}"] -= learning_rate * db
    return losses / n_seen, n_right / n_seen


def named(trainer, values):
    template = MLP.from_architecture(trainer.architecture, initializer=None)
    return {name: view.astype(np.float64) for name, view in template.parameters.named(values[0]).items()}


@pytest.mark.parametrize("mirrored", [False, True])
def test_an_epoch_agrees_with_a_naive_replay(dataset, make_config, mirrored):
    config = make_config(**PLAIN_SGD, l2=0.01, epochs=2, seed=5, mirror=mirrored)
    trainer = make_trainer(config, dataset)
    parameters = named(trainer, trainer.states[0].values)
    images = trainer.data.images / 255.0
    for record in trainer:
        shuffled = generator(5, "order", record.epoch).permutation(500)
        pixels = images[trainer.data.train_rows[shuffled]]
        if mirrored:
            is_mirrored = draw_mirrored(500, 5, record.epoch)[shuffled]
            assert 150 < is_mirrored.sum() < 350
            pixels = np.where(is_mirrored[:, None], pixels.reshape(-1, 8, 8)[:, :, ::-1].reshape(-1, 64), pixels)
        labels = trainer.data.labels[trainer.data.train_rows[shuffled]]
        batches = [(pixels[i : i + 48], labels[i : i + 48]) for i in range(0, 500, 48)]
        loss, accuracy = naive_epoch(parameters, batches, 0.1, 0.01)
        assert record.train_loss == pytest.approx(loss, rel=1e-5)
        assert record.train_accuracy == pytest.approx(accuracy, abs=1 / 500)
        assert record.step == 11 * record.epoch
        for name, reached in named(trainer, trainer.states[0].values).items():
            np.testing.assert_allclose(reached, parameters[name], atol=2e-5)
        shares = naive_forward(parameters, trainer.data.valid_images / 255.0)[1][-1]
        valid_labels = trainer.data.valid_labels
        assert record.valid_loss == pytest.approx(-np.log(shares[np.arange(100), valid_labels]).mean(), rel=1e-4)
        assert record.valid_accuracy == pytest.approx((shares.argmax(axis=1) == valid_labels).mean(), abs=1 / 100)


def test_validation_uses_the_averaged_weights(dataset, make_config):
    trainer = make_trainer(make_config(average_decay=0.9, lr=0.02, epochs=1), dataset)
    (record,) = trainer
    state, losses = trainer.states[0], {}
    for which, values in (("average", state.average), ("values", state.values)):
        shares = naive_forward(named(trainer, values), trainer.data.valid_images / 255.0)[1][-1]
        losses[which] = -np.log(shares[np.arange(100), trainer.data.valid_labels]).mean()
    assert record.valid_loss == pytest.approx(losses["average"], rel=1e-5)
    assert abs(losses["values"] - losses["average"]) > 1e-3
    np.testing.assert_array_equal(state.best_values, state.average)


def test_label_smoothing_is_in_the_training_loss_and_not_in_the_validation_loss(dataset, make_config):
    config = make_config(**PLAIN_SGD | {"lr": 1e-12}, label_smoothing=0.2, batch_size=500, epochs=1)
    trainer = make_trainer(config, dataset)
    parameters, data = named(trainer, trainer.states[0].values), trainer.data
    (record,) = trainer
    logs = np.log(naive_forward(parameters, data.images[data.train_rows] / 255.0)[1][-1])
    right = logs[np.arange(500), data.labels[data.train_rows]]
    assert record.train_loss == pytest.approx(-(0.8 * right + 0.2 * logs.mean(axis=1)).mean(), rel=1e-5)
    valid_logs = np.log(naive_forward(parameters, data.valid_images / 255.0)[1][-1])
    assert record.valid_loss == pytest.approx(-valid_logs[np.arange(100), data.valid_labels].mean(), rel=1e-5)


def test_norms_are_of_the_last_step(dataset, make_config):
    # With one step in an epoch, the update is the learning rate times the gradient of the initial weights.
    trainer = make_trainer(make_config(**PLAIN_SGD, batch_size=500, epochs=2), dataset)
    initial = trainer.states[0].values.astype(np.float64)
    records = list(trainer)
    assert records[0].weight_norm == pytest.approx(np.linalg.norm(initial), rel=1e-5)
    assert records[0].update_norm == pytest.approx(0.1 * records[0].gradient_norm, rel=1e-4)
    assert set(records[0].update_ratios) == {"W1", "W2", "W3"}  # biases start at zero
    assert set(records[1].update_ratios) == {"W1", "W2", "W3", "b1", "b2", "b3"}


@pytest.mark.parametrize("name", ["constant", "step", "exponential", "cosine", "one_cycle"])
def test_the_rates_of_an_epoch_are_the_schedule_s(dataset, make_config, name):
    values = {"decay_rate": 0.9, "decay_step": 5, "minimum": 1e-4}
    given = {setting: values[setting] for setting in names_of(SCHEDULES[name].hypers)}  # the others would be refused
    config = make_config(schedule=name, lr=0.01, warmup_epochs=0.5, epochs=3, **given)
    trainer = make_trainer(config, dataset)
    schedule = Schedule(name, 0.01, n_steps=33, warmup_steps=6, decay_rate=0.9, decay_step=5, minimum=1e-4)
    expected = schedule.rates(np.arange(33))
    for epoch in range(3):
        state = trainer.states[0]
        np.testing.assert_array_equal(
            trainer.learning_rates(trainer.configs, int(state.n_steps[0]))[:, 0], expected[11 * epoch : 11 * epoch + 11]
        )
        record = next(iter(trainer))
        assert record.learning_rate == expected[11 * epoch + 10]


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(dataset, make_config, plain):
    ends = []
    for seed in (0, 0, 1):
        trainer = make_trainer(make_config(seed=seed), dataset)
        records = list(trainer)
        ends.append((plain(records), [a.tobytes() for a in trainer.states[0].arrays().values()]))
    assert ends[0] == ends[1]
    assert ends[0][1][0] != ends[2][1][0]


def test_the_split_does_not_depend_on_the_seed(dataset, make_config):
    first, second = (make_trainer(make_config(seed=seed), dataset).data.train_rows for seed in (0, 1))
    np.testing.assert_array_equal(first, second)
    other = make_trainer(make_config(split_seed=1), dataset).data.train_rows
    assert not np.array_equal(first, other)


# ------------------------------------------------------------------------------- validation, best, early stopping


@pytest.mark.parametrize(
    ("epochs", "eval_every", "validated"), [(5, 2, [2, 4, 5]), (4, 1, [1, 2, 3, 4]), (3, 7, [3]), (6, 3, [3, 6])]
)
def test_validation_follows_eval_every_and_comes_after_the_last_epoch(
    dataset, make_config, epochs, eval_every, validated
):
    records = list(make_trainer(make_config(epochs=epochs, eval_every=eval_every), dataset))
    assert [r.epoch for r in records] == list(range(1, epochs + 1))
    assert [r.epoch for r in records if r.valid_loss is not None] == validated
    assert [r.epoch for r in records if r.valid_accuracy is not None] == validated


@pytest.mark.parametrize(("eval_every", "last"), [(1, 3), (2, 6)])
def test_patience_counts_validations_without_a_better_one(dataset, make_config, eval_every, last):
    # With so small a rate no prediction changes: the first validation stays the best, and two others follow.
    config = make_config(**PLAIN_SGD | {"lr": 1e-12}, epochs=20, patience=2, eval_every=eval_every)
    trainer = make_trainer(config, dataset)
    records = list(trainer)
    assert records[-1].epoch == last
    assert trainer.stopped == [Stop("early", "stopped early: 2 validations without a better one")]
    assert [r.stopped for r in records] == [None] * (last - 1) + trainer.stopped
    assert trainer.states[0].best_epochs[0, 0] == eval_every
    assert [r.epoch for r in records if r.is_best] == [eval_every]


def validated_on_wrong_labels(dataset):
    return replace(dataset, valid_images=dataset.train_images[:100], valid_labels=(dataset.train_labels[:100] + 1) % 4)


@pytest.mark.parametrize("metric", ["acc", "loss"])
def test_the_metric_decides_which_epoch_is_the_best(dataset, make_config, metric):
    # The validation labels are wrong, so the validation loss rises while the network learns.
    dataset = validated_on_wrong_labels(dataset)
    trainer = make_trainer(make_config(**PLAIN_SGD, metric=metric, epochs=6, n_valid=100), dataset)
    records = list(trainer)
    losses, accuracies = [r.valid_loss for r in records], [r.valid_accuracy for r in records]
    assert losses[-1] > losses[0]
    best = int(np.argmin(losses)) if metric == "loss" else int(np.argmax(accuracies))
    assert trainer.states[0].best_epochs[0, 0] == records[best].epoch
    score = -losses[best] if metric == "loss" else accuracies[best]
    assert trainer.states[0].best_scores[0, 0] == score


def test_patience_with_metric_loss_stops_at_the_third_worse_loss(dataset, make_config):
    config = make_config(**PLAIN_SGD, metric="loss", epochs=40, patience=3, n_valid=100)
    records = list(make_trainer(config, validated_on_wrong_labels(dataset)))
    best = int(np.argmin([r.valid_loss for r in records]))
    assert len(records) == best + 1 + 3 < 40


# ------------------------------------------------------------------------------------------------------ divergence


def test_divergence_names_epoch_step_layer_and_rate(dataset, make_config):
    # After one step weights are about 1e29, so the second layer multiplies two such numbers and overflows.
    trainer = make_trainer(make_config(**PLAIN_SGD | {"lr": 1e30}, activation="leaky_relu"), dataset)
    before = trainer.states[0]
    (record,) = trainer
    words = "diverged in epoch 1, step 2, outputs of layer 2, at learning rate 1e+30"
    assert trainer.stopped == [Stop("diverged", words)]
    assert record.stopped == trainer.stopped[0]
    assert not np.isfinite(record.train_loss)
    assert not record.is_best
    assert trainer.states[0] is before


def test_a_network_that_diverges_late_keeps_the_state_before(dataset, make_config):
    # The rate grows from 1e-9 by 10^0.4 in each step: it is small for two epochs, and far too large in the fourth.
    config = make_config(
        **PLAIN_SGD
        | {"lr": 1e-9, "schedule": "exponential", "decay_rate": 10**0.4, "decay_step": 1, "activation": "leaky_relu"},
        epochs=12,
    )
    trainer = make_trainer(config, dataset)
    states, records = [], []
    for record in trainer:
        records.append(record)
        states.append(trainer.states[0])
    match = re.fullmatch(r"diverged in epoch (\d+), step (\d+), (.+), at learning rate (.+)", str(trainer.stopped[0]))
    epoch, step, rate = int(match[1]), int(match[2]), float(match[4])
    assert 2 < epoch == records[-1].epoch < 12
    assert 11 * (epoch - 1) < step <= 11 * epoch
    assert rate == pytest.approx(1e-9 * 10 ** (0.4 * (step - 1)), rel=1e-5)
    assert states[-1] is states[-2]
    assert states[-1].epoch[0] == epoch - 1
    assert np.isfinite(states[-1].best_values).all()
    assert states[-1].best_epochs[0, 0] in range(1, epoch)


# --------------------------------------------------------------------------------------------------------- threads


def blas_thread_counts() -> list[int]:
    return [find_blas()["num_threads"]]  # NumPy's BLAS; SciPy may have loaded another one, which is not used here


def test_blas_has_one_thread_inside_a_step_and_as_many_as_before_outside(dataset, make_config):
    inside, outside = [], []

    def tanh(z):
        inside.append(blas_thread_counts())
        return np.tanh(z)

    custom = Custom((Activation.custom("watched", tanh, lambda da, z, a: da * (1 - a * a)),))
    config, data = prepare(make_config(epochs=2, eval_every=2, activation="custom:watched"), dataset, custom=custom)
    trainer = Trainer([config], data, custom=custom, progress=lambda *_: outside.append(blas_thread_counts()))
    with threadpool_limits(limits=2, user_api="blas"):
        before = blas_thread_counts()
        for _ in trainer:
            outside.append(blas_thread_counts())
    assert set(map(tuple, inside)) == {(1,) * len(before)}
    assert set(map(tuple, outside)) == {tuple(before)}
    assert set(before) == {2}


@pytest.mark.parametrize(
    ("n_cores", "threads", "expected"), [(1, None, 1), (1, 4, 1), (3, None, 3), (3, 2, 2), (3, 8, 3)]
)
def test_an_engine_may_use_the_threads_that_are_asked_for_and_no_more_than_the_cores(
    n_cores, threads, expected, dataset, make_config, monkeypatch
):
    asked = []

    def make(*args, most_threads, **kwargs):
        asked.append(most_threads)
        return making.make_engine(*args, most_threads=most_threads, **kwargs)

    monkeypatch.setattr(trainer_module, "available_cores", lambda: n_cores)
    monkeypatch.setattr(trainer_module, "make_engine", make)
    config, data = prepare(make_config(epochs=1), dataset)
    config = config.with_values(trainer__threads=threads)
    list(Trainer([config], data))
    assert asked == [expected]


def test_on_one_core_no_thread_starts_even_for_much_work(dataset, make_config, monkeypatch):
    monkeypatch.setattr(cores, "affinity_cores", lambda: 1)
    monkeypatch.setattr(choice, "LEAST_WORK", 1)
    started: list[threading.Thread] = []
    monkeypatch.setattr(threading.Thread, "start", started.append)
    config, data = prepare(make_config(epochs=2, batch_size=250, threads=4), dataset)
    list(Trainer([config, config], data))
    assert not started


def test_the_number_of_blas_threads_is_restored_after_an_interrupt(dataset, make_config):
    def interrupt(*_):
        raise KeyboardInterrupt

    config, data = prepare(make_config(threads=1), dataset)
    with threadpool_limits(limits=2, user_api="blas"):
        outside = blas_thread_counts()
        with pytest.raises(KeyboardInterrupt):
            list(Trainer([config], data, progress=interrupt))
        assert blas_thread_counts() == outside


def make_record(**values):
    plain = {f.name: {"int": 1, "bool": True}.get(f.type, 0.5) for f in fields(EpochRecord)}
    return EpochRecord(**plain | {"update_ratios": {}} | values)


def test_a_record_with_nan_is_strict_json_and_is_read_back_equal():
    values = {
        "train_loss": math.nan,
        "valid_loss": None,
        "update_ratios": {"W1": math.inf},
        "stopped": Stop("diverged", "diverged in epoch 1"),
    }
    written = json.dumps(make_record(**values).as_values(), allow_nan=False)
    assert json.loads(written)["train_loss"] is None
    record = EpochRecord.from_values(json.loads(written))
    assert math.isnan(record.train_loss)
    assert math.isnan(record.update_ratios["W1"])
    assert record.valid_loss is None
    assert record.stopped == Stop("diverged", "diverged in epoch 1")


@pytest.mark.parametrize("kind", ["finished", "early", "diverged"])
def test_files_and_lines_say_why_a_network_stopped_and_reading_gives_the_kind(kind):
    words = {"finished": "finished", "early": "stopped early: 2 validations", "diverged": "diverged in epoch 1"}[kind]
    record = make_record(stopped=Stop(kind, words))
    assert record.as_values()["stopped"] == words
    assert record.as_line().endswith(f"Epoch Time: 0.50 s | {words}")
    assert [str(value) for value in record.as_csv()][-1] == words
    assert EpochRecord.from_values(record.as_values()) == record
    assert record.diverged == (kind == "diverged")


def test_an_unknown_reason_to_stop_is_damage():
    with pytest.raises(RunError, match="a history is damaged: 'vanished' is not a reason to stop; known: finished"):
        Stop.parse("vanished")
