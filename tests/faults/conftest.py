"""Rows of the fault tests are collected over all processes, and written into the docs at the end on request."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from report import FOLDER, WANTED, read_rows, table_of, write_page


def pytest_configure(config):
    if not hasattr(config, "workerinput"):  # the processes that tests run in inherit the variable
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="barenet-faults-")


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter, config):
    if hasattr(config, "workerinput"):
        return
    folder = Path(os.environ[FOLDER])
    rows = read_rows(folder)
    if rows and os.environ.get(WANTED):
        write_page(rows)
        terminalreporter.write_line(table_of(rows))
    shutil.rmtree(folder)
