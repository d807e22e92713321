"""The process that checks one step: `python -m barenet.kit.worker REQUEST`; its answer is a file of JSON.

The request names the step, the steps to replace by right code, the folder, the adapter, the limits, and the files for
the answer and the stage.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from barenet.kit.findings import (
    MISSING,
    NOT_CHECKED,
    RIGHT,
    WRONG,
    Findings,
    NotPossible,
    NotWritten,
    StepResult,
    Wrong,
)
from barenet.kit.homework import NOT_WRITTEN, Homework
from barenet.kit.isolation import Limits, limit_this_process
from barenet.kit.stand_ins import replace_steps
from barenet.kit.steps import STEPS, Step, find_step

__all__ = ["main"]

# The module of barenet.kit.checks that checks each step; only it is loaded, since each step has a process.
MODULES = {
    "forward": "network",
    "loss": "network",
    "backward": "gradients",
    "sgd": "optimizer",
    "decay": "optimizer",
    "l2": "optimizer",
    "saving": "saving",
    "testing": "testing",
    "search": "search",
    "pictures": "pictures",
}


def main(request_file: str) -> None:
    """Check the step that a request names, and write the answer."""
    request = json.loads(Path(request_file).read_text("utf-8"))
    limits = Limits(request["seconds"], request["memory"])
    adapter = Path(request["adapter"]) if request["adapter"] else None
    limit_this_process(limits)
    stage = Path(request["stage"])
    stage.write_text("its check", "utf-8")
    findings = Findings()
    homework = Homework(Path(request["folder"]), adapter, findings, stage)
    result = check_step(find_step(request["step"]), homework, findings, request["replaced"])
    Path(request["answer"]).write_text(json.dumps(result.as_dict()), "utf-8")


def check_step(step: Step, homework: Homework, findings: Findings, replaced: Sequence[str] = ()) -> StepResult:
    """Return the result of the check of a step, with right code in place of the `replaced` steps."""
    module = import_module(f"barenet.kit.checks.{MODULES[step.name]}")
    try:
        if replaced:
            replace_steps(homework, replaced)
        getattr(module, f"check_{step.name}")(homework, findings)
    except NotWritten as missing:
        if not findings.wrong:
            return not_written(step, str(missing), findings)
        findings.note(f"a part of {step.title} is not written yet: {missing}")
    except NotPossible as reason:
        if not findings.wrong:
            return StepResult(step.name, NOT_CHECKED, (), (str(reason), *findings.notes))
        findings.note(str(reason))
    except Wrong as problem:
        findings.add(str(problem))
    return StepResult(step.name, WRONG if findings.wrong else RIGHT, tuple(findings.wrong), tuple(findings.notes))


def not_written(step: Step, message: str, findings: Findings) -> StepResult:
    """Return the result of a step that is not written yet, or that needs one that is not."""
    found = NOT_WRITTEN.match(message)
    other = next((one for one in STEPS if found and one.number == int(found[1])), step)
    if other is step:
        notes = findings.notes if found else [message, *findings.notes]
        return StepResult(step.name, MISSING, (), tuple(notes))
    return StepResult(
        step.name, NOT_CHECKED, (), (f"it needs {other.title}, which is not written yet", *findings.notes)
    )


if __name__ == "__main__":
    main(sys.argv.pop())  # a student's argparse gets no arguments
    os._exit(0)  # threads of the student's code may still run
