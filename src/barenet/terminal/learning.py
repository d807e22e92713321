"""Say whether networks learned anything, and how their validation loss changed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from barenet.nn import LOSSES
from barenet.notes import logger
from barenet.printing.consoles import PlainConsole
from barenet.run_folders.results import NetworkResult
from barenet.run_folders.scores import Scores
from barenet.training.learning.measurement import is_beyond_chance, measure
from barenet.training.learning.reasons import describe_chance

__all__ = ["describe_answers", "headline", "note_verdicts", "show_verdicts"]

SHOWN = 8  # the number of seeds that are named


def show_verdicts(console: PlainConsole, networks: Sequence[NetworkResult]) -> None:
    """Print which networks learned nothing, why the first of them did not, and what to try; and print the trends."""
    title = headline(networks)
    if title:
        network = next(network for network in networks if not network.learned)
        console.print(f"{title}:", style="bold red")
        for reason in network.verdict.reasons:
            console.print(f"  - {reason}")
        for sentence in network.verdict.advice:
            console.print(f"  try: {sentence}")
    for trend, seeds, advice in trends_of(networks):
        which = f"{name_seeds(seeds)}: " if len(networks) > 1 else ""
        console.print(f"{which}{trend}")
        for sentence in advice:
            console.print(f"  try: {sentence}")


def note_verdicts(networks: Sequence[NetworkResult]) -> None:
    """Note the same, in one line each."""
    title = headline(networks)
    if title:
        verdict = next(network for network in networks if not network.learned).verdict
        logger.info(f"{title}: {'; '.join(verdict.reasons)}; try: {'; or '.join(verdict.advice)}")
    for trend, seeds, advice in trends_of(networks):
        which = f"{name_seeds(seeds)}: " if len(networks) > 1 else ""
        logger.info(f"{which}{trend}" + (f"; try: {'; or '.join(advice)}" if advice else ""))


def headline(networks: Sequence[NetworkResult]) -> str:
    """Return which networks learned nothing, in words, or "" where all learned something."""
    empty = [network for network in networks if not network.learned]
    if not empty:
        return ""
    if len(networks) == 1:
        return empty[0].verdict.headline
    which = f"all {len(networks)} networks learned nothing"
    if len(empty) < len(networks):
        seeds = name_seeds([network.seed for network in empty])
        which = f"{len(empty)} of {len(networks)} networks learned nothing, {seeds}"
    return f"{which}; measured with seed {empty[0].seed}"


def name_seeds(seeds: Sequence[int]) -> str:
    """Return the seeds in words; of many, only the first."""
    if len(seeds) == 1:
        return f"seed {seeds[0]}"
    listed = ", ".join(map(str, seeds[:SHOWN]))
    return f"seeds {listed} and {len(seeds) - SHOWN} more" if len(seeds) > SHOWN else f"seeds {listed}"


def trends_of(networks: Sequence[NetworkResult]) -> list[tuple[str, list[int], list[str]]]:
    """Return the trends of validation: for each kind, the first network's words, the seeds that have it, and advice."""
    kinds: dict[tuple[str, ...], list[NetworkResult]] = {}
    for network in networks:
        if network.verdict.trend is not None:
            kinds.setdefault(tuple(network.verdict.advice), []).append(network)
    found = []
    for advice, alike in kinds.items():
        trend = str(alike[0].verdict.trend)
        words = trend if len(alike) == 1 else f"{trend} (figures of seed {alike[0].seed})"
        found.append((words, [network.seed for network in alike], list(advice)))
    return found


def describe_answers(scores: Scores, labels: np.ndarray) -> str:
    """Return a sentence if the answers to test images are no better than chance, or "" otherwise."""
    logits = np.log(np.maximum(scores.probabilities.astype(np.float64), np.finfo(np.float64).tiny))
    found = measure(logits, labels, LOSSES["cross_entropy"])
    if not found.is_enough or is_beyond_chance(found):
        return ""
    return f"{describe_chance(found)[0]}: these answers say nothing about the images"
