"""What a report tells of the machine that a run was trained on, as machine.json holds it."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from barenet.cores import available_cores
from barenet.engine.parts import RULE_VERSION
from barenet.engine.threads import find_blas
from barenet.run_folders.files import replace_file
from barenet.version import __version__

__all__ = ["describe_machine", "read_parts_version", "write_machine"]


def write_machine(folders: Iterable[Path]) -> None:
    """Write machine.json into the folders of networks that train, or are about to go on, on this machine."""
    described = json.dumps(describe_machine(), indent=2) + "\n"
    for folder in folders:
        replace_file(folder / "machine.json", described)


def describe_machine() -> dict[str, Any]:
    """Return processor, cores and system, and the versions of what computes."""
    blas = find_blas()
    return {
        "processor": processor_name(),
        "cores": available_cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "BLAS": " ".join(str(blas[k]) for k in ("internal_api", "version", "architecture") if blas.get(k)) or "unknown",
        "barenet": __version__,
        "parts of a step": f"rule {RULE_VERSION}",
    }


def read_parts_version(folder: Path) -> int | None:
    """Return by which version of the rule a run's steps were cut into parts; None for one that tells of none."""
    try:
        described = json.loads((folder / "machine.json").read_text("utf-8"))
        return int(str(described["parts of a step"]).removeprefix("rule "))
    except (OSError, ValueError, KeyError, TypeError):  # of an earlier version, or damaged: nothing is lost by it
        return None


def processor_name() -> str:
    """Return what the system calls its processor."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text("utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
