"""Check that the compiled engine gives the same weights on 64-bit Arm, which QEMU emulates on another processor.

    sudo apt-get install qemu-user-static
    sudo dpkg --add-architecture arm64 && sudo apt-get update
    python benchmarks/emulated_arm.py               on Debian 12, with Python 3.11 and barenet[fast]

Trains two epochs of 1,600 images with the recipes course (200 steps) and quick (14) on both, and compares the SHA-256
of losses and weights. Python for Arm comes from Debian's packages; NumPy, Numba and the other libraries come from their
wheels. Both are downloaded into a folder, which --folder keeps.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import tomllib
from importlib import metadata
from pathlib import Path

PROJECT = Path(__file__).parents[1]
# Python, and the libraries that it and the wheels load.
PACKAGES = (
    *("python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib", "libc6", "libgcc-s1", "libstdc++6"),
    *("zlib1g", "libexpat1", "libssl3", "libffi8", "libbz2-1.0", "liblzma5", "libsqlite3-0", "libuuid1"),
)
PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")
N_IMAGES = 1600  # 100 steps of the recipe course in each epoch
SAME_WEIGHTS = PROJECT / "tests" / "engine" / "compiled" / "same_weights.py"


def libraries() -> list[str]:
    """Return the libraries of the project and its extra `fast`, in the versions that are installed here."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["fast"]]
    names = [one.split(";")[0].split(">")[0].split("=")[0].split("<")[0].strip() for one in wanted]
    return [f"{name}=={metadata.version(name)}" for name in names]


def download(folder: Path) -> None:
    """Put a Python for Arm and its libraries into a folder."""
    packages = folder / "packages"
    packages.mkdir(parents=True)
    wanted = [f"{name}:arm64" for name in PACKAGES]
    subprocess.run(["apt-get", "download", *wanted], cwd=packages, check=True, stdout=sys.stderr)
    for package in packages.glob("*.deb"):
        subprocess.run(["dpkg", "-x", package, folder / "system"], check=True)
    platforms = [word for name in PLATFORMS for word in ("--platform", name)]
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder / "libraries"), *platforms]
    install += ["--python-version", "3.11", "--only-binary", ":all:", *libraries()]
    subprocess.run(install, check=True)


def train(python: list[str], **variables: str) -> dict[str, object]:
    """Return the machine and the hashes that training in another process prints, and how long it took."""
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"NUMBA_CACHE_DIR": cache} | variables
        started = time.monotonic()

        def run(*arguments: str) -> list[str]:
            done = subprocess.run([*python, *arguments], env=environment, check=True, stdout=subprocess.PIPE, text=True)
            return done.stdout.split()

        (machine,) = run("-c", "import platform; print(platform.machine())")
        course, quick = run(str(SAME_WEIGHTS), str(N_IMAGES))
    return {"machine": machine, "course": course, "quick": quick, "seconds": round(time.monotonic() - started)}


def main() -> None:
    """Train on both processors, print the results, and exit with 1 if hashes differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where the Python for Arm is, or is put")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary, "arm")
        if not folder.exists():
            download(folder)
        here = train([sys.executable], PYTHONPATH=str(PROJECT / "src"))
        emulated = ["qemu-aarch64-static", "-L", str(folder / "system"), str(folder / "system/usr/bin/python3.11")]
        path = os.pathsep.join([str(PROJECT / "src"), str(folder / "libraries")])
        there = train(emulated, PYTHONPATH=path, PYTHONHOME=str(folder / "system/usr"))
    are_same = all(here[recipe] == there[recipe] for recipe in ("course", "quick"))
    about = {"images": N_IMAGES, "Python": platform.python_version(), "libraries": libraries()}
    print(json.dumps({"same": are_same, "here": here, "Arm": there, **about}, indent=2))
    sys.exit(not are_same)


if __name__ == "__main__":
    main()
