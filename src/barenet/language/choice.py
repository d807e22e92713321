"""Choose the language in which texts are shown: by BARENET_LANG, or else by the settings of the system."""

from __future__ import annotations

import os
import re
import sys
from functools import cache

from barenet.errors import ConfigError
from barenet.messages import describe

__all__ = ["ENGLISH", "LANGUAGES", "chosen_language", "language_named"]

ENGLISH = "en"
LANGUAGES = (ENGLISH, "zh")
VARIABLE = "BARENET_LANG"


def chosen_language() -> str:
    """Return the language of this process, one of `LANGUAGES`.

    Raises:
        ConfigError: BARENET_LANG names a language that is not known.
    """
    named = os.environ.get(VARIABLE, "")
    return language_named(named, VARIABLE) if named else language_of(system_locale())


def language_named(name: str, where: str) -> str:
    """Return the language of a name such as zh or zh_CN, which was given at `where`.

    Raises:
        ConfigError: it is not known.
    """
    language = name_in(name)
    if language not in LANGUAGES:
        raise ConfigError(f"{where} is {describe(name)}, which is no language of barenet: use {' or '.join(LANGUAGES)}")
    return language


def language_of(locale: str) -> str:
    """Return the language for a locale of the system; English where barenet has no other.

    >>> language_of("zh_CN.UTF-8"), language_of("de_DE"), language_of("Chinese (Simplified)_China")
    ('zh', 'en', 'zh')
    """
    language = name_in(locale)
    return language if language in LANGUAGES else ENGLISH


def name_in(locale: str) -> str:
    """Return the name of the language in the name of a locale, in small letters."""
    name = re.split(r"[^a-z]", locale.strip().lower())[0]
    return {"chinese": "zh", "english": ENGLISH}.get(name, name)


def system_locale() -> str:
    """Return the name of the locale for messages, "" where none is set: gettext's variables, in its order."""
    locale = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(name))), "")
    if locale.split(".")[0] in ("C", "POSIX"):
        return locale  # gettext leaves LANGUAGE out of account then
    return os.environ.get("LANGUAGE", "").split(":")[0] or locale or user_locale()


@cache
def user_locale() -> str:
    """Return the locale of the user where variables do not say it: on Windows and macOS."""
    if sys.platform not in ("win32", "darwin"):
        return ""
    import locale

    if sys.platform == "win32":
        import ctypes

        return locale.windows_locale.get(ctypes.windll.kernel32.GetUserDefaultUILanguage(), "")
    return locale.getlocale()[0] or ""
