"""Make the pictures that the README and the docs show, in docs/images.

python docs/pictures.py

The pages are photographed by Chromium through Playwright where both are installed (`pip install ".[browser]"`).
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import barenet

IMAGES = Path(__file__).parent / "images"
PICTURES = ("learning-curves", "weight-histograms", "weights-1", "neurons", "activations", "update-ratios")
RUN = {"recipe": "quick"}  # the default, so that the pictures are of what a reader gets
LONGEST = 60.0  # seconds of training; more tells of a busy machine, and report.png shows them
SPACE = {"lr": [0.16, 0.08, 0.04, 0.02, 0.01, 0.005], "hidden_sizes": [[128, 32], [64, 32], [32, 16]]}


def main() -> None:
    """Train the default run, try learning rates, search a small space, and keep their pictures."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as output:
        result = barenet.train(output=output, **RUN)
        assert result.folder is not None
        if result.training_seconds > LONGEST:
            raise SystemExit(f"training took {result.training_seconds:.0f} s: draw the pictures on an idle machine")
        picture_run(result.folder)
        found = barenet.find_learning_rate(output=output, **RUN)
        assert found.picture is not None
        shutil.copy(found.picture, IMAGES / found.picture.name)
        study = barenet.search(SPACE, recipe="course", epochs=9, eval_every=1, halving=True, output=output)
        picture_study(study.folder)


def picture_run(folder: Path) -> None:
    """Look into a run, and photograph its pages."""
    found = barenet.inspect(folder)
    for name in PICTURES:
        shutil.copy(folder / "figures" / f"{name}.png", IMAGES / f"{name}.png")
    shutil.copy(found.files[-1], IMAGES / "neuron.png")
    photograph(barenet.report(folder), IMAGES / "report.png")
    photograph(barenet.playground(folder).page, IMAGES / "playground.png", height=790)


def picture_study(folder: Path) -> None:
    """Keep two pictures of a search."""
    for name in ("learning-curves", "parallel"):
        shutil.copy(folder / "figures" / f"{name}.png", IMAGES / f"search-{name}.png")


def photograph(page: Path, picture: Path, *, height: int = 1000) -> None:
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
        tab = browser.new_page(viewport={"width": 1280, "height": height}, color_scheme="light")
        tab.goto(page.resolve().as_uri())
        tab.wait_for_timeout(500)  # transitions have ended
        tab.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    main()
