"""Every error that barenet raises on purpose.

    BarenetError
    ├── ConfigError        a setting, a flag or a settings file is wrong      exit 2   also ValueError
    ├── DataError          images or labels are not what they should be       exit 2   also ValueError
    ├── CheckpointError    a model file is damaged, newer, or of other shapes exit 2   also ValueError
    ├── RunError           a run folder is in use, incomplete, doesn't match  exit 2   also ValueError
    ├── ShapeError         arrays handed to the network do not fit together   exit 2   also ValueError
    ├── MachineError       disk, memory or permissions do not allow it        exit 3   also OSError
    └── DivergedError      training left no network with finite weights       exit 4   also ArithmeticError

The only warning is `InputWarning`, a UserWarning: numbers given to a model were scaled, or differ from those of
training.

Each message is one line: what is wrong, where, the value, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "BarenetError",
    "CheckpointError",
    "ConfigError",
    "DataError",
    "DivergedError",
    "InputWarning",
    "MachineError",
    "RunError",
    "ShapeError",
    "closest",
    "nearest",
]


class BarenetError(Exception):
    """The root of the tree; `exit_code` is what the command line exits with."""

    exit_code = 2


class ConfigError(BarenetError, ValueError):
    """A setting, a flag or a settings file is wrong."""


class DataError(BarenetError, ValueError):
    """Images or labels are missing, damaged, or do not fit together."""


class CheckpointError(BarenetError, ValueError):
    """A model file is damaged, from a newer format, or of other shapes than expected."""


class RunError(BarenetError, ValueError):
    """A run folder is in use, incomplete, or does not match what was asked."""


class ShapeError(BarenetError, ValueError):
    """Arrays handed to the network do not fit together."""


class MachineError(BarenetError, OSError):
    """The disk, the memory or the permissions of this machine do not allow it."""

    exit_code = 3


class DivergedError(BarenetError, ArithmeticError):
    """Every network of a run ended with NaN or infinite weights."""

    exit_code = 4


class InputWarning(UserWarning):
    """Numbers given to a model were scaled or inverted, or differ from those in training."""


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name closest to `name`, None if none is close."""
    import difflib  # only here: this module is imported before the command line handles signals

    by_lower = {k.lower(): k for k in reversed(list(known))}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[close[0]] if close else None


def nearest(name: str, known: Iterable[str]) -> str:
    """Return "did you mean ...?" for the known name closest to `name`, or all of them if none is close."""
    known = list(known)
    found = closest(name, known)
    return f"known: {', '.join(known)}" if found is None else f"did you mean {found!r}?"
