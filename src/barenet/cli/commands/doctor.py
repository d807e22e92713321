"""`barenet doctor`."""

from __future__ import annotations

from barenet.cli.options import Switch
from barenet.engine.compiled.available import describe_compiling
from barenet.engine.diagnosis import diagnose, why_not_compiled
from barenet.notes import logger
from barenet.printing.lines import print_json
from barenet.terminal.diagnosis import show_diagnosis

__all__ = ["doctor"]


def doctor(*, seconds: float = 10.0, json: Switch = False) -> None:
    """Show what decides speed on this machine.

    Parameters
    ----------
    seconds
        How long to measure.
    json
        Print the findings as one JSON object.
    """
    if not json:
        if why_not_compiled() is None and (sentence := describe_compiling()) is not None:
            logger.info(sentence)
        logger.info(f"measuring for about {seconds:g} s")
    diagnosis = diagnose(seconds)
    if json:
        print_json(diagnosis.as_dict())
    else:
        show_diagnosis(diagnosis)
