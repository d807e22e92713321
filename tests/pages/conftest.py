"""Reports, and the system's Chromium, used by Playwright: `pip install playwright` and `apt-get install chromium`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from barenet.pages.reports.report import report

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 60_000  # milliseconds for a page to reach a state; only a busy machine needs so many


@pytest.fixture(scope="session")
def make_report(make_run, tmp_path_factory) -> Callable[[str], tuple[Path, Path]]:
    """Return a function that takes a kind of run and returns its report and its folder; each report is written once."""
    made: dict[str, Path] = {}

    def make(kind: str) -> tuple[Path, Path]:
        folder, dataset = make_run(kind)
        if kind not in made:
            made[kind] = report(folder, dataset=dataset, output=tmp_path_factory.mktemp("pages") / "page.html")
        return made[kind], folder

    return make


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="no Playwright here: pip install playwright")
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    api.expect.set_options(timeout=PATIENCE)
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"], timeout=PATIENCE)
        yield chromium
        chromium.close()


@pytest.fixture
def new_page(browser) -> Iterator[Any]:
    """Return a function that opens a page in a new context, with Playwright's options for contexts."""
    contexts = []

    def open_page(**options: Any) -> Any:
        context = browser.new_context(**options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()
