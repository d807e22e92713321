"""A process uses the cores that its affinity and its container's quota leave it."""

from __future__ import annotations

import os

import pytest

from barenet import cores
from barenet.cores import affinity_cores, available_cores, container_quota


@pytest.fixture
def quota_of(tmp_path):
    """Return a function that writes the files of control groups, and returns the quota that they give."""

    def write(groups, files):
        (tmp_path / "cgroup").write_text(groups, "utf-8")
        for name, text in files.items():
            path = tmp_path / "mounted" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "ascii")
        return container_quota(tmp_path / "cgroup", tmp_path / "mounted")

    return write


V1 = "12:memory:/user\n5:cpu,cpuacct:{}\n1:name=systemd:/\n0::/\n"


def v1_files(folder, quota, period=100_000):
    return {f"{folder}/cpu.cfs_quota_us": f"{quota}\n", f"{folder}/cpu.cfs_period_us": f"{period}\n"}


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),  # a container, which sees its group as the root
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/user.slice/a.scope\n", {"user.slice/a.scope/cpu.max": "50000 25000\n"}, 2.0),
        ("0::/user.slice/a.scope\n", {"user.slice/cpu.max": "100000 100000\n"}, 1.0),  # of a group above
        ("0::/a/b\n", {"a/cpu.max": "300000 100000\n", "a/b/cpu.max": "400000 100000\n"}, 3.0),
        ("0::/a/b\n", {"a/cpu.max": "max 100000\n", "a/b/cpu.max": "400000 100000\n"}, 4.0),
        ("0::/docker/of-the-host\n", {"cpu.max": "200000 100000\n"}, 2.0),
        ("0::/../../other\n", {"cpu.max": "200000 100000\n"}, 2.0),
        ("0::/a:b\n", {"a:b/cpu.max": "200000 100000\n"}, 2.0),
        (V1.format("/"), v1_files("cpu,cpuacct", 250_000), 2.5),
        (V1.format("/docker/3f"), v1_files("cpu,cpuacct", 250_000), 2.5),
        (V1.format("/docker/3f"), v1_files("cpu,cpuacct/docker/3f", 250_000), 2.5),
        (V1.format("/a"), v1_files("cpu", 250_000), 2.5),  # the name that most systems link to cpu,cpuacct
        (V1.format("/a"), v1_files("cpu,cpuacct", -1), None),
        (V1.format("/a"), v1_files("cpu,cpuacct", -1) | v1_files("cpu,cpuacct/a", 20_000, 10_000), 2.0),
        ("4:cpuset:/\n", v1_files("cpuset", 250_000), None),  # another controller
        ("0::/\n", {"cpu.max": "nonsense\n"}, None),
        ("0::/\n", {}, None),
        ("", {}, None),
    ],
)
def test_a_quota_is_read_from_the_group_and_those_above_it(quota_of, groups, files, expected):
    assert quota_of(groups, files) == expected


def test_a_system_without_control_groups_has_no_quota(tmp_path):
    assert container_quota(tmp_path / "missing", tmp_path) is None


@pytest.mark.parametrize(("quota", "expected"), [(None, 4), (0.2, 1), (1.0, 1), (1.4, 1), (1.5, 2), (3.0, 3), (9.0, 4)])
def test_a_quota_leaves_its_cores_and_at_least_one(monkeypatch, quota, expected):
    monkeypatch.setattr(cores, "affinity_cores", lambda: 4)
    monkeypatch.setattr(cores, "container_quota", lambda: quota)
    assert available_cores() == expected


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system does not pin processes")
def test_a_process_pinned_to_one_core_has_one(monkeypatch):
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert affinity_cores() == available_cores() == 1
    finally:
        os.sched_setaffinity(0, before)
