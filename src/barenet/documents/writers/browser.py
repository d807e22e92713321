"""Print an HTML file as PDF by the Chromium, Chrome or Edge of this computer."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from barenet.errors import MachineError
from barenet.messages import one_line

__all__ = ["as_pdf", "find_browser"]

PROGRAMS = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"),
    *("microsoft-edge", "microsoft-edge-stable", "msedge"),
)
MAC = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
WINDOWS = (
    r"Google\Chrome\Application\chrome.exe",
    r"Microsoft\Edge\Application\msedge.exe",
    r"Chromium\Application\chrome.exe",
)
PATIENCE = 180  # seconds
FLAGS = ("headless", "disable-gpu", "no-first-run", "disable-extensions", "no-pdf-header-footer")


def find_browser() -> str:
    """Return the program: that of the variable CHROMIUM, one on the path, or one in a usual place.

    Raises MachineError if there is none.
    """
    named = os.environ.get("CHROMIUM")
    if named:
        if (found := shutil.which(named)) is not None:
            return found
        raise MachineError(f"CHROMIUM names {one_line(named)}, which is no program: correct or remove that variable")
    for program in PROGRAMS:
        if (found := shutil.which(program)) is not None:
            return found
    roots = [os.environ.get(name) for name in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")]
    places = [*map(Path, MAC), *(Path(root) / place for root in roots if root for place in WINDOWS)]
    for place in places:
        if place.is_file():
            return str(place)
    raise MachineError(
        "a PDF needs Chromium, Chrome or Edge, and none was found: install one (Debian: apt-get install chromium), "
        "name it in the variable CHROMIUM, or write --to html and print that from your browser"
    )


def as_pdf(page: str, program: str, beside: Path) -> bytes:
    """Return an HTML page as PDF.

    The browser works in a temporary folder in `beside`: some browsers may not read the system's one.
    Raises MachineError if it fails.
    """
    with tempfile.TemporaryDirectory(prefix="barenet-print-", dir=beside, ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve()
        source, target = folder / "page.html", folder / "page.pdf"
        source.write_text(page, "utf-8")
        flags = [*FLAGS, f"user-data-dir={folder / 'profile'}", f"print-to-pdf={target}"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            flags.append("no-sandbox")  # Chromium's sandbox does not start for root
        command = [program, *(f"--{flag}" for flag in flags), source.as_uri()]
        try:
            done = subprocess.run(
                command,
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=PATIENCE,
            )
        except subprocess.TimeoutExpired:
            raise MachineError(
                f"{program} did not print within {PATIENCE} s: write --to html, and print that"
            ) from None
        except OSError as error:
            raise MachineError(f"{program} cannot be started: {error.strerror}") from None
        content = target.read_bytes() if target.exists() else b""
        if not content.startswith(b"%PDF"):
            last = done.stdout.decode("utf-8", errors="replace").strip().splitlines()[-1:] or ["no message"]
            raise MachineError(
                f"{program} wrote no PDF (exit code {done.returncode}: {one_line(last[0], 200)}): write --to html, and "
                f"print that"
            )
        return content
