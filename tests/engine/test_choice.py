"""How many threads are chosen, with tables of times that change during training."""

from __future__ import annotations

import itertools

import pytest

from barenet.engine.choice import LEAST_WORK, LONGEST_RETRY_SECONDS, TRIALS, ThreadChoice, candidates


class Machine:
    """Takes steps in the times of a table: seconds of a step by number of threads."""

    def __init__(self, choice: ThreadChoice, seconds: dict[int, float]) -> None:
        self.choice, self.seconds = choice, seconds
        self.clock, self.n_steps = 0.0, 0
        self.used: list[tuple[float, int]] = []  # when, and on how many threads

    def run(self, duration: float, stretch: int = 100) -> None:
        """Train for so many seconds, in stretches like those of the trainer."""
        end = self.clock + duration
        while self.clock < end:
            threads = self.choice.threads
            n = min(stretch, self.choice.steps() or stretch)
            self.used.append((self.clock, threads))
            self.clock += n * self.seconds[threads]
            self.n_steps += n
            self.choice.record(n, n * self.seconds[threads])


@pytest.mark.parametrize(
    ("most", "expected"),
    [(1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (4, [1, 2, 4]), (8, [1, 2, 4, 8]), (12, [1, 2, 4, 8, 12])],
)
def test_candidates_are_powers_of_two_and_the_most(most, expected):
    assert candidates(most, 10**12) == expected


def test_small_steps_have_one_candidate():
    assert candidates(16, LEAST_WORK - 1) == [1]
    assert candidates(16, LEAST_WORK) == [1, 2, 4, 8, 16]


@pytest.mark.parametrize(
    ("seconds", "best"),
    [
        ({1: 0.004, 2: 0.002}, 2),
        ({1: 0.002, 2: 0.003}, 1),
        ({1: 0.008, 2: 0.004, 4: 0.002, 8: 0.003}, 4),
        ({1: 4.0, 2: 2.2, 4: 1.3, 6: 1.1}, 6),
        ({1: 1e-6, 2: 2e-6}, 1),
    ],
)
def test_the_fastest_number_is_used(seconds, best):
    machine = Machine(ThreadChoice(list(seconds)), seconds)
    machine.run(100 * seconds[1] + 0.5)
    assert machine.choice.best == best
    assert {threads for _, threads in machine.used[: TRIALS * len(seconds)]} == set(seconds)  # each was tried


def test_one_number_is_never_tried_or_timed():
    choice = ThreadChoice([3])
    for _ in range(5):
        assert choice.threads == 3
        assert choice.steps() is None
        choice.record(1000, 50.0)


def test_the_first_step_of_all_which_makes_memory_does_not_decide():
    choice = ThreadChoice([1, 2])
    times = {1: iter([9.0, *[0.001] * 100]), 2: iter([0.002] * 100)}
    for _ in range(10):
        n = choice.steps() or 10
        choice.record(n, n * next(times[choice.threads]))
    assert choice.threads == 1


def test_a_number_that_is_hardly_faster_than_fewer_is_not_used():
    for seconds, expected in ((0.0039, 1), (0.0036, 2)):
        machine = Machine(ThreadChoice([1, 2]), {1: 0.004, 2: seconds})
        machine.run(5)
        assert machine.choice.best == expected


def test_training_goes_back_to_one_thread_when_another_program_takes_a_core():
    seconds = {1: 0.004, 2: 0.002}
    machine = Machine(ThreadChoice([1, 2]), seconds)
    machine.run(5)
    assert machine.choice.best == 2
    seconds[2] = 0.009  # of two threads one waits for a core now
    machine.run(LONGEST_RETRY_SECONDS + 5)
    assert machine.choice.best == 1
    seconds[2] = 0.002  # the other program has ended
    machine.run(LONGEST_RETRY_SECONDS + 5)
    assert machine.choice.best == 2


def test_others_are_tried_again_less_and_less_often_while_nothing_changes():
    machine = Machine(ThreadChoice([1, 2]), {1: 0.004, 2: 0.002})
    machine.run(200, stretch=25)
    trials = [when for when, threads in machine.used if threads == 1 and when > 1]
    assert len(trials) % TRIALS == 0
    gaps = [round(later - earlier, 3) for earlier, later in itertools.pairwise(trials[::TRIALS])]
    assert gaps == sorted(gaps)
    assert gaps[0] < 3
    assert LONGEST_RETRY_SECONDS <= gaps[-1] < LONGEST_RETRY_SECONDS + 1


@pytest.mark.parametrize("n", [2, 4, 16])
def test_trials_cost_little(n):
    """The worst case: the best number is the first, and each other one takes three times as long."""
    numbers = candidates(n, 10**12)
    machine = Machine(ThreadChoice(numbers), {number: 0.001 if number == 1 else 0.003 for number in numbers})
    machine.run(60)
    assert machine.clock < 1.02 * machine.n_steps * 0.001


def test_a_stretch_of_few_steps_is_enough():
    """The trainer may ask for fewer steps than a trial takes."""
    machine = Machine(ThreadChoice([1, 2]), {1: 0.3, 2: 0.2})
    machine.run(20, stretch=1)
    assert machine.choice.best == 2
