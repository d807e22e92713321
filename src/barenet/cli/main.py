"""The command line: its commands, and what every one of them does about errors and signals.

Exit codes: 0 done, 1 our bug (or a gradient check that failed), 2 wrong input, 3 the machine, 4 training diverged,
130 and 143 interrupted after saving.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import warnings
from pathlib import Path
from typing import NoReturn

from cyclopts import App, CycloptsError, UnknownCommandError, UnknownOptionError, UnusedCliTokensError

from barenet.cli.help_texts import COMMANDS, HELP
from barenet.cli.old_words import in_new_words
from barenet.errors import BarenetError, ConfigError
from barenet.version import __version__

__all__ = ["app", "main"]

TAKE_DATA = ("test", "inspect", "export", "playground")  # behind a model
OTHER_WORDS = {
    **dict.fromkeys(("fit", "run"), "train"),
    **dict.fromkeys(("evaluate", "eval"), "test"),
    **dict.fromkeys(("classify", "infer"), "predict"),
    **dict.fromkeys(("gridsearch", "tune"), "search"),
    **dict.fromkeys(("plot", "visualize", "visualise"), "inspect"),
    **dict.fromkeys(("convert", "onnx"), "export"),
    "check": "gradcheck",
}


class Terminated(KeyboardInterrupt):
    """SIGTERM came."""


def make_app() -> App:
    """Return the command-line application; commands load when they are called for."""
    # cyclopts would swallow Ctrl-C and box its errors
    app = App("barenet", help=HELP, version=__version__, suppress_keyboard_interrupt=False, help_format="plaintext")
    for name, text in COMMANDS.items():
        app.command(f"barenet.cli.commands.{name}:{name}", name=name, help=text)
    return app


app = make_app()


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit."""
    arguments = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in arguments
    sys.exit(run([argument for argument in arguments if argument != "--debug"], debug))


def run(arguments: list[str], debug: bool) -> int:
    """Run one command and return its exit code; errors become one line on stderr."""
    signal.signal(signal.SIGTERM, terminate)
    if sys.stdout is None:  # closed, as by >&-
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 (for the life of the process)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a console that lacks a sign shows another, and nothing fails
    warnings.showwarning = show_warning
    try:
        arguments = in_new_words(arguments, say_note, quiet="--quiet" in arguments)
        result = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0
    except KeyboardInterrupt as stop:
        say(str(stop) or "interrupted")
        return 143 if isinstance(stop, Terminated) else 130
    except BrokenPipeError:
        # The reader of our output is gone, as with `| head`; nothing more can be said there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if debug:
            raise
        return explain(error, arguments)


def show_warning(message: Warning | str, category: type[Warning], *place: object, **rest: object) -> None:
    """Print what a warning says as a note; where in the code it was given is of no use on a terminal."""
    say_note(str(message))


def terminate(number: int, frame: object) -> NoReturn:
    """Turn SIGTERM into an exception, so that it ends a run as Ctrl-C does."""
    raise Terminated


def explain(error: Exception, arguments: list[str]) -> int:
    """Print one line about an error and return the exit code that goes with it."""
    if isinstance(error, CycloptsError):
        say(f"error: {explain_usage(error, arguments)}")
        return ConfigError.exit_code
    if isinstance(error, BarenetError):
        say(f"error: {error}")
        return error.exit_code
    if isinstance(error, OSError):
        what = f" {error.filename}" if error.filename else ": its output could not be written"
        say(f"error: {error.strerror or type(error).__name__}{what}; check the disk and the permissions")
        return 3
    if isinstance(error, MemoryError):
        say(f"error: not enough memory: {error or 'choose smaller model.hidden_sizes or data.batch_size'}")
        return 3
    say(
        f"error: this is a bug in barenet: {type(error).__name__}: {' '.join(str(error).split())} (--debug shows where)"
    )
    return 1


def explain_usage(error: CycloptsError, arguments: list[str]) -> str:
    """Return what is wrong with the command line, as one line."""
    if isinstance(error, UnknownCommandError) and arguments and arguments[0] in OTHER_WORDS:
        return f"there is no command {arguments[0]!r}; did you mean {OTHER_WORDS[arguments[0]]!r}?"
    if isinstance(error, UnknownOptionError):
        return explain_option(error)
    if isinstance(error, UnusedCliTokensError):
        stray = " ".join(error.unused_tokens or [])
        remedy = "data are named by --data" if arguments[0] in TAKE_DATA else "settings are flags, such as --epochs 5"
        return f"stray words on the command line: {stray}; {remedy}"
    return " ".join(str(error).split())


def explain_option(error: UnknownOptionError) -> str:
    """Return a message about an unknown flag, which may be nearly a setting."""
    from barenet.cli.flags import flag_of
    from barenet.config.names import NO_GPU, likely_setting, setting_hint, setting_path

    flag = error.token.keyword or error.token.value
    name = flag.lstrip("-").replace("-", "_")
    try:
        likely: str | None = setting_path(name)
    except ConfigError:
        likely = likely_setting(name)
    if name in NO_GPU:
        hint = setting_hint(name)
    else:
        hint = "see --help for all settings" if likely is None else f"did you mean {flag_of(likely)}?"
    return f"unknown option {flag}; {hint}"


def say_note(sentence: str) -> None:
    """Print a note on stderr."""
    print(f"note: {sentence}", file=sys.stderr)


def say(line: str) -> None:
    """Print one line on stderr."""
    print(f"barenet: {line}", file=sys.stderr)
