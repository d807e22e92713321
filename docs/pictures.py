"""Make the pictures that the README and the docs show.

python docs/pictures.py
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import barenet

IMAGES = Path(__file__).parent / "images"


def main() -> None:
    """Train the default run and keep its learning curves."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as output:
        result = barenet.train(output=output)
        assert result.folder is not None
        shutil.copy(result.folder / "figures" / "learning-curves.png", IMAGES / "learning-curves.png")


if __name__ == "__main__":
    main()
