"""Which language is chosen."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from barenet.errors import ConfigError
from barenet.language import choice
from barenet.language.choice import chosen_language

VARIABLES = ("BARENET_LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "en_US.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "zh_CN:en"}, "zh"),
        ({"LANG": "C.UTF-8", "LANGUAGE": "zh_CN"}, "en"),
        ({"LANG": "zh_CN.GBK", "BARENET_LANG": "en"}, "en"),
        ({"LANG": "en_US.UTF-8", "BARENET_LANG": "zh"}, "zh"),
        ({"BARENET_LANG": "zh-CN"}, "zh"),
        ({"BARENET_LANG": "", "LANG": "zh_TW.UTF-8"}, "zh"),
    ],
)
def test_barenet_lang_decides_and_then_the_locale(monkeypatch, variables, language):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(choice, "user_locale", lambda: "")
    assert chosen_language() == language


def test_an_unknown_language_is_an_error_that_names_the_known_ones(monkeypatch):
    monkeypatch.setenv("BARENET_LANG", "fr")
    with pytest.raises(ConfigError, match=r"BARENET_LANG is 'fr', .* use en or zh"):
        chosen_language()


def test_without_variables_the_locale_of_the_user_decides(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(choice, "user_locale", lambda: "Chinese (Simplified)_China")
    assert chosen_language() == "zh"


@pytest.mark.slow
def test_english_loads_no_catalogue():
    code = (
        "import sys, barenet.cli.application as application\n"
        "application.run(['train', '--lr', '-1'], False)\n"
        "assert 'barenet.language.translation' in sys.modules\n"
        "assert 'barenet.language.catalogue' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "BARENET_LANG": "en"})
