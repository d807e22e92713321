"""Show in a terminal whether a run was verified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from barenet.messages import count
from barenet.run_folders.machine import EARLIER, RULE
from barenet.terminal.output import output_console

if TYPE_CHECKING:
    from barenet.analysis.verification import Replay, Verification

__all__ = ["show_verification"]


def show_verification(found: Verification) -> None:
    """Print which files are undamaged, which steps gave the same bits, and on which machine the run was trained."""
    console = output_console()
    console.print(f"{found.folder}: {count(found.checked, 'file')} compared with their checksums")
    for problem in found.problems:
        console.print(f"  {problem}")
    for replay in found.replays:
        console.print(f"  {describe_replay(replay)}")
    machines = [*found.machine.get(EARLIER, []), {k: v for k, v in found.machine.items() if k != EARLIER}]
    for machine in machines:
        words = ", ".join(f"{name} {value}" for name, value in machine.items() if name != "vector instructions")
        console.print(f"trained on: {words or 'a machine that was not recorded'}", style="dim")
    if arithmetic := [name for name in found.other if name != RULE]:
        console.print(
            f"this machine has another {', '.join(arithmetic)}, so the last digits may differ for this reason"
        )
    if RULE in found.other:
        console.print(
            "an earlier version of barenet trained this run, or its machine.json is lost: steps may have been cut into "
            "other parts, so the last digits may differ for this reason"
        )
    verdict = "the run is what training gives" if found.passed else "the run is NOT what training gives"
    if found.problems and not found.replays:
        verdict = "the run is damaged; no step was taken again"
    console.print(verdict, style="bold")


def describe_replay(replay: Replay) -> str:
    """Return in words the result of repeated steps."""
    steps = f"{replay.folder}: steps {replay.first_step + 1:,} to {replay.last_step:,} taken once more"
    if replay.first_step == replay.last_step:
        return f"{replay.folder}: there is no step to take once more"
    return f"{steps}: the same bits" if not replay.differing else f"{steps}: other {', '.join(replay.differing)}"
