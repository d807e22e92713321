"""The file that makes a folder an ensemble: its members, where each came from, and the checksum of its weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from barenet.errors import MachineError, RunError
from barenet.messages import as_typed, one_line
from barenet.schema import SchemaError, make_checked
from barenet.storage.files import replace_file
from barenet.storage.sealing import SealError, seal, unseal

__all__ = ["ENSEMBLE", "Member", "how_again", "member_folder", "read_members", "write_members"]

ENSEMBLE = "ensemble.json"
FORMAT = 1


@dataclass(frozen=True)
class Member:
    """A network of an ensemble.

    source: the run or the model file that it was copied from, as it was named. weights: the checksum of its parameters
    (P,), by `arrays.checksum`, which shows whether the file was replaced.
    """

    source: str
    weights: str


@dataclass(frozen=True)
class Contents:
    """What the file holds."""

    format: int
    members: list[dict[str, Any]]


def member_folder(ensemble: Path, number: int) -> Path:
    """Return the folder of a member, counted from 0."""
    return ensemble / f"member-{number}"


def write_members(ensemble: Path, members: Sequence[Member]) -> None:
    """Write the file; MachineError where it cannot be written."""
    values = {"format": FORMAT, "members": [asdict(member) for member in members]}
    replace_file(ensemble / ENSEMBLE, seal(values, indent=2) + "\n")


def read_members(ensemble: Path) -> list[Member]:
    """Return the members of an ensemble, in order.

    Raises:
        RunError: the file is damaged, or of a newer barenet.
        MachineError: it cannot be read.
    """
    path = ensemble / ENSEMBLE
    try:
        contents = make_checked(Contents, unseal(path.read_bytes()))
        if contents.format > FORMAT:
            raise RunError(
                f"{path} has format {contents.format}, newer than the {FORMAT} that this barenet reads; update barenet"
            )
        members = [make_checked(Member, values) for values in contents.members]
        if len(members) < 2:
            raise SchemaError("an ensemble has two members or more")
    except OSError as error:
        raise MachineError(f"cannot read {path}: {error.strerror}") from None
    except (SealError, SchemaError) as error:
        raise RunError(f"{path} is damaged: {one_line(error)}; make the ensemble again from its runs") from None
    return members


def how_again(members: Sequence[Member]) -> str:
    """Return how to make an ensemble again, as the end of a message."""
    return f"make it again by: barenet ensemble {' '.join(as_typed(member.source) for member in members)}"
