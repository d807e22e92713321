"""The playground in a real Chromium: what a person's hands and eyes find on the page.

They need Playwright for Python and the system's Chromium: `pip install playwright` and `apt-get install chromium`.
"""

from __future__ import annotations

import base64
import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import barenet
from barenet.data.batches import to_float
from barenet.data.datasets import from_arrays
from barenet.pages.playground.page import write_playground
from barenet.run_folders.checkpoint import SavedModel
from barenet.training.evaluation import compute_outputs

sync_api = pytest.importorskip("playwright.sync_api", reason="no Playwright here: pip install playwright")
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")

# Reads the scores of many images by the page's own picture and forward pass.
SCORES = "(images) => images.map((x) => (playground.setPicture(x), playground.scores()))"


@pytest.fixture(scope="module")
def model(arrays) -> SavedModel:
    """A small trained network of two hidden layers."""
    result = barenet.train(
        **{name: arrays[name] for name in ("x", "y", "x_test", "y_test")},
        hidden_sizes=(16, 8),
        n_valid=100,
        batch_size=48,
        epochs=4,
        learning_rate=0.003,
        output=None,
        verbose=False,
    )
    return result.model


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def file(model, dataset, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("page") / "playground.html"
    write_playground(model, path, dataset, name="small")
    return path


@pytest.fixture
def open_page(browser, file) -> Iterator[Any]:
    """Opens the page from its file; at the end nothing was said in the console and nothing asked of any host."""
    complaints: list[str] = []
    contexts = []

    def open_it(width: int = 1280, height: int = 900, path: Path = file, **options: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": height}, offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(request.url) if "file:" not in request.url[:5] else None)
        page.goto(path.as_uri())
        page.wait_for_selector("main:not([hidden])")
        return page

    yield open_it
    for context in contexts:
        context.close()
    # A blob is the page's own memory: a picture that was dropped on it.
    assert [text for text in complaints if not text.startswith(("blob:", "data:,"))] == []


@pytest.fixture
def page(open_page):
    return open_page()


def scores(page: Any) -> np.ndarray:
    return np.array(page.evaluate("playground.scores()"))


def verdict(page: Any) -> str:
    page.evaluate("new Promise(requestAnimationFrame).then(() => new Promise(requestAnimationFrame))")
    return page.inner_text("#verdict")


def assert_equal(found: np.ndarray, expected: np.ndarray) -> None:
    assert np.max(np.abs(found - expected)) <= 1e-4 * np.max(np.abs(expected))


def test_logits_of_a_hundred_test_images_are_pythons(page, model, arrays):
    images = arrays["x_test"][:100].reshape(100, 64)
    found = np.array(page.evaluate(SCORES, to_float(images, model.info.scale).tolist()))
    assert_equal(found, compute_outputs(model.mlp, images, model.info.scale))


def test_a_test_image_that_is_picked_gives_pythons_logits(page, model, arrays):
    page.locator(".example").nth(20).click()
    row = np.flatnonzero(arrays["y_test"] == 1)[5]  # fifteen of each class, so number 20 is the sixth of class 1
    expected = compute_outputs(model.mlp, arrays["x_test"][row].reshape(1, 64), model.info.scale)[0]
    assert_equal(scores(page), expected)
    assert verdict(page).startswith(f"The network says {np.argmax(expected)}, ")
    assert "true" in page.locator(".class").nth(1).get_attribute("class")


def test_drawing_by_mouse_changes_the_image_and_the_answer_and_undo_takes_it_back(page):
    before, said = scores(page), verdict(page)
    box = page.locator("#image").bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 20, box["y"] + box["height"] / 2, steps=8)
    page.mouse.up()
    assert np.max(np.abs(scores(page) - before)) > 1e-2
    assert verdict(page) != said
    page.keyboard.press("Control+z")
    np.testing.assert_array_equal(scores(page), before)


def test_drawing_by_keys_and_shifting_by_keys(page):
    page.click("#clear")
    empty = scores(page)
    page.focus("#image")
    page.keyboard.down(" ")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.up(" ")
    page.keyboard.press("ArrowDown")  # the pen is up again
    drawn = scores(page)
    assert np.max(np.abs(drawn - empty)) > 1e-2
    page.keyboard.press("Shift+ArrowDown")
    shifted = scores(page)
    assert np.max(np.abs(shifted - drawn)) > 1e-3
    page.keyboard.press("Shift+ArrowUp")
    np.testing.assert_array_equal(scores(page), drawn)


def test_a_finger_draws(open_page):
    page = open_page(width=390, height=844, has_touch=True, is_mobile=True)
    before = scores(page)
    box = page.locator("#image").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 3, box["y"] + box["height"] / 3)
    assert np.max(np.abs(scores(page) - before)) > 1e-3


