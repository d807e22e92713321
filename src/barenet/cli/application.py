"""The commands, and how errors of all commands are shown."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache
from importlib import import_module

from cyclopts import App, CycloptsError, UnknownCommandError, UnknownOptionError, UnusedCliTokensError

from barenet.cli.help_texts import COMMANDS, HELP, unwrap
from barenet.cli.old_words import in_new_words
from barenet.errors import BarenetError, ConfigError, MachineError
from barenet.interrupts import Interrupted, waiting
from barenet.language.choice import ENGLISH, chosen_language
from barenet.notes import logger
from barenet.printing.encodings import output_language
from barenet.printing.handlers import printed_notes
from barenet.printing.lines import print_problem
from barenet.printing.streams import loss_of_results
from barenet.version import __version__

__all__ = ["app", "run"]

IN_PACKAGES = {"search": "tuning.search", "lr-find": "tuning.lr_find"}  # modules that are in another package
KEEP_RESULTS = ("train", "search", "lr-find", "ensemble", "inspect", "report", "export", "playground")  # in files

TAKE_DATA = ("test", "inspect", "export", "playground")  # people may write data after the model
OTHER_WORDS = {
    **dict.fromkeys(("fit", "run"), "train"),
    **dict.fromkeys(("evaluate", "eval"), "test"),
    **dict.fromkeys(("classify", "infer"), "predict"),
    **dict.fromkeys(("gridsearch", "tune"), "search"),
    **dict.fromkeys(("find-lr", "lr-finder", "lrfind", "range-test"), "lr-find"),
    **dict.fromkeys(("plot", "visualize", "visualise"), "inspect"),
    **dict.fromkeys(("convert", "onnx"), "export"),
    **dict.fromkeys(("average", "combine", "merge"), "ensemble"),
    "check": "gradcheck",
}


@cache
def make_app(language: str) -> App:
    """Return the command line with help in a language; the module of a command is loaded when the command is used."""
    help_formatter = None
    if language != ENGLISH:
        from barenet.cli.help_pages import TranslatedHelp

        help_formatter = TranslatedHelp(language)
    # Without these, cyclopts would catch Ctrl-C and draw boxes around its errors.
    app = App(
        "barenet",
        help=page_in_language(HELP, language),
        version=__version__,
        suppress_keyboard_interrupt=False,
        help_format="plaintext",
        help_formatter=help_formatter,
    )
    for name, text in COMMANDS.items():
        app.command(f"{module_of(name)}:{name.replace('-', '_')}", name=name, help=page_in_language(text, language))
    return app


def page_in_language(text: str, language: str) -> str:
    """Return a text of the help in a language, with each paragraph in one line."""
    if language == ENGLISH:
        return unwrap(text)
    from barenet.cli.help_pages import translated_page

    return translated_page(unwrap(text), language)


def module_of(command: str) -> str:
    """Return the dotted name of the module of a command."""
    return f"barenet.cli.commands.{IN_PACKAGES.get(command, command)}"


def load_command(name: str) -> None:
    """Import the module of a command, and let the terminal wrap the descriptions of its options."""
    loaded = getattr(import_module(module_of(name)), name.replace("-", "_"))
    for function in functions_of(loaded) if isinstance(loaded, App) else [loaded]:
        function.__doc__ = unwrap(function.__doc__ or "")


def set_help(group: App, language: str) -> None:
    """Give a command of several commands, and these, their help in a language."""
    group.help = page_in_language(COMMANDS["course"], language)
    for name in group:
        function = group[name].default_command
        if function is not None and not name.startswith("-"):
            group[name].help = page_in_language((function.__doc__ or "").partition("\n\n")[0], language)


def functions_of(group: App) -> list[Callable[..., object]]:
    """Return the functions of the commands in a command, such as new, check and grade in course."""
    found = (group[name].default_command for name in group if not name.startswith("-"))
    return [function for function in found if function is not None]


QUIET = ("--quiet", *(f"--quiet={word}" for word in ("yes", "y", "1", "true", "t")))  # as cyclopts reads them
app = make_app(ENGLISH)


def run(arguments: list[str], debug: bool) -> int:
    """Run one command and return its exit code; errors become one line on stderr."""
    warnings.showwarning = show_warning
    with nullcontext() if is_quiet(arguments) else printed_notes():
        return answer(arguments, debug)


def is_quiet(arguments: list[str]) -> bool:
    """Whether notes are left out; it must be known before the command line is read, since reading it gives notes."""
    return any(argument.lower() in QUIET for argument in arguments)


def answer(arguments: list[str], debug: bool) -> int:
    """Run one command and return its exit code."""
    try:
        arguments = in_new_words(arguments)
        if arguments and arguments[0] in COMMANDS:
            with waiting():
                load_command(arguments[0])
        chosen_language()  # an unknown one is an error here; what prints takes English then
        app_in_language = make_app(output_language())
        if arguments and arguments[0] == "course":  # its module makes it, once for all languages
            set_help(app_in_language["course"], output_language())
        result = app_in_language(arguments, exit_on_error=False, print_error=False, result_action="return_value")
        check_output(arguments)
        return result if isinstance(result, int) else 0
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0
    except KeyboardInterrupt as stop:
        print_problem(str(stop) or "interrupted")
        return stop.exit_code if isinstance(stop, Interrupted) else 130
    except Exception as error:
        if debug:
            raise
        return explain(error, arguments)


def check_output(arguments: list[str]) -> None:
    """Raise MachineError if results could not be printed, unless the command also writes them to files."""
    lost = loss_of_results()
    files = arguments and arguments[0] in KEEP_RESULTS and not {"--json", "--dry-run", "--help", "-h"} & {*arguments}
    if lost is not None and not files:
        why = lost.strerror or type(lost).__name__
        raise MachineError(f"the results could not be printed: {why}; give a file on a disk with room, or read them")


def show_warning(message: Warning | str, category: type[Warning], *place: object, **rest: object) -> None:
    """Print the text of a warning as a note, without its place in the code."""
    logger.info(str(message))


def explain(error: Exception, arguments: list[str]) -> int:
    """Print one line about an error and return its exit code."""
    if isinstance(error, CycloptsError):
        print_problem(f"error: {explain_usage(error, arguments)}")
        return ConfigError.exit_code
    if isinstance(error, BarenetError):
        print_problem(f"error: {error}")
        return error.exit_code
    if isinstance(error, OSError):
        what = f" {error.filename}" if error.filename else ": its output could not be written"
        print_problem(f"error: {error.strerror or type(error).__name__}{what}; check the disk and the permissions")
        return 3
    if isinstance(error, MemoryError):
        reason = str(error) or "choose smaller model.hidden_sizes or data.batch_size"  # Python's error has no text
        print_problem(f"error: not enough memory: {reason}")
        return 3
    print_problem(
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
        words = " ".join(error.unused_tokens or [])
        remedy = "data are named by --data" if arguments[0] in TAKE_DATA else "settings are flags, such as --epochs 5"
        return f"unexpected words on the command line: {words}; {remedy}"
    return " ".join(str(error).split())


def explain_option(error: UnknownOptionError) -> str:
    """Return a message about an unknown flag, with the nearest setting if there is one."""
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
