"""Say what is odd or wrong with the pictures of a data set: broken, animated, blank, with 16 bits a pixel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from barenet.data.options import Options
from barenet.data.pictures.decoding import Findings
from barenet.data.pictures.deep import WHOLE_RANGE, other_scale
from barenet.data.pictures.folders import PictureFile
from barenet.data.pictures.layouts import PictureFolder
from barenet.errors import DataError
from barenet.messages import few, one_line

__all__ = ["Decoded", "report"]

SHOWN = 8  # how many files a message names


class Decoded(NamedTuple):
    """The pictures of a data set: by part pixels (n, D) uint8 and what was found.

    value_range: the values that became 0 and 255 in pictures with 16 bits a pixel, None where there are none.
    """

    pixels: dict[str, NDArray[np.uint8]]
    findings: dict[str, Findings]
    value_range: tuple[int, int] | None


def report(found: PictureFolder, decoded: Decoded, options: Options) -> None:
    """Raise DataError for pictures that cannot be read, or note that they are left out; note what else is odd."""
    findings, note = decoded.findings, options.note
    parts = found.parts
    broken = [
        f"{shown(found, parts[part][int(row)])} {fault}"
        for part, own in findings.items()
        for row, fault in own.broken.items()
    ]
    n_all = sum(map(len, parts.values()))
    if broken:
        listed = f"{len(broken)} of {n_all} pictures in {found.root} cannot be read: {few(broken, SHOWN)}"
        if not options.skip_broken:
            raise DataError(f"{listed}; repair or remove them, or leave them out with --skip-broken")
        note(f"{listed}; left out")
    if len(broken) == n_all:
        raise DataError(f"none of the {n_all} pictures in {found.root} can be read")
    for what, remark in (("animated", "only the first frame is used"), ("blank", "every pixel is the same")):
        odd = [shown(found, parts[part][row]) for part, own in findings.items() for row in getattr(own, what)]
        if odd:
            note(f"{len(odd)} of {n_all} pictures in {found.root} are {what} ({remark}): {few(odd)}")
    report_deep(found, decoded, n_all, note)


def report_deep(found: PictureFolder, decoded: Decoded, n_all: int, note: Callable[[str], None]) -> None:
    """Say how pictures with 16 bits a pixel became bytes; raise DataError where too little of them can be read."""
    if decoded.value_range is None:
        return
    all_found = Findings.nothing()
    for part, own in decoded.findings.items():
        all_found.add(own)
        if scale := other_scale(own.extremes, decoded.value_range):
            note(f"{part} pictures in {found.root}: {scale}")
    if decoded.value_range == WHOLE_RANGE:
        return
    lowest, highest = decoded.value_range
    if all_found.lost_bits:
        part, row = next((part, own.lost_bits[0]) for part, own in decoded.findings.items() if own.lost_bits)
        raise DataError(
            f"{len(all_found.lost_bits)} of {n_all} pictures in {found.root} have 16 bits a colour and values up to "
            f"{all_found.extremes[1]} only, such as {shown(found, found.parts[part][row])}; of colours the upper 8 "
            f"bits are read, which leaves too little: save them with 8 bits, or in grey"
        )
    note(
        f"{len(all_found.deep)} of {n_all} pictures in {found.root} have 16 bits a pixel, with values from "
        f"{all_found.extremes[0]} to {all_found.extremes[1]}: {lowest} to {highest} are taken as 0 to 255"
    )


def shown(found: PictureFolder, file: PictureFile) -> str:
    """Return a picture's path below the data set's folder."""
    return one_line(Path(file.path).relative_to(found.root))
