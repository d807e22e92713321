"""The workflows of GitHub run the scripts of .ci, on Python versions that the package allows, with few rights."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
OLDEST_PYTHON = PROJECT["requires-python"].removeprefix(">=")
SCRIPT = re.compile(r"bash (\.ci/\w+)")


@functools.cache
def read(name):
    return yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text("utf-8"))


def jobs():
    """Return each job of each workflow with its name."""
    return [(f"{path.name}: {name}", job) for path in WORKFLOWS for name, job in read(path.name)["jobs"].items()]


def steps():
    return [(name, step) for name, job in jobs() for step in job.get("steps", [])]


def scripts_of(workflow):
    """Return the scripts that a workflow's jobs run, in order."""
    runs = [step.get("run", "") for job in workflow["jobs"].values() for step in job.get("steps", [])]
    return [script for run in runs for script in SCRIPT.findall(run)]


def python_versions(job):
    """Return the versions of Python that a job sets up."""
    named = [step["with"]["python-version"] for step in job.get("steps", []) if "setup-python" in step.get("uses", "")]
    return [
        version
        for name in named
        for version in (job["strategy"]["matrix"]["python"] if name == "${{ matrix.python }}" else [name])
    ]


def test_there_are_workflows_of_checks_of_releases_and_of_the_site():
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "release.yml", "site.yml"]


def test_each_step_runs_a_script_that_is_there():
    ran = {script for path in WORKFLOWS for script in scripts_of(read(path.name))}
    assert len(ran) > 5
    assert [script for script in sorted(ran) if not (ROOT / script).is_file()] == []


def test_the_workflow_of_checks_runs_what_ci_run_runs():
    assert set(SCRIPT.findall((ROOT / ".ci" / "run").read_text("utf-8"))) <= set(scripts_of(read("ci.yml")))


def test_every_script_of_ci_is_run_by_a_workflow_or_is_read_by_a_script():
    folder = ROOT / ".ci"
    readers = [*folder.iterdir(), *WORKFLOWS, ROOT / "tests" / "language" / "catalogues.py"]
    texts = "".join(path.read_text("utf-8") for path in readers if path.is_file())
    names = {path.name for path in folder.iterdir() if path.is_file()} - {"run"}
    imported = {f"{module}.py" for module in re.findall(r"(?m)^(?:import|from) (\w+)", texts)}
    assert {name for name in names - imported if f"/{name}" not in texts} == set()


@pytest.mark.parametrize(("name", "job"), jobs())
def test_each_version_of_python_is_one_that_the_package_allows(name, job):
    allowed = SpecifierSet(PROJECT["requires-python"])
    for version in python_versions(job):
        assert isinstance(version, str), f"{name}: YAML reads {version} as a number; put it in quotes"
        assert allowed.contains(version), name


def test_the_tests_run_on_each_system_with_the_oldest_and_with_the_newest_version_of_python():
    matrix = read("ci.yml")["jobs"]["test"]["strategy"]["matrix"]
    assert {system.partition("-")[0] for system in matrix["os"]} == {"ubuntu", "windows", "macos"}
    assert matrix["python"][0] == OLDEST_PYTHON
    promised = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    newest = max(int(version.partition(".")[2]) for version in promised)
    assert int(matrix["python"][-1].partition(".")[2]) >= newest


def test_the_oldest_dependencies_are_tried_with_the_oldest_python():
    assert python_versions(read("ci.yml")["jobs"]["oldest"]) == [OLDEST_PYTHON]


def test_each_action_is_pinned_to_a_commit():
    for name, step in steps():
        if "uses" in step:
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"]), f"{name}: {step['uses']}"


def test_one_action_has_one_commit_and_its_version_beside_it():
    lines = re.findall(r"uses: (\S+@\S+)(.*)", "".join(path.read_text("utf-8") for path in WORKFLOWS))
    assert {use for use, comment in lines if not re.fullmatch(r" # v\d+\.\d+\.\d+", comment)} == set()
    uses = {use for use, _ in lines}
    assert len(uses) == len({use.partition("@")[0] for use in uses})


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_read_only(path):
    workflow = read(path.name)
    assert workflow["permissions"] == {"contents": "read"}
    assert set(workflow["concurrency"]) == {"group", "cancel-in-progress"}


@pytest.mark.parametrize(("name", "job"), jobs())
def test_a_job_has_no_further_rights_and_a_limit_of_time(name, job):
    if name == "site.yml: publish":
        assert job["permissions"] == {"pages": "write", "id-token": "write"}
        assert not [step for step in job["steps"] if "run" in step]
    elif name != "release.yml: publish":
        assert "permissions" not in job
    assert "uses" in job or job["timeout-minutes"] <= 60


def test_no_step_leaves_a_token_in_the_checkout():
    for name, step in steps():
        if "actions/checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False, name


def test_only_what_passed_every_job_is_published_and_without_a_token():
    every = read("release.yml")["jobs"]
    publish = every["publish"]
    assert set(publish["needs"]) == set(every) - {"publish"}
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["environment"]["name"] == "pypi"
    assert every["checks"]["uses"] == "./.github/workflows/ci.yml"
    assert "workflow_call" in read("ci.yml")[True]  # YAML 1.1 reads the key `on` as true
    assert not [step for step in publish["steps"] if "run" in step]
    assert "secrets." not in (ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8")


def test_a_release_and_the_checks_that_it_calls_wait_for_different_groups():
    """Else GitHub cancels both: the called workflow would wait for its caller."""
    groups = [read(path.name)["concurrency"]["group"] for path in WORKFLOWS]
    assert [group for group in groups if "github.workflow" in group] == []
    assert len(set(groups)) == len(groups)


@pytest.mark.skipif(os.name != "posix" or shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize("tag", ["v0.0.0", "0.1.0", ""])
def test_a_tag_that_is_not_the_version_is_refused(tag, tmp_path):
    (tmp_path / "python").symlink_to(sys.executable)
    environment = os.environ | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    command = ["bash", ROOT / ".ci" / "tag", tag]
    done = subprocess.run(command, check=False, env=environment, capture_output=True, encoding="utf-8")
    assert done.returncode == 1
    assert f"the tag is {tag}, and the version in pyproject.toml" in done.stdout or "a tag" in done.stderr


def test_the_other_files_for_github_are_yaml():
    for path in (ROOT / ".pre-commit-config.yaml", ROOT / ".github" / "dependabot.yml"):
        assert isinstance(yaml.safe_load(path.read_text("utf-8")), dict)


def test_hooks_before_a_commit_run_what_the_lint_script_runs():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    entries = {
        hook["entry"].replace(" --force-exclude", "") for repo in hooks for hook in repo["hooks"] if "entry" in hook
    }
    lint = (ROOT / ".ci" / "lint").read_text("utf-8")
    [tests] = [entry for entry in entries if entry.startswith("pytest ")]
    assert {"ruff check", "ruff format", "mypy", tests} == entries
    assert [entry for entry in entries - {tests} if entry not in lint] == []
    assert all((ROOT / part).exists() for part in tests.split() if part.startswith("tests/"))


def test_the_citation_says_what_the_package_says():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["title"] == PROJECT["name"]
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert citation["keywords"] == PROJECT["keywords"]
    assert citation["authors"][0]["name"] in (ROOT / "LICENSE").read_text("utf-8")
