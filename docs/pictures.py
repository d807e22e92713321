"""Make the pictures that the README and the docs show, in docs/images.

python docs/pictures.py

The pages are photographed by Chromium through Playwright where both are installed (`pip install ".[browser]"`).
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import barenet
from barenet.visualize.inspection import inspect
from barenet.visualize.report import report

IMAGES = Path(__file__).parent / "images"
PICTURES = ("learning-curves", "weight-histograms", "weights-1", "neurons", "activations", "update-ratios")


def main() -> None:
    """Train the default run, look into it, and keep what comes of it."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as output:
        result = barenet.train(output=output)
        assert result.folder is not None
        found = inspect(result.folder)
        for name in PICTURES:
            shutil.copy(result.folder / "figures" / f"{name}.png", IMAGES / f"{name}.png")
        shutil.copy(found.files[-1], IMAGES / "neuron.png")
        photograph(report(result.folder), IMAGES / "report.png")


def photograph(page: Path, picture: Path) -> None:
    """Take a picture of the top of a page, if there is a browser to take it with."""
    browser_path = next((found for name in ("chromium", "google-chrome") if (found := shutil.which(name))), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        browser_path = None
    if browser_path is None:
        print(f"no Playwright or no Chromium here: {picture.name} stays as it is")
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1280, "height": 1000}, color_scheme="light")
        tab.goto(page.resolve().as_uri())
        tab.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    main()
