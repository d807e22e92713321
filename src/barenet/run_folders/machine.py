"""The machine that a run was trained on, in machine.json."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import numpy as np

from barenet.cores import available_cores
from barenet.engine.compiled.available import versions
from barenet.engine.diagnosis import cpu_features
from barenet.engine.parts import RULE_VERSION
from barenet.engine.threads import find_blas
from barenet.storage.files import replace_file
from barenet.storage.sealing import SealError, seal, unseal
from barenet.version import __version__

__all__ = ["DECIDES", "EARLIER", "RULE", "describe_machine", "read_machine", "read_parts_version", "write_machine"]

RULE = "parts of a step"
# What decides the last digits, by engine. Compiled kernels give the same digits everywhere. The rule of parts is
# checked in `resuming`.
DECIDES: dict[str, tuple[str, ...]] = {"numpy": ("NumPy", "BLAS", "vector instructions"), "compiled": ()}
EARLIER = "earlier machines"


def write_machine(folder: Path, engine: str, step: int = 0) -> str | None:
    """Write machine.json into the folder of a network that an engine trains on this machine, starting at `step`.

    Earlier machines stay in the file. Returns in words which things that decide the last digits differ from the last
    machine, or None if nothing does.
    """
    now, before = describe_machine(engine), read_machine(folder) or {}
    earlier = before.pop(EARLIER, [])
    changed = [name for name in DECIDES[engine] if name in before and before[name] != now[name]]
    if step and before and before != now:
        earlier = [*earlier, {**before, "until step": step}]
    content = {**now, EARLIER: earlier} if earlier else now
    replace_file(folder / "machine.json", seal(content, indent=2) + "\n")
    if not step or not changed:
        return None
    words = ", ".join(f"{name} {now[name]}, was {before[name]}" for name in changed)
    return (
        f"{folder} goes on with other arithmetic ({words}): its results differ in the last digits from those without "
        f"the break"
    )


def read_machine(folder: Path) -> dict[str, Any] | None:
    """Return what machine.json says, or None where it is missing or damaged: a run can continue without it."""
    try:
        described = unseal((folder / "machine.json").read_bytes())
    except (OSError, SealError):
        return None
    return described if isinstance(described.get(EARLIER, []), list) else None


def describe_machine(engine: str = "numpy") -> dict[str, Any]:
    """Return processor, cores and system, and the versions of the software that this engine uses."""
    blas = find_blas()
    return {
        "processor": processor_name(),
        "cores": available_cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "BLAS": " ".join(str(blas[k]) for k in ("internal_api", "version", "architecture") if blas.get(k)) or "unknown",
        "barenet": __version__,
        "vector instructions": " ".join(cpu_features()),
        RULE: f"rule {RULE_VERSION}",
        "engine": engine,
        **(versions() if engine == "compiled" else {}),
    }


def read_parts_version(folder: Path) -> int | None:
    """Return the version of the rule by which a run's steps were cut into parts, or None where it is not known."""
    rule = (read_machine(folder) or {}).get(RULE, "")
    number = str(rule).removeprefix("rule ")
    return int(number) if number.isdecimal() else None


def processor_name() -> str:
    """Return the system's name of its processor."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text("utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
