"""Compare a source archive and the wheel made from it with the checkout and with the wheel made from the checkout.

The metadata of both must be valid, as the package index demands.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from packaging.metadata import Metadata

MADE = {"PKG-INFO"}  # by the build, and in no checkout


def files_of_sdist(path: Path) -> set[str]:
    """Return the files of a source archive without the folder that all of them lie in."""
    with tarfile.open(path) as archive:
        return {member.name.partition("/")[2] for member in archive if member.isfile()}


def files_of_wheel(path: Path) -> dict[str, int]:
    """Return the files of a wheel with the checksum of each."""
    with zipfile.ZipFile(path) as wheel:
        return {entry.filename: entry.CRC for entry in wheel.infolist()}


def metadata_of_sdist(path: Path) -> bytes:
    """Return the metadata of a source archive."""
    with tarfile.open(path) as archive:
        file = archive.extractfile(f"{path.name.removesuffix('.tar.gz')}/PKG-INFO")
        assert file is not None
        return file.read()


def metadata_of_wheel(path: Path) -> bytes:
    """Return the metadata of a wheel."""
    with zipfile.ZipFile(path) as wheel:
        (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
        return wheel.read(name)


def main(dist: Path, tree: Path) -> None:
    """Compare what lies in `dist` with the checkout and with the wheel in `tree`."""
    (sdist,), (wheel,), (other,) = dist.glob("*.tar.gz"), dist.glob("*.whl"), tree.glob("*.whl")
    listed = subprocess.run(["git", "ls-files", "-z"], check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
    tracked = set(filter(None, listed.split("\0")))
    packed = files_of_sdist(sdist)
    missing, foreign = sorted(tracked - packed), sorted(packed - tracked - MADE)
    assert not missing, f"not in {sdist.name}, by tool.hatch.build.targets.sdist of pyproject.toml: {missing}"
    assert not foreign, f"in {sdist.name}, but not in git: {foreign}"
    one, two = files_of_wheel(wheel), files_of_wheel(other)
    different = sorted(name for name in one.keys() | two.keys() if one.get(name) != two.get(name))
    assert not different, f"differ between the wheel from {sdist.name} and the one from the checkout: {different}"
    for metadata in (metadata_of_sdist(sdist), metadata_of_wheel(wheel)):
        Metadata.from_email(metadata, validate=True)
    print(f"{sdist.name} has all {len(packed)} files, and {wheel.name} made from it is the one from the checkout")


main(Path(sys.argv[1]), Path(sys.argv[2]))
