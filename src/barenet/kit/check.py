"""Check the steps of a student's folder, each in a separate process, two at a time."""

from __future__ import annotations

import json
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from barenet.errors import ConfigError
from barenet.interrupts import waiting
from barenet.kit.findings import MISSING, NOT_CHECKED, RIGHT, WRONG, StepResult
from barenet.kit.folder import check_adapter, check_files, check_kit
from barenet.kit.isolation import Ended, Limits, run_limited
from barenet.kit.steps import STEPS, Step, find_step
from barenet.messages import as_typed

__all__ = ["CheckReport", "check_homework"]

PROCESSES = 2


@dataclass(frozen=True)
class CheckReport:
    """The results of the steps that were checked, in their order."""

    folder: str
    steps: tuple[StepResult, ...]

    @property
    def passed(self) -> bool:
        """Whether every step is right."""
        return all(step.status == RIGHT for step in self.steps)

    @property
    def next_step(self) -> Step | None:
        """The first step that is not right, if there is one."""
        return next((find_step(result.step) for result in self.steps if result.status != RIGHT), None)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as `--json` prints it."""
        following = self.next_step
        return {
            "folder": self.folder,
            "passed": self.passed,
            "next_step": None if following is None else following.name,
            "steps": [step.as_dict() for step in self.steps],
        }


def check_homework(
    folder: Path,
    *,
    steps: Sequence[Step] = STEPS,
    adapter: Path | None = None,
    limits: Limits | None = None,
    tell: Callable[[StepResult], None] = lambda result: None,
) -> CheckReport:
    """Check all steps or some of them; `tell` gets each result, in the order of the steps.

    `adapter` is a Python file that gives the parts of other homework the names of the kit. A step that needs a missing
    one is not checked; what an adapter leaves out is not needed. Where a step that it needs is wrong, it is checked
    with right code in place of that one, if that can be done. For this, the steps that the chosen ones need are checked
    too; they are not in the report.

    Raises ConfigError: no such folder, not a kit, a file of the kit is missing.
    """
    if adapter is None:
        check_kit(folder)
        check_files(folder, steps)
    elif not folder.is_dir():
        raise ConfigError(f"there is no folder {as_typed(folder)}")
    else:
        check_adapter(adapter)
    checker = Checker(folder.absolute(), adapter.absolute() if adapter else None, limits or Limits())
    chosen = {step.name for step in steps}
    needed = chosen.union(*(step.needs for step in steps))
    with waiting():
        results = checker.check(
            [step for step in STEPS if step.name in needed],
            lambda result: tell(result) if result.step in chosen else None,
        )
    return CheckReport(str(folder), tuple(result for result in results if result.step in chosen))


class Checker:
    """Checks steps in processes, in an order in which each comes after those that it needs."""

    def __init__(self, folder: Path, adapter: Path | None, limits: Limits) -> None:
        self.folder, self.adapter, self.limits = folder, adapter, limits
        self.stop = threading.Event()
        self.endless: dict[str, StepResult] = {}  # by file: the result of a step whose import of it never ended

    def check(self, steps: Sequence[Step], tell: Callable[[StepResult], None]) -> list[StepResult]:
        """Return the results of the steps, and tell each one when all before it are there."""
        done: dict[str, StepResult] = {}
        running: dict[Future[StepResult], Step] = {}
        left, n_told = list(steps), 0
        with ThreadPoolExecutor(PROCESSES) as pool:
            try:
                while left or running:
                    for step in list(left):
                        result = self.without_process(step, done)
                        if result is not None:
                            done[step.name] = result
                            left.remove(step)
                        elif len(running) < PROCESSES and is_ready(step, done):
                            running[pool.submit(self.check_step, step, done)] = step
                            left.remove(step)
                    while n_told < len(steps) and steps[n_told].name in done:
                        tell(done[steps[n_told].name])
                        n_told += 1
                    for future in wait(running, return_when=FIRST_COMPLETED).done if running else ():
                        done[running.pop(future).name] = future.result()
            finally:
                self.stop.set()
        for step in steps[n_told:]:
            tell(done[step.name])
        return [done[step.name] for step in steps]

    def without_process(self, step: Step, done: Mapping[str, StepResult]) -> StepResult | None:
        """Return the result of a step that needs a wrong one, or a file whose import never ends; else None."""
        for file, result in list(self.endless.items()):  # the threads add to it
            if file in step.names and self.adapter is None:
                return replace(result, step=step.name, seconds=0.0)
        if not is_ready(step, done):
            return None
        for needed in (done[name] for name in step.needs):
            if needed.status == MISSING and self.adapter is not None:
                continue  # other homework may do without this part
            if needed.status != MISSING and self.adapter is None and step.with_stand_ins:
                continue  # right code can take its place
            if needed.status != RIGHT:
                return not_checked(step, needed)
        return None

    def check_step(self, step: Step, done: Mapping[str, StepResult]) -> StepResult:
        """Check one step. If it needs wrong ones, right code replaces them, and only a right step counts as checked.

        What else is found may come from the right code, which the student's code may call in another way.
        """
        wrong = [done[name] for name in step.needs if done[name].status in (WRONG, NOT_CHECKED)]
        if self.adapter is not None or not wrong:
            return self.check_in_process(step, ())
        result = self.check_in_process(step, tuple(needed.step for needed in wrong))
        if result.status == MISSING:
            return result
        if result.status != RIGHT:
            return not_checked(step, wrong[0])
        notes = [
            f"checked with right code in place of {find_step(one.step).title}" for one in wrong if one.status == WRONG
        ]
        return replace(result, notes=(*notes, *result.notes))

    def check_in_process(self, step: Step, replaced: Sequence[str]) -> StepResult:
        """Check one step in a process, in a folder that is deleted after it."""
        with tempfile.TemporaryDirectory(prefix="barenet-kit-", ignore_cleanup_errors=True) as scratch:
            room = Path(scratch).resolve()
            (room / "work").mkdir()
            request = {
                "step": step.name,
                "replaced": list(replaced),
                "folder": str(self.folder),
                "adapter": str(self.adapter) if self.adapter else None,
                "seconds": self.limits.seconds,
                "memory": self.limits.memory,
                "stage": str(room / "stage.txt"),
                "answer": str(room / "answer.json"),
            }
            (room / "request.json").write_text(json.dumps(request), "utf-8")
            ended = run_limited(
                ["-m", "barenet.kit.worker", str(room / "request.json")],
                cwd=room / "work",
                begun=room / "stage.txt",
                limits=self.limits,
                stop=self.stop,
            )
            return self.read_answer(step, room, ended)

    def read_answer(self, step: Step, room: Path, ended: Ended) -> StepResult:
        """Return the result that the process wrote, or say how the process ended without one."""
        try:
            answer = StepResult.from_dict(json.loads((room / "answer.json").read_text("utf-8")))
            return replace(answer, step=step.name, seconds=round(ended.seconds, 3))
        except (OSError, ValueError, KeyError, TypeError):
            pass
        try:
            stage = (room / "stage.txt").read_text("utf-8")
        except OSError:
            stage = "its check"
        result = StepResult(step.name, WRONG, (self.explain(stage, ended),), (), round(ended.seconds, 3))
        if is_time(ended) and stage.startswith("importing "):
            self.endless[stage.removeprefix("importing ")] = result
        return result

    def explain(self, stage: str, ended: Ended) -> str:
        """Return why there is no answer."""
        if is_time(ended) and stage.startswith("importing "):
            return (
                f"{stage} takes longer than {self.limits.seconds:g} seconds; put what runs the training below "
                f'if __name__ == "__main__":'
            )
        if is_time(ended):
            return f"{stage} takes longer than {self.limits.seconds:g} seconds; does a loop never end?"
        if ended.why == "memory":
            return f"{stage} needs more than {self.limits.memory / 2**30:g} GiB of memory, with small arrays"
        return f"{stage} ends the process (exit code {ended.exit_code}); return or raise an error instead"


def is_ready(step: Step, done: Mapping[str, StepResult]) -> bool:
    """Whether all steps that a step needs are checked."""
    return all(name in done for name in step.needs)


def not_checked(step: Step, needed: StepResult) -> StepResult:
    """Return the result of a step that needs one that is not right."""
    title = find_step(needed.step).title
    why = {
        MISSING: f"it needs {title}, which is not written yet",
        WRONG: f"it needs {title}, which is wrong",
        NOT_CHECKED: f"it needs {title}, which is not checked",
    }[needed.status]
    return StepResult(step.name, NOT_CHECKED, (), (why,))


def is_time(ended: Ended) -> bool:
    """Whether a process ended since it took too long; on POSIX the system ends one for its CPU time."""
    return ended.why == "time" or (sys.platform != "win32" and ended.exit_code == -24)
