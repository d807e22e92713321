"""The start and the end of the command line: signals, streams, and the exit code.

Exit codes: 0 done, 1 a bug in barenet (or a gradient check or a verification that failed), 2 wrong input, 3 the
machine, 4 training diverged, 129, 130 and 143 interrupted after saving: by a closed terminal, by Ctrl-C, by SIGTERM.
"""

from __future__ import annotations

import sys

from barenet import interrupts

TYPE_CHECKING = False  # `typing` itself takes long to import
if TYPE_CHECKING:
    from typing import NoReturn

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit."""
    interrupts.install()  # before the imports, which take longest
    from barenet.printing.lines import print_problem
    from barenet.printing.streams import guard_streams

    guard_streams()
    code = 0
    try:
        with interrupts.waiting():
            from barenet.cli.application import run

        arguments = sys.argv[1:] if arguments is None else arguments
        code = run([argument for argument in arguments if argument != "--debug"], "--debug" in arguments)
    except interrupts.Interrupted as stop:
        code = stop.exit_code
        print_problem("interrupted")
    interrupts.release()
    stopped = interrupts.came()
    if stopped is not None and code != stopped.exit_code:  # it came after the last check, or together with an error
        print_problem(str(stopped) or ("interrupted" if code else "interrupted after all was done"))
        code = stopped.exit_code
    sys.exit(code)
