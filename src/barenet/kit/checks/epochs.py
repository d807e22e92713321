"""Step 4: does an epoch use each image once, in a random order, with its label? A stand-in for the network looks."""

from __future__ import annotations

from typing import Any

import numpy as np

from barenet.kit.checks.formulas import architecture, cross_entropy
from barenet.kit.checks.numbers import Array, is_close, mistake_in, number_of
from barenet.kit.findings import Findings, Wrong
from barenet.kit.homework import Homework

__all__ = ["check_epoch"]

N_IMAGES, N_CLASSES, BATCH_SIZE = 22, 22, 8


class Witness:
    """A network and an optimizer that remember their calls; image i is a row of numbers i, its label is i."""

    def __init__(self) -> None:
        self.nn_architecture = architecture((3, N_CLASSES), ())
        self.parameters = {"W1": np.zeros((3, N_CLASSES)), "b1": np.zeros((1, N_CLASSES))}
        self.lr, self.ld, self.decay_rate, self.decay_step, self.n_steps = 0.1, 0.0, 1.0, 1, 0
        self.images: list[list[int]] = []
        self.labels: list[list[int]] = []
        self.calls = ""

    def forward(self, x: Array) -> Array:
        """Remember the images, and return 1/2 for the right class in the first batch, then 1/4, 1/8, ..."""
        self.calls += "f"
        self.images.append([round(number) for number in np.asarray(x)[:, 0]])
        right = 0.5 ** len(self.images)
        return np.where(np.asarray(x)[:, :1] == np.arange(N_CLASSES), right, (1 - right) / (N_CLASSES - 1))

    def backward(self, labels: Array) -> dict[str, Array]:
        """Remember the labels, and return gradients of one."""
        self.calls += "b"
        self.labels.append([int(number) for number in np.asarray(labels).reshape(-1)])
        return {name: np.ones_like(value) for name, value in self.parameters.items()}

    def update(self, *_: Any) -> None:
        """Say that `step` is the method to call."""
        raise Wrong("train_epoch calls optimizer.update; call optimizer.step, which also decays and adds L2")

    def step(self, parameters: Any, gradients: Any) -> None:
        """Remember the call; the arguments must be the network's parameters and its gradients."""
        self.calls += "s"
        if not isinstance(parameters, dict) or parameters.get("W1") is not self.parameters["W1"]:
            raise Wrong(
                "train_epoch must call optimizer.step(network.parameters, gradients), with the network's arrays"
            )
        if not isinstance(gradients, dict) or set(gradients) != set(self.parameters):
            raise Wrong("train_epoch must give optimizer.step the gradients that network.backward returns")


def check_epoch(homework: Homework, findings: Findings) -> None:
    """Check two epochs of 22 images in batches of 8."""
    if findings.wrong:
        return
    function = homework.find("train.py", "train_epoch")
    names = getattr(function, "__globals__", {})
    if callable(names.get("cross_entropy")):
        names["cross_entropy"] = cross_entropy  # so a mistake of step 2 is not one of step 4
    images = np.repeat(np.arange(N_IMAGES, dtype=np.float64)[:, None], 3, axis=1)
    labels, rng = np.arange(N_IMAGES), np.random.default_rng(0)
    orders = []
    for _ in range(2):
        witness = Witness()
        loss = homework.call("train_epoch", function, witness, witness, images, labels, BATCH_SIZE, rng)
        check_batches(witness, findings)
        if findings.wrong:
            return
        orders.append([i for one in witness.images for i in one])
        ln2 = np.log(2)  # the losses of the batches of 8, 8 and 6 images are ln 2, 2 ln 2 and 3 ln 2
        wanted, over_images = 2 * ln2, 42 / 22 * ln2
        mistakes = {
            "it is the sum over the batches; divide by their number": 6 * ln2,
            "it is the sum over the images; return the mean": 42 * ln2,
            "it is the loss of the last batch; return the mean of all": 3 * ln2,
            "it is the loss of the first batch; return the mean of all": ln2,
            "the sum over the batches is divided by the number of images; divide by that of batches": 6 / 22 * ln2,
            "the sum over the batches is divided by the batch size; divide by the number of batches": 6 / 8 * ln2,
        }
        got = number_of(loss, "the result of train_epoch")
        if is_close(got, over_images):
            continue  # the mean over the images is as good
        findings.add(*mistake_in("the mean loss that train_epoch returns", got, wanted, mistakes))
    if orders[0] == list(range(N_IMAGES)):
        findings.add("train_epoch takes the images in their order; shuffle them with rng.permutation")
    elif orders[0] == orders[1]:
        findings.add("train_epoch takes the images in the same order in every epoch; use the rng that it is given")


def check_batches(witness: Witness, findings: Findings) -> None:
    """Add what is wrong with the batches of an epoch."""
    seen = [i for one in witness.images for i in one]
    sizes = [len(one) for one in witness.images]
    if not seen:
        findings.add("train_epoch never calls network.forward")
    elif "s" not in witness.calls:
        findings.add("train_epoch never calls optimizer.step, so the network does not change")
    elif witness.calls != "fbs" * len(sizes):
        findings.add("train_epoch must call forward, backward and step once for each batch, in this order")
    elif len(seen) == N_IMAGES // BATCH_SIZE * BATCH_SIZE and len(set(seen)) == len(seen):
        findings.add(f"train_epoch leaves out the last, smaller batch: it uses {len(seen)} of {N_IMAGES} images")
    elif len(set(seen)) < len(seen):
        findings.add("train_epoch uses some images more than once in an epoch; cut one permutation into batches")
    elif sorted(seen) != list(range(N_IMAGES)):
        findings.add(f"train_epoch uses {len(set(seen))} of {N_IMAGES} images; it must use each one once")
    elif witness.images != witness.labels:
        findings.add("train_epoch gives images the labels of other images; shuffle both with the same permutation")
    elif sizes != [8, 8, 6]:
        findings.add(f"for 22 images and batch_size 8 the batches have {sizes} images, and must have [8, 8, 6]")
