"""The versions that are tried as the oldest ones are the floors of pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
LINES = (ROOT / ".ci" / "oldest.txt").read_text("utf-8").splitlines()
PINS = dict(line.split("==") for line in LINES if not line.startswith("#"))
EXTRAS = PROJECT["optional-dependencies"]


def requirements():
    """Return what the package and its extras need, those of the benchmarks left out: they are no part of the tests."""
    lines = [*PROJECT["dependencies"], *(line for name, extra in EXTRAS.items() if name != "bench" for line in extra)]
    return [requirement for requirement in map(Requirement, lines) if requirement.name != PROJECT["name"]]


@pytest.mark.parametrize("requirement", requirements(), ids=lambda requirement: requirement.name)
def test_the_oldest_version_is_the_floor(requirement):
    (floor,) = (bound.version for bound in requirement.specifier if bound.operator == ">=")
    pin, floor = Version(PINS[canonicalize_name(requirement.name)]), Version(floor)
    # A floor such as 1.26 means its first release that can be had, such as 1.26.3.
    assert pin.release[: len(floor.release)] == floor.release
    assert pin in requirement.specifier


def test_the_development_extra_has_every_extra_that_tests_need():
    (inner,) = (Requirement(line) for line in EXTRAS["dev"] if Requirement(line).name == PROJECT["name"])
    assert inner.extras == set(EXTRAS) - {"dev", "bench"}


def test_floors_of_the_benchmarks_are_those_of_the_extras():
    """One package has one floor."""
    floors: dict[str, set[str]] = {}
    for line in [*PROJECT["dependencies"], *(line for extra in EXTRAS.values() for line in extra)]:
        requirement = Requirement(line)
        floors.setdefault(requirement.name, set()).add(str(requirement.specifier))
    assert {name: found for name, found in floors.items() if len(found) > 1} == {}


def test_the_file_says_which_command_made_it_and_contributing_says_so_too():
    (command,) = (line.removeprefix("#").strip() for line in LINES if "uv pip compile" in line)
    assert "--resolution lowest-direct" in command
    contributing = re.sub(r"\s+", " ", (ROOT / "CONTRIBUTING.md").read_text("utf-8").replace("\\\n", ""))
    assert command in contributing