def picture(size: tuple[int, int], paper: int, kind: str = "PNG") -> bytes:
    """Return a picture with a plus on it."""
    pillow = pytest.importorskip("PIL.Image")
    pixels = np.full(size, paper, np.uint8)
    pixels[size[0] // 4 : -size[0] // 4, size[1] // 2 - 5 : size[1] // 2 + 5] = 255 - paper
    pixels[size[0] // 2 - 5 : size[0] // 2 + 5, size[1] // 4 : -size[1] // 4] = 255 - paper
    stream = io.BytesIO()
    pillow.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


DROP = """([name, type, data, event]) => {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type }));
  const init = event === "drop" ? { dataTransfer: transfer } : { clipboardData: transfer };
  const Kind = event === "drop" ? DragEvent : ClipboardEvent;
  document.body.dispatchEvent(new Kind(event, { ...init, bubbles: true, cancelable: true }));
}"""


def hand_in(page: Any, content: bytes, event: str, name: str = "plus.png") -> str:
    page.evaluate(DROP, [name, "image/png", base64.b64encode(content).decode(), event])
    page.wait_for_selector("#imported:not([hidden])")
    return page.inner_text("#imported-text")


@pytest.mark.parametrize("event", ["drop", "paste"])
def test_a_picture_that_is_dropped_or_pasted_changes_the_answer_and_says_what_was_done(event, page):
    before = scores(page)
    said = hand_in(page, picture((120, 90), paper=255), event)
    assert said.startswith("plus.png: 90 × 120, made grey and resized to 8 × 8")
    dropped = scores(page)
    assert np.max(np.abs(dropped - before)) > 1e-2
    page.uncheck("#invert")
    assert "inverted" not in page.inner_text("#imported-text")
    assert np.max(np.abs(scores(page) - dropped)) > 1e-2


def test_a_dark_picture_is_the_bright_one_inverted(page):
    hand_in(page, picture((120, 90), paper=255), "drop")
    bright = scores(page)
    said = hand_in(page, picture((120, 90), paper=0), "drop")
    assert "inverted" not in said or page.evaluate("playground.frame.brightBorder")
    assert np.max(np.abs(scores(page) - bright)) < 0.02 * np.max(np.abs(bright))


def test_a_picture_of_the_runs_own_size_is_taken_pixel_by_pixel(page, model, arrays):
    pillow = pytest.importorskip("PIL.Image")
    stream = io.BytesIO()
    pillow.fromarray(arrays["x_test"][7]).save(stream, "PNG")
    said = hand_in(page, stream.getvalue(), "drop")
    if "inverted" in said:
        page.uncheck("#invert")
    expected = compute_outputs(model.mlp, arrays["x_test"][7].reshape(1, 64), model.info.scale)[0]
    assert_equal(scores(page), expected)


def test_a_file_that_is_no_picture_is_named_and_changes_nothing(page):
    before = scores(page)
    said = hand_in(page, b"no picture at all", "drop", name="notes.txt")
    assert said == "notes.txt is not a picture that this browser can read."
    np.testing.assert_array_equal(scores(page), before)


def test_a_neuron_switched_off_by_hand_is_python_with_that_neuron_zeroed(page, model, arrays):
    cell = page.locator(".layer").nth(1).locator(".cell").nth(2)
    cell.focus()
    page.keyboard.press("x")
    verdict(page)  # lets the page draw
    assert "off" in cell.get_attribute("class")
    images = arrays["x_test"][:100].reshape(100, 64)
    weights = model.mlp.parameters.views["W3"]
    kept = weights[2].copy()
    whole = compute_outputs(model.mlp, images, model.info.scale)
    try:
        weights[2] = 0
        expected = compute_outputs(model.mlp, images, model.info.scale)
    finally:
        weights[2] = kept
    found = np.array(page.evaluate(SCORES, to_float(images, model.info.scale).tolist()))
    assert_equal(found, expected)
    page.click("#all-on")
    assert_equal(np.array(page.evaluate(SCORES, to_float(images, model.info.scale).tolist())), whole)


def test_a_neuron_that_is_pointed_at_shows_its_weights_and_its_pushes(page):
    page.locator(".layer").nth(0).locator(".cell").nth(4).hover()
    assert page.inner_text("#inspector-title") == "Layer 1, neuron 5"
    assert page.locator(".push").count() == 4
    assert "one for each pixel" in page.inner_text("#weights-text")
    shown = [float(t.replace("−", "-")) for t in page.locator(".push .number").all_inner_texts()]
    with_it = scores(page)
    page.evaluate("playground.switchNeuron(1, 5, true)")
    np.testing.assert_allclose(shown, with_it - scores(page), atol=0.006)  # two digits are shown
    page.locator(".class").nth(3).hover()
    assert page.inner_text("#inspector-title") == "3"
    assert "one for each neuron of layer 2" in page.inner_text("#weights-text")


def test_arrow_keys_walk_among_neurons_and_the_inspector_follows(page):
    cells = page.locator(".layer").nth(0).locator(".cell")
    cells.nth(0).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#inspector-title") == "Layer 1, neuron 3"
    page.keyboard.press("Enter")
    page.keyboard.press("Home")
    assert page.inner_text("#inspector-title") == "Layer 1, neuron 1"
    page.keyboard.press("Escape")
    assert page.locator(".pinned").count() == 0


def test_shift_flip_and_noise_change_the_answer_and_are_undone(page):
    before = scores(page)
    for act in (lambda: page.click("#flip"), lambda: page.click("[aria-label='Shift left']"), lambda: set_noise(page)):
        act()
        assert np.max(np.abs(scores(page) - before)) > 1e-3
        verdict(page)  # lets the page draw
        assert page.is_visible(".class .tick >> nth=0")
        page.click("#reset")
        np.testing.assert_array_equal(scores(page), before)


def set_noise(page: Any) -> None:
    page.locator("#noise").fill("0.3")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_sticks_out_of_a_phone_or_a_desktop(width, scheme, open_page, tmp_path):
    page = open_page(width=width, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.screenshot(path=tmp_path / "page.png", full_page=True)
    nameless = """() => [...document.querySelectorAll("button, input, [role=option], canvas[tabindex]")]
        .filter((node) => !(node.textContent.trim() || node.ariaLabel || node.labels?.length))
        .map((node) => node.outerHTML)"""
    assert page.evaluate(nameless) == []  # everything that can be pressed has a name


def test_a_tapped_neuron_brings_its_weights_to_a_phone(open_page):
    page = open_page(width=390, height=844, has_touch=True, is_mobile=True)
    page.locator(".layer").nth(1).locator(".cell").nth(1).tap()
    assert page.inner_text("#inspector-title") == "Layer 2, neuron 2"
    box = page.locator("#inspector").bounding_box()
    assert box["y"] + box["height"] <= 845
    page.click("#switch")
    assert page.inner_text("#switch") == "Switch on"
    page.click("#unpin")
    assert page.locator(".pinned").count() == 0


def test_floats_without_test_images_and_many_classes_work_too(open_page, tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(470, 6, 9)).astype(np.float32), np.arange(470) % 47
    result = barenet.train(x, y, hidden_sizes=(), epochs=1, n_valid=94, batch_size=47, output=None, verbose=False)
    path = tmp_path / "playground.html"
    write_playground(result.model, path, from_arrays(x, y), name="many")
    page = open_page(path=path)
    assert page.locator(".class").count() == 47
    assert page.is_hidden("#gallery")
    images = x[:100].reshape(100, 54)
    assert_equal(np.array(page.evaluate(SCORES, images.tolist())), compute_outputs(result.model.mlp, images, 1.0))
