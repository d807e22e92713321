"""How many threads compute the next steps: chosen by the times that steps take, since all numbers give the same bits.

Each number is tried for a short time at first. The fastest is used, and from time to time the next smaller and the next
larger are tried again: another program may have started, or ended.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

__all__ = ["ThreadChoice", "candidates", "candidates_for", "fastest"]

TRIAL_SECONDS = 0.06
TRIALS = 3  # of each number, one after the other; the last counts: before, memory is made and idle cores speed up
RETRY_SECONDS = 1.0  # between two trials, at first; each trial that changes nothing doubles it, up to the longest
LONGEST_RETRY_SECONDS = 16.0
# More threads have to be faster by this factor than fewer: beside busy programs the times of trials vary.
WORTH = 0.93
# For a step of fewer multiply-adds a second thread costs more time than it saves, on every processor.
LEAST_WORK = 4_000_000


def candidates(most: int, work: int) -> list[int]:
    """Return the numbers of threads to try, up to `most`, for steps of `work` multiply-adds a pass.

    >>> candidates(6, 10**9)
    [1, 2, 4, 6]
    """
    if work < LEAST_WORK:
        return [1]
    return sorted({most, *(2**i for i in range(most.bit_length()) if 2**i <= most)})


def candidates_for(most: int, n_networks: int, work: int) -> list[int]:
    """Return the numbers of threads to try for several networks, each of which can train on a separate thread.

    Separate threads are always faster. All threads share each step of a network only if the step is large and there are
    fewer networks than threads.
    """
    if n_networks == 1:
        return candidates(most, work)
    side_by_side = min(most, n_networks)
    return [side_by_side, most] if work >= LEAST_WORK and side_by_side < most else [side_by_side]


def fastest(seconds: Mapping[int, float]) -> int:
    """Return the number of threads to use, given the seconds of a step with each number, in ascending order.

    >>> fastest({1: 0.004, 2: 0.0039, 4: 0.003})
    4
    """
    best = next(iter(seconds))
    for number in seconds:
        if seconds[number] < WORTH * seconds[best]:
            best = number
    return best


class ThreadChoice:
    """Says how many threads compute the next steps, and for how many steps.

    Args:
        numbers: those to choose from.
    """

    def __init__(self, numbers: list[int]) -> None:
        self.numbers = numbers
        self.seconds = dict.fromkeys(numbers, math.inf)  # of a step, by number of threads
        self.best = numbers[0]
        self._trials = sorted(numbers * TRIALS) if len(numbers) > 1 else []
        self._until_trial, self._interval = RETRY_SECONDS, RETRY_SECONDS

    @property
    def threads(self) -> int:
        """The number of threads for the next steps."""
        return self._trials[0] if self._trials else self.best

    def steps(self) -> int | None:
        """Return the largest number of steps to take before `record` is called; None for any number."""
        if not self._trials:
            return None
        known = self.seconds[self.threads]
        return 2 if math.isinf(known) else max(2, min(64, round(TRIAL_SECONDS / known)))

    def record(self, n_steps: int, seconds: float) -> None:
        """Record how long these steps took."""
        each = seconds / n_steps
        if self._trials:
            tried = self._trials.pop(0)
            self.seconds[tried] = each
            if not self._trials:
                self._decide()
        elif len(self.numbers) > 1:
            self.seconds[self.best] = (
                each if math.isinf(self.seconds[self.best]) else 0.7 * self.seconds[self.best] + 0.3 * each
            )
            self._until_trial -= seconds
            if self._until_trial <= 0:
                at = self.numbers.index(self.best)
                self._trials = sorted([n for n in self.numbers[max(0, at - 1) : at + 2] if n != self.best] * TRIALS)

    def _decide(self) -> None:
        before, self.best = self.best, fastest(self.seconds)
        self._interval = RETRY_SECONDS if self.best != before else min(2 * self._interval, LONGEST_RETRY_SECONDS)
        self._until_trial = self._interval
