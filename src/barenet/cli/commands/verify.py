"""`barenet verify`."""

from __future__ import annotations

from pathlib import Path

from barenet.analysis.verification import verify as verify_run
from barenet.cli.models import find_model
from barenet.cli.options import Json, Quiet, Runs, Switch
from barenet.printing.lines import print_json
from barenet.run_folders.finding import RUNS
from barenet.terminal.verification import show_verification

__all__ = ["verify"]


def verify(
    run: Path | None = None,
    /,
    *,
    whole: Switch = False,
    data: str | None = None,
    runs: Runs = Path(RUNS),
    quiet: Quiet = False,
    json: Json = False,
) -> int:
    """Compare a run's files with their checksums, and its last steps with the same steps trained on this machine.

    Parameters
    ----------
    run
        A run or its name, such as quick-1, or a study (its best run). [the latest run]
    whole
        Train from the first step, not from the checkpoint before the last one; takes as long as the run did.
    data
        Path of the run's data, if they were moved. [the path in the run's settings]
    """
    found = verify_run(find_model(run, runs), whole=whole, data=data)
    if json:
        print_json(found.as_dict())
    else:
        show_verification(found)
    return 0 if found.passed else 1
