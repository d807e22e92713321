"""Steps 4, 5 and 6: one step of gradient descent, the decay of the learning rate, and L2, each with exact numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from barenet.kit.checks.epochs import check_epoch
from barenet.kit.checks.numbers import Array, array_of, is_close, mistake_in, number_of, shown
from barenet.kit.findings import Findings, Wrong
from barenet.kit.homework import Homework

__all__ = ["check_decay", "check_l2", "check_sgd"]


def make_optimizer(homework: Homework, **settings: float) -> Any:
    """Return the student's optimizer."""
    return homework.call("SGD(...)", homework.find("train.py", "SGD"), **settings)


def check_sgd(homework: Homework, findings: Findings) -> None:
    """Check one update with numbers worked out by hand, then an epoch."""
    homework.each(lambda: check_update(homework, findings), lambda: check_epoch(homework, findings))


def check_update(homework: Homework, findings: Findings) -> None:
    """Check one update of the parameters, in which all layers have the same numbers."""
    optimizer = make_optimizer(homework, lr=0.25)
    W, b, dW, db = np.array([[1.0, 2.0]]), np.array([[3.0, -1.0]]), np.array([[0.2, -4.0]]), np.array([[1.0, 0.0]])
    parameters, gradients = layers_of(homework, W, b), layers_of(homework, dW, db)
    homework.call("SGD.update", homework.method(optimizer, "update"), parameters, gradients)
    changed = {name: array_of(parameters.get(name), (1, 2), f"{name} after SGD.update") for name in ("W1", "b1")}
    if is_close(changed["W1"], W) and is_close(changed["b1"], b):
        findings.add(
            "SGD.update changes nothing: write parameters[name] -= ..., since p = p - ... makes a new array and leaves "
            "the dictionary as it was"
        )
    else:
        mistakes = {
            "the step goes uphill; subtract the gradient": W + 0.25 * dW,
            "the learning rate is missing": W - dW,
            "it is changed twice": W - 2 * 0.25 * dW,
            "it is not changed": W,
            "it is replaced by the gradient": dW,
        }
        # By hand: 1 - 0.25 * 0.2 = 0.95, 2 + 0.25 * 4 = 3; 3 - 0.25 = 2.75, -1.
        findings.add(*mistake_in("W1 after a step with lr = 0.25", changed["W1"], [[0.95, 3.0]], mistakes))
        findings.add(*mistake_in(
                "b1 after a step with lr = 0.25", changed["b1"], [[2.75, -1.0]],
                {"the biases are not changed": b, "the step goes uphill; subtract the gradient": b + 0.25 * db},
            )
        )  # fmt: skip
    if not (is_close(gradients["W1"], dW) and is_close(gradients["b1"], db)):
        findings.add("SGD.update changes the gradients; it must leave them as they are")
    for name, value in parameters.items():
        if not findings.wrong and not is_close(value, changed[f"{name[0]}1"]):
            findings.add(
                f"SGD.update takes the right step for {name[0]}1, and another one for {name}; all layers need it"
            )


def layers_of(homework: Homework, W: Array, b: Array) -> dict[str, Array]:
    """Return parameters or gradients with the same numbers in each layer."""
    layers = range(1, homework.form.n_layers + 1)
    return {f"{name}{i}": value.copy() for i in layers for name, value in (("W", W), ("b", b))}


def rates(n: int, rule: Any) -> list[float]:
    """Return the learning rates after 1 to n steps by a rule that gets the rate, the first rate and the step."""
    rate, found = 0.1, []
    for step in range(1, n + 1):
        rate = rule(rate, step)
        found.append(rate)
    return found


