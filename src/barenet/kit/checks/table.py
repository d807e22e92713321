"""The function that checks each step; its module is loaded when it is needed, since each step has a process."""

from __future__ import annotations

from importlib import import_module

from barenet.kit.findings import Findings
from barenet.kit.homework import Homework

__all__ = ["run_check"]

MODULES = {
    "forward": "network",
    "loss": "network",
    "backward": "gradients",
    "sgd": "optimizer",
    "decay": "optimizer",
    "l2": "optimizer",
    "saving": "training",
    "testing": "testing",
    "search": "search",
    "pictures": "pictures",
}


def run_check(step: str, homework: Homework, findings: Findings) -> None:
    """Check a step; raise Wrong or NotWritten where it ends early."""
    module = import_module(f"barenet.kit.checks.{MODULES[step]}")
    getattr(module, f"check_{step}")(homework, findings)
