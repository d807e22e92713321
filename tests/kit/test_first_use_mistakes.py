"""Mistakes of people who did the assignment for the first time: each one is found and named."""

from __future__ import annotations

import pytest
from solution import replace_once, write_solution

from barenet.kit.findings import RIGHT, WRONG

SOFTMAX = "e = np.exp(z - z.max(axis=1, keepdims=True))\n                a = e / e.sum(axis=1, keepdims=True)"
LOSS = "right = probabilities[np.arange(len(labels)), labels]\n    return -np.mean(np.log(np.maximum(right, 1e-12)))"
ONE_HOT = "y = np.eye(probabilities.shape[1])[labels]"


@pytest.mark.parametrize(
    ("step", "file", "before", "after", "words"),
    [
        ("forward", "model.py", "z.max(axis=1, keepdims=True)", "z.max()", "not that of the whole array"),
        ("forward", "model.py", "e.sum(axis=1, keepdims=True)", "e.sum(axis=0)", "softmax divides by a sum over the b"),
        ("forward", "model.py", "e.sum(axis=1, keepdims=True)", "e.sum()", "by the sum of the whole array"),
        ("forward", "model.py", SOFTMAX, "z = np.maximum(z, 0); " + SOFTMAX, "ReLU is computed in the last layer too"),
        ("forward", "model.py", "np.exp(-z)", "np.exp(z)", "the minus sign of z is missing"),
        (
            "forward",
            "model.py",
            "        self.a, self.z = [x], []",
            "        p = self.parameters\n"
            "        self.parameters = NeuralNetwork(self.nn_architecture).parameters\n"
            "        self.a, self.z = [x], []",
            "must compute with network.parameters",
        ),
        ("loss", "model.py", LOSS, "return -np.sum(np.log(probabilities[:, labels])) / len(labels)", "np.arange(B)"),
        (
            "loss",
            "model.py",
            LOSS,
            f"{ONE_HOT}\n    p = probabilities\n"
            "    return -np.sum(y * np.log(p + 1e-12) + (1 - y) * np.log(1 - p + 1e-12)) / len(labels)",
            "the wrong classes count too",
        ),
        (
            "loss",
            "model.py",
            LOSS,
            f"{ONE_HOT}\n    e = np.exp(probabilities)\n    return -np.mean(np.log((y * e).sum(1) / e.sum(1)))",
            "the softmax is computed again",
        ),
        (
            "backward",
            "model.py",
            "dz.sum(axis=0, keepdims=True)",
            "dz.sum(axis=1, keepdims=True)",
            "sum over the batch",
        ),
        ("backward", "model.py", "dz.sum(axis=0, keepdims=True)", "dz.sum(axis=0)", "axis=0, keepdims=True"),
        ("sgd", "train.py", "return np.mean(losses)", "return losses[-1]", "the loss of the last batch"),
        ("sgd", "train.py", "return np.mean(losses)", "return sum(losses) / len(images)", "the number of images"),
        ("sgd", "train.py", "return np.mean(losses)", "return sum(losses) / batch_size", "by the batch size"),
        (
            "sgd",
            "train.py",
            "optimizer.step(network.parameters, gradients)\n    ret",
            "optimizer.update(0, 0)\n    ret",
            "call optimizer.step, which also decays",
        ),
        ("decay", "train.py", "*= self.decay_rate", "*= self.decay_rate ** self.n_steps", "decay_rate ** n_steps"),
        ("l2", "train.py", "self.ld * parameters", "self.lr * self.ld * parameters", "multiplied by lr"),
        (
            "l2",
            "train.py",
            'result[name] = gradient + self.ld * parameters[name] if name.startswith("W") else gradient',
            'if name.startswith("W"): result[name] = gradient + self.ld * parameters[name]',
            "SGD.add_l2 returns no b1",
        ),
    ],
)
def test_the_mistake_is_named(step, file, before, after, words, tmp_path, check_here):
    folder = write_solution(tmp_path / "kit", files=("model.py", "train.py"))
    replace_once(folder / file, before, after)
    result = check_here(folder, step)
    assert result.status == WRONG
    assert words in " ".join((*result.wrong, *result.notes))


def test_the_mean_over_the_images_of_an_epoch_is_right_too(tmp_path, check_here):
    folder = write_solution(tmp_path / "kit", files=("model.py", "train.py"))
    replace_once(folder / "train.py", "labels[rows]))", "labels[rows]) * len(rows))")
    replace_once(folder / "train.py", "return np.mean(losses)", "return sum(losses) / len(images)")
    assert check_here(folder, "sgd").status == RIGHT