def check_decay(homework: Homework, findings: Findings) -> None:
    """Check the learning rate after each of 18 steps, with lr 0.1, decay_rate 0.5 and decay_step 3."""
    optimizer = make_optimizer(homework, lr=0.1, ld=0.0, decay_rate=0.5, decay_step=3)
    got = []
    for _ in range(18):
        homework.call("SGD.decay", homework.method(optimizer, "decay"))
        got.append(number_of(getattr(optimizer, "lr", None), "SGD.lr after SGD.decay"))
    # By hand: halved after steps 3, 6, 9 and 12; then it is 0.00625, which is not larger than 0.01.
    wanted = [0.1, 0.1, *[0.05] * 3, *[0.025] * 3, *[0.0125] * 3, *[0.00625] * 7]
    if is_close(got, wanted):
        return
    mistakes = {
        "the learning rate never changes": rates(18, lambda rate, step: rate),
        "it decays after every step; decay only after every decay_step steps": rates(
            18, lambda rate, step: rate * (0.5 if rate > 0.01 else 1)
        ),
        "it decays one step too late, or the step is counted after the comparison": rates(
            18, lambda rate, step: rate * (0.5 if rate > 0.01 and step % 3 == 1 and step > 1 else 1)
        ),
        "it decays in the first step: count the step before the comparison, since 0 % decay_step is 0": rates(
            18, lambda rate, step: rate * (0.5 if rate > 0.01 and step % 3 == 1 else 1)
        ),
        "it decays one step too early": rates(
            18, lambda rate, step: rate * (0.5 if rate > 0.01 and step % 3 == 2 else 1)
        ),
        "it decays without an end; only a learning rate larger than 0.01 decays": rates(
            18, lambda rate, step: rate * (0.5 if step % 3 == 0 else 1)
        ),
        "it ends at 0.01; the last decay may go below, only a rate larger than 0.01 decays": rates(
            18, lambda rate, step: max(rate * 0.5, 0.01) if step % 3 == 0 else rate
        ),
        "it decays only once; it must decay after every decay_step steps": rates(
            18, lambda rate, step: rate * 0.5 if step == 3 else rate
        ),
        "the new rate is the old one times decay_rate ** (number of decays); multiply by decay_rate once": rates(
            18, lambda rate, step: rate * 0.5 ** (step // 3) if rate > 0.01 and step % 3 == 0 else rate
        ),
        "the rate is multiplied by decay_rate ** n_steps; multiply by decay_rate once": rates(
            18, lambda rate, step: rate * 0.5**step if rate > 0.01 and step % 3 == 0 else rate
        ),
        "decay_rate is subtracted; multiply by it": rates(
            18, lambda rate, step: rate - 0.5 if rate > 0.01 and step % 3 == 0 else rate
        ),
        "it is divided by decay_rate; multiply by it": rates(
            18, lambda rate, step: rate / 0.5 if rate > 0.01 and step % 3 == 0 else rate
        ),
    }
    first = next(i for i in range(18) if not is_close(got[i], wanted[i]))
    findings.add(
        f"with lr 0.1, decay_rate 0.5 and decay_step 3, lr after {first + 1} steps is {shown(got[first])}, and must be "
        f"{shown(wanted[first])}"
    )
    findings.add(*[sentence for sentence, result in mistakes.items() if is_close(got, result)][:1])


def check_l2(homework: Homework, findings: Findings) -> None:
    """Check the L2 term of weights and that biases get none."""
    optimizer = make_optimizer(homework, lr=0.25, ld=0.1)
    W, dW = np.array([[1.0, -2.0], [4.0, 0.5]]), np.full((2, 2), 0.5)
    b, db = np.array([[3.0, 4.0]]), np.array([[0.25, 0.25]])
    parameters, gradients = layers_of(homework, W, b), layers_of(homework, dW, db)
    result = homework.call("SGD.add_l2", homework.method(optimizer, "add_l2"), parameters, gradients)
    if not isinstance(result, dict):
        kind = "None; is a return missing?" if result is None else type(result).__name__
        raise Wrong(f"SGD.add_l2 must return a dictionary of gradients, got {kind}")
    for name in gradients:
        if name not in result:
            raise Wrong(f"SGD.add_l2 returns no {name}; the result needs the gradients of weights and of biases")
    got = {name: array_of(result[name], gradients[name].shape, f"SGD.add_l2(...)[{name!r}]") for name in ("W1", "b1")}
    mistakes = {
        "the L2 term is missing": dW,
        "the L2 term must be added, and it is subtracted": dW - 0.1 * W,
        "the L2 term is counted twice: the derivative of ld / 2 * W ** 2 is ld * W": dW + 0.2 * W,
        "the L2 term is only half as large: add ld * W": dW + 0.05 * W,
        "the gradient itself is missing: add ld * W to it": 0.1 * W,
        "the L2 term is multiplied by lr: update does this later": dW + 0.025 * W,
        "the L2 term has the square of W: its derivative is ld * W": dW + 0.1 * W**2,
        "the L2 term has the sign of W: that is L1": dW + 0.1 * np.sign(W),
        "ld is missing in the L2 term": dW + W,
    }
    # By hand: 0.5 + 0.1 * 1 = 0.6, 0.5 - 0.1 * 2 = 0.3, 0.5 + 0.1 * 4 = 0.9 and 0.5 + 0.1 * 0.5 = 0.55.
    findings.add(*mistake_in("the gradient of W1 with ld = 0.1", got["W1"], [[0.6, 0.3], [0.9, 0.55]], mistakes))
    on_biases = {"L2 is for weights only; the biases get none": db + 0.1 * b}
    findings.add(*mistake_in("the gradient of b1 with ld = 0.1", got["b1"], [[0.25, 0.25]], on_biases))
    if not (is_close(parameters["W1"], W) and is_close(parameters["b1"], b)):
        findings.add("SGD.add_l2 changes the parameters; it must change the gradients only")
    if result is gradients:
        findings.add("SGD.add_l2 changes the gradients that it is given; return a new dictionary instead")
    elif not is_close(gradients["W1"], dW):
        findings.note(
            "SGD.add_l2 changes the arrays of the gradients that it is given; gradient + ld * W makes new ones"
        )
