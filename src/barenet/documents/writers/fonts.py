"""Whether this computer has a font with the letters of a document, and which one to install."""

from __future__ import annotations

import shutil
import subprocess

from barenet.documents.figures import has_letters
from barenet.notes import logger
from barenet.plots.letters import remedy

__all__ = ["note_missing_fonts"]


def note_missing_fonts(language: str, to: str) -> None:
    """Note that a Chinese document lacks fonts, in its figures or in its text."""
    if language != "zh":
        return
    if not has_letters(language):
        logger.info(f"no font with Chinese letters was found: the figures have English labels; install {remedy(True)}")
    elif to in ("pdf", "html") and lists_no_font(language):
        logger.info(f"fc-list knows no Chinese font, so the text may show boxes; install {remedy(True)}")


def lists_no_font(language: str) -> bool:
    """Whether fontconfig, where it exists, knows no font of a language."""
    program = shutil.which("fc-list")
    if program is None:
        return False
    try:
        done = subprocess.run([program, f":lang={language}", "family"], check=False, capture_output=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and not done.stdout.strip()
