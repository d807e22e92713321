"""Notes and errors about unusual pictures of a data set: broken, animated, blank, with 16 bits a pixel."""

from __future__ import annotations

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
from barenet.notes import logger

__all__ = ["Decoded", "report"]

SHOWN = 8  # how many files a message names


class Decoded(NamedTuple):
    """The pictures of a data set: by part, pixels (n, D) uint8 and findings.

    value_range: the values that became 0 and 255 in pictures with 16 bits a pixel, None if there are none.
    """

    pixels: dict[str, NDArray[np.uint8]]
    findings: dict[str, Findings]
    value_range: tuple[int, int] | None


def report(found: PictureFolder, decoded: Decoded, options: Options) -> None:
    """Raise DataError for pictures that cannot be read, or note that they are left out; note what else is unusual."""
    findings, parts = decoded.findings, found.parts
    broken = [
        f"{shown(found, parts[part][int(row)])} {fault}"
        for part, found_there in findings.items()
        for row, fault in found_there.broken.items()
    ]
    n_all = sum(map(len, parts.values()))
    if broken:
        listed = f"{len(broken)} of {n_all} pictures in {found.root} cannot be read: {few(broken, SHOWN)}"
        if not options.skip_broken:
            raise DataError(f"{listed}; repair or remove them, or leave them out with --skip-broken")
        logger.info(f"{listed}; left out")
    if len(broken) == n_all:
        raise DataError(f"none of the {n_all} pictures in {found.root} can be read")
    for what, remark in (("animated", "only the first frame is used"), ("blank", "every pixel is the same")):
        unusual = [shown(found, parts[part][row]) for part in findings for row in getattr(findings[part], what)]
        if unusual:
            logger.info(f"{len(unusual)} of {n_all} pictures in {found.root} are {what} ({remark}): {few(unusual)}")
    report_deep(found, decoded, n_all)


def report_deep(found: PictureFolder, decoded: Decoded, n_all: int) -> None:
    """Note how pictures with 16 bits a pixel became bytes; raise DataError if too few of their bits can be read."""
    if decoded.value_range is None:
        return
    all_found = Findings.nothing()
    for part, findings in decoded.findings.items():
        all_found.add(findings)
        if scale := other_scale(findings.extremes, decoded.value_range):
            logger.info(f"{part} pictures in {found.root}: {scale}")
    if decoded.value_range == WHOLE_RANGE:
        return
    lowest, highest = decoded.value_range
    if all_found.lost_bits:
        part, row = next((part, rows.lost_bits[0]) for part, rows in decoded.findings.items() if rows.lost_bits)
        raise DataError(
            f"{len(all_found.lost_bits)} of {n_all} pictures in {found.root} have 16 bits a colour and values up to "
            f"{all_found.extremes[1]} only, such as {shown(found, found.parts[part][row])}; only the upper 8 bits of "
            f"colours can be read, which is too little: save them with 8 bits, or in grey"
        )
    logger.info(
        f"{len(all_found.deep)} of {n_all} pictures in {found.root} have 16 bits a pixel, with values from "
        f"{all_found.extremes[0]} to {all_found.extremes[1]}: {lowest} to {highest} are taken as 0 to 255"
    )


def shown(found: PictureFolder, file: PictureFile) -> str:
    """Return a picture's path below the data set's folder."""
    return one_line(Path(file.path).relative_to(found.root))
