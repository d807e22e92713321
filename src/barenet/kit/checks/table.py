"""The function that checks each step."""

from __future__ import annotations

from collections.abc import Callable

from barenet.kit.checks.gradients import check_backward
from barenet.kit.checks.network import check_forward, check_loss
from barenet.kit.checks.optimizer import check_decay, check_l2, check_sgd
from barenet.kit.checks.pictures import check_pictures
from barenet.kit.checks.search import check_search
from barenet.kit.checks.testing import check_testing
from barenet.kit.checks.training import check_saving
from barenet.kit.findings import Findings
from barenet.kit.homework import Homework

__all__ = ["CHECKS"]

CHECKS: dict[str, Callable[[Homework, Findings], None]] = {
    "forward": check_forward,
    "loss": check_loss,
    "backward": check_backward,
    "sgd": check_sgd,
    "decay": check_decay,
    "l2": check_l2,
    "saving": check_saving,
    "testing": check_testing,
    "search": check_search,
    "pictures": check_pictures,
}
