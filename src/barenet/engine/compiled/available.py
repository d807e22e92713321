"""Whether the compiled kernels can be used here, checked before anything is compiled.

Numba takes about half a second to import, so this is checked last.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import platform
import re
from importlib import metadata

from barenet.messages import one_line

__all__ = ["INSTALL", "describe_compiling", "is_installed", "versions", "why_not"]

INSTALL = 'pip install "barenet[fast]"'
LAST_COMPILED = "steps.take_steps-*.nbi"  # a file that Numba writes when the last function is compiled
X86 = ("x86_64", "amd64", "i386", "i686", "x86")


def is_installed() -> bool:
    """Whether any version of Numba is installed."""
    return "Numba" in versions()


def versions() -> dict[str, str]:
    """Return the versions of the installed libraries that compile the kernels."""
    found = {}
    for name in ("Numba", "llvmlite"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


@functools.cache
def why_not() -> str | None:
    """Return in one sentence why the compiled kernels cannot be used here and what to do; None if they can be."""
    number = versions().get("Numba")
    if number is None:
        return f"Numba is not installed: {INSTALL}"
    if (wrong := misfit(number, wanted_versions())) is not None:
        return f"Numba {number} is {wrong}: {INSTALL}"
    try:
        if lacks_fma():
            return "this processor has no fused product-sum (FMA), without which compiled kernels are slow"
        importlib.import_module("numba")
    except Exception as error:  # a broken installation can raise anything; the message shows it
        return f"Numba {number} cannot be imported ({one_line(error, 200)}): {INSTALL}"
    return None


def wanted_versions() -> str:
    """Return which versions of Numba the extra needs, such as "numba>=1.2,<2"; "" if barenet is not installed."""
    try:
        required = metadata.requires("barenet") or []
    except metadata.PackageNotFoundError:
        return ""
    return next((one.partition(";")[0] for one in required if re.match(r"numba *[<>=(].*extra == .fast.", one)), "")


def misfit(number: str, bounds: str) -> str | None:
    """Return in words how a version lies outside of bounds, None if it lies inside.

    >>> misfit("0.9.1", "numba>=0.66,<0.70"), misfit("0.70.0", "numba>=0.66,<0.70"), misfit("0.69.9", ">=0.66,<0.70")
    ('too old, older than 0.66', 'too new, not below 0.70', None)
    """
    for sign, bound in re.findall(r"(>=|<)\s*([\d.]+)", bounds):
        if sign == ">=" and parts_of(number) < parts_of(bound):
            return f"too old, older than {bound}"
        if sign == "<" and parts_of(number) >= parts_of(bound):
            return f"too new, not below {bound}"
    return None


def parts_of(number: str) -> list[int]:
    """Return the numbers of a version, without the suffix of a release candidate and without zeros at the end."""
    parts = [int(part) for part in re.findall(r"(?:^|\.)(\d+)", number)[:3]]
    while parts and parts[-1] == 0:
        parts.pop()
    return parts


def lacks_fma() -> bool:
    """Whether this is an x86 processor without fused product-sums; every 64-bit Arm processor has them."""
    if platform.machine().lower() not in X86:
        return False
    binding = importlib.import_module("llvmlite.binding")
    return not binding.get_host_cpu_features().get("fma", False)


def describe_compiling() -> str | None:
    """Return in words that kernels will be compiled, and whether they are kept; None if they are on disk already."""
    folder = importlib.import_module("barenet.engine.compiled.kernels.compiling").FOLDER
    if folder is None:
        return (
            "compiling kernels, again in each process, because the cache folder is not one that only you can write; "
            "BARENET_CACHE or NUMBA_CACHE_DIR names another"
        )
    if any(folder.rglob(LAST_COMPILED)):
        return None
    return "compiling kernels, once on this machine, before the first step"
