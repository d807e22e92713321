"""The playground in a real Chromium, used like a person uses it.

The page handles inputs and draws with a delay, so a test waits for the state that it expects.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from families import full_except, slow_except
from PIL import Image

import barenet
from barenet.data.batches import to_float
from barenet.data.datasets import from_arrays
from barenet.pages.playground.page import write_playground
from barenet.run_folders.checkpoint import SavedModel
from barenet.training.evaluation import compute_outputs

sync_api = pytest.importorskip("playwright.sync_api", reason="no Playwright here: pip install playwright")
expect = sync_api.expect
pytestmark = pytest.mark.extra

# Reads the scores of many images by the forward pass of the page.
SCORES = "(images) => images.map((x) => (playground.setPicture(x), playground.scores()))"


@pytest.fixture(scope="module")
def model(arrays) -> SavedModel:
    """A small trained network of two hidden layers, of which the first has layer normalisation."""
    widths, normalizations = (64, 16, 8, 4), ("layer", "none", "none")
    result = barenet.train(
        **{name: arrays[name] for name in ("x", "y", "x_test", "y_test")},
        layers=[
            {"input_dim": n_in, "output_dim": n_out, "activation": "softmax" if n_out == 4 else "gelu"}
            | {"normalization": normalization}
            for n_in, n_out, normalization in zip(widths, widths[1:], normalizations, strict=False)
        ],
        n_valid=100,
        batch_size=48,
        epochs=4,
        learning_rate=0.003,
        output=None,
        verbose=False,
    )
    return result.model


@pytest.fixture(scope="module")
def file(model, dataset, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("page") / "playground.html"
    write_playground(model, path, dataset, name="small")
    return path


@pytest.fixture
def open_page(new_page, file) -> Iterator[Any]:
    """Open the page from its file; at the end, check that the console is empty and that there was no request."""
    complaints: list[str] = []

    def open_it(width: int = 1280, height: int = 900, path: Path = file, **options: Any) -> Any:
        page = new_page(viewport={"width": width, "height": height}, offline=True, **options)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(request.url) if "file:" not in request.url[:5] else None)
        page.goto(path.as_uri())
        expect(page.locator("#verdict")).not_to_be_empty()  # the page is ready, and has been drawn once
        return page

    yield open_it
    # A blob is a picture that was dropped on the page, in the page's memory.
    assert [text for text in complaints if not text.startswith(("blob:", "data:,"))] == []


@pytest.fixture
def page(open_page):
    return open_page()


def scores(page: Any) -> np.ndarray:
    return np.array(page.evaluate("playground.scores()"))


def title(page: Any) -> Any:
    """Return the heading of the inspector, which names the selected neuron."""
    return page.locator("#inspector-title")


def wait_for_a_change(page: Any, before: np.ndarray, least: float) -> np.ndarray:
    """Wait until a score has changed by more than `least`, and return the new scores."""
    changed = "([before, least]) => playground.scores().some((score, c) => Math.abs(score - before[c]) > least)"
    page.wait_for_function(changed, arg=[before.tolist(), least])
    return scores(page)


def wait_for_scores(page: Any, expected: np.ndarray, tolerance: float = 0) -> None:
    """Wait until no score differs from `expected` by more than `tolerance`."""
    equal = "([expected, most]) => playground.scores().every((score, c) => Math.abs(score - expected[c]) <= most)"
    page.wait_for_function(equal, arg=[expected.tolist(), float(tolerance)])


def assert_equal(found: np.ndarray, expected: np.ndarray) -> None:
    assert np.max(np.abs(found - expected)) <= 1e-4 * np.max(np.abs(expected))


def test_logits_of_a_hundred_test_images_are_pythons(page, model, arrays):
    images = arrays["x_test"][:100].reshape(100, 64)
    found = np.array(page.evaluate(SCORES, to_float(images, model.info.scale).tolist()))
    assert_equal(found, compute_outputs(model.mlp, images, model.info.scale))


@pytest.mark.slow
def test_a_chosen_test_image_gives_pythons_logits(page, model, arrays):
    page.locator(".example").nth(20).click()
    row = np.flatnonzero(arrays["y_test"] == 1)[5]  # fifteen of each class, so number 20 is the sixth of class 1
    expected = compute_outputs(model.mlp, arrays["x_test"][row].reshape(1, 64), model.info.scale)[0]
    wait_for_scores(page, expected, 1e-4 * np.max(np.abs(expected)))
    expect(page.locator("#verdict")).to_have_text(re.compile(rf"^The network says {np.argmax(expected)}, "))
    expect(page.locator(".class").nth(1)).to_have_class(re.compile(r"\btrue\b"))


def test_drawing_by_mouse_changes_the_image_and_the_prediction_and_undo_restores_them(page):
    before, said = scores(page), page.inner_text("#verdict")
    box = page.locator("#image").bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 20, box["y"] + box["height"] / 2, steps=8)
    page.mouse.up()
    wait_for_a_change(page, before, 1e-2)
    expect(page.locator("#verdict")).not_to_have_text(said)
    page.keyboard.press("Control+z")
    wait_for_scores(page, before)


@pytest.mark.slow
def test_drawing_by_keys_and_shifting_by_keys(page):
    page.click("#clear")
    expect(page.locator("#verdict")).to_have_text(re.compile("^Nothing is drawn"))
    empty = scores(page)
    page.focus("#image")
    page.keyboard.down(" ")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.up(" ")
    page.keyboard.press("ArrowDown")  # the pen no longer draws
    drawn = wait_for_a_change(page, empty, 1e-2)
    page.keyboard.press("Shift+ArrowDown")
    wait_for_a_change(page, drawn, 1e-3)
    page.keyboard.press("Shift+ArrowUp")
    wait_for_scores(page, drawn)
    page.check("input[value=fill]", force=True)
    page.focus("#image")
    page.keyboard.down(" ")
    page.keyboard.down(" ")  # a held key
    page.keyboard.up(" ")
    wait_for_a_change(page, drawn, 1e-2)
    page.click("#undo")
    wait_for_scores(page, drawn)


@pytest.mark.slow
def test_an_image_that_is_filled_is_not_called_empty_and_a_tall_one_fits(open_page, model, tmp_path):
    tall = replace(model, info=replace(model.info, image_shape=[32, 2]))
    path = tmp_path / "tall.html"
    write_playground(tall, path, name="tall", language="zh")
    page = open_page(width=800, path=path)
    assert page.locator("#image").bounding_box()["height"] <= 512.5
    page.check("input[value=fill]", force=True)
    page.locator("#image").click()
    expect(page.locator("#verdict")).to_have_text(re.compile("^网络认为是"))
    assert page.evaluate("getComputedStyle(document.body, '::after').content") == "none"
    page.evaluate("document.body.classList.add('dropping')")
    assert "图片" in page.evaluate("getComputedStyle(document.body, '::after').content")


@pytest.mark.slow
def test_a_finger_draws(open_page):
    page = open_page(width=390, height=844, has_touch=True, is_mobile=True)
    before = scores(page)
    box = page.locator("#image").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 3, box["y"] + box["height"] / 3)
    wait_for_a_change(page, before, 1e-3)


def picture(size: tuple[int, int], paper: int, kind: str = "PNG") -> bytes:
    """Return a picture with a plus on it."""
    pixels = np.full(size, paper, np.uint8)
    pixels[size[0] // 4 : -size[0] // 4, size[1] // 2 - 5 : size[1] // 2 + 5] = 255 - paper
    pixels[size[0] // 2 - 5 : size[0] // 2 + 5, size[1] // 4 : -size[1] // 4] = 255 - paper
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


DROP = """([name, type, data, event]) => {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type }));
  const init = event === "drop" ? { dataTransfer: transfer } : { clipboardData: transfer };
  const Kind = event === "drop" ? DragEvent : ClipboardEvent;
  document.body.dispatchEvent(new Kind(event, { ...init, bubbles: true, cancelable: true }));
}"""


def give_file(page: Any, content: bytes, event: str, name: str = "plus.png") -> str:
    """Drop or paste a file, and return what the page says about it."""
    said = page.locator("#imported-text")
    said.evaluate("(node) => (node.textContent = '')")
    page.evaluate(DROP, [name, "image/png", base64.b64encode(content).decode(), event])
    expect(said).not_to_be_empty()  # the page reads the file later
    return said.inner_text()


@pytest.mark.parametrize("event", slow_except(["drop", "paste"], "drop"))
def test_a_picture_that_is_dropped_or_pasted_changes_the_prediction_and_the_page_says_what_was_done(event, page):
    before = scores(page)
    said = give_file(page, picture((120, 90), paper=255), event)
    assert said.startswith("plus.png: 90 × 120, made grey and resized to 8 × 8")
    dropped = wait_for_a_change(page, before, 1e-2)
    page.uncheck("#invert")
    expect(page.locator("#imported-text")).not_to_contain_text("inverted")
    wait_for_a_change(page, dropped, 1e-2)
    page.click("#undo")
    expect(page.locator("#imported-text")).to_contain_text("inverted")
    page.click("#undo")
    expect(page.locator("#imported")).to_be_hidden()
    wait_for_scores(page, before)


@pytest.mark.slow
def test_a_dark_picture_is_the_bright_one_inverted(page):
    give_file(page, picture((120, 90), paper=255), "drop")
    bright = scores(page)
    said = give_file(page, picture((120, 90), paper=0), "drop")
    assert "inverted" not in said or page.evaluate("playground.frame.brightBorder")
    wait_for_scores(page, bright, 0.02 * np.max(np.abs(bright)))


@pytest.mark.slow
def test_a_picture_with_the_size_of_the_runs_images_is_taken_pixel_by_pixel(page, model, arrays):
    stream = io.BytesIO()
    Image.fromarray(arrays["x_test"][7]).save(stream, "PNG")
    said = give_file(page, stream.getvalue(), "drop")
    if "inverted" in said:
        page.uncheck("#invert")
    expected = compute_outputs(model.mlp, arrays["x_test"][7].reshape(1, 64), model.info.scale)[0]
    wait_for_scores(page, expected, 1e-4 * np.max(np.abs(expected)))


@pytest.mark.slow
def test_a_file_that_is_not_a_picture_is_named_and_changes_nothing(page):
    before = scores(page)
    said = give_file(page, b"no picture at all", "drop", name="notes.txt")
    assert said == "notes.txt is not a picture that this browser can read."
    np.testing.assert_array_equal(scores(page), before)


def test_a_neuron_switched_off_by_hand_is_python_with_that_neuron_zeroed(page, model, arrays):
    cell = page.locator(".layer").nth(1).locator(".cell").nth(2)
    cell.focus()
    page.keyboard.press("x")
    expect(cell).to_have_class(re.compile(r"\boff\b"))
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
    expect(page.locator("#all-on")).to_be_hidden()
    assert_equal(np.array(page.evaluate(SCORES, to_float(images, model.info.scale).tolist())), whole)


def test_a_neuron_that_is_pointed_at_shows_its_weights_and_its_pushes(page):
    page.locator(".layer").nth(0).locator(".cell").nth(4).hover()
    expect(title(page)).to_have_text("Layer 1, neuron 5")
    expect(page.locator(".push")).to_have_count(4)
    expect(page.locator("#weights-text")).to_contain_text("one for each pixel")
    shown = [float(t.replace("−", "-")) for t in page.locator(".push .number").all_inner_texts()]
    with_it = scores(page)
    page.evaluate("playground.switchNeuron(1, 5, true)")
    np.testing.assert_allclose(shown, with_it - scores(page), atol=0.006)  # two digits are shown
    page.locator(".class").nth(3).hover()
    expect(title(page)).to_have_text("3")
    expect(page.locator("#weights-text")).to_contain_text("one for each neuron of layer 2")


def test_the_inspector_adds_up_products_and_bias_before_layer_normalisation(page, model, arrays):
    page.locator(".layer").nth(0).locator(".cell").nth(4).hover()
    image = to_float(arrays["x_test"][np.flatnonzero(arrays["y_test"] == 0)[:1]].reshape(1, 64), model.info.scale)
    W, b = (model.mlp.parameters.views[name].astype(np.float64) for name in ("W1", "b1"))
    total, bias = (image.astype(np.float64) @ W)[0], b.ravel()
    z = total + bias
    z = (z - z.mean()) / np.sqrt(z.var() + 1e-5)
    gelu = 0.5 * z * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)))
    said = page.locator("#products-text").inner_text().replace("−", "-")
    shown = [float(figure) for figure in re.findall(r"-?\d+\.\d+", said)]
    assert "layer normalisation" in said
    expected = [total[4], bias[4], total[4] + bias[4], z[4], gelu[4]]
    np.testing.assert_allclose(shown, expected, atol=0.006)


@pytest.mark.slow
def test_arrow_keys_move_between_neurons_and_the_inspector_follows(page):
    cells = page.locator(".layer").nth(0).locator(".cell")
    cells.nth(0).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(title(page)).to_have_text("Layer 1, neuron 3")
    page.keyboard.press("Enter")
    expect(page.locator(".pinned")).to_have_count(1)
    page.keyboard.press("Home")
    expect(title(page)).to_have_text("Layer 1, neuron 1")
    page.keyboard.press("Escape")
    expect(page.locator(".pinned")).to_have_count(0)


@pytest.mark.slow
def test_shift_flip_and_noise_change_the_prediction_and_are_undone(page):
    before = scores(page)
    for act in (lambda: page.click("#flip"), lambda: page.click("[aria-label='Shift left']"), lambda: set_noise(page)):
        act()
        wait_for_a_change(page, before, 1e-3)
        expect(page.locator(".class .tick").first).to_be_visible()
        page.click("#reset")
        wait_for_scores(page, before)


def set_noise(page: Any) -> None:
    page.locator("#noise").fill("0.3")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("width", "scheme"), full_except(product((390, 1280), ("light", "dark")), (390, "dark"), (1280, "light"))
)
def test_the_page_fits_the_width_of_a_phone_and_a_desktop(width, scheme, open_page, tmp_path):
    page = open_page(width=width, color_scheme=scheme)
    page.wait_for_function("(width) => document.documentElement.scrollWidth === width", arg=width)
    page.screenshot(path=tmp_path / "page.png", full_page=True)
    nameless = """() => [...document.querySelectorAll("button, input, [role=option], canvas[tabindex]")]
        .filter((node) => !(node.textContent.trim() || node.ariaLabel || node.labels?.length))
        .map((node) => node.outerHTML)"""
    assert page.evaluate(nameless) == []  # everything that can be pressed has a name


@pytest.mark.slow
def test_tapping_a_neuron_shows_its_weights_on_a_phone(open_page):
    page = open_page(width=390, height=844, has_touch=True, is_mobile=True)
    page.locator(".layer").nth(1).locator(".cell").nth(1).tap()
    expect(title(page)).to_have_text("Layer 2, neuron 2")
    page.wait_for_function("document.getElementById('inspector').getBoundingClientRect().bottom <= 845")
    page.click("#switch")
    expect(page.locator("#switch")).to_have_text("Switch on")
    page.click("#unpin")
    expect(page.locator(".pinned")).to_have_count(0)


@pytest.mark.slow
def test_floats_without_test_images_and_many_classes_work_too(open_page, tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(470, 6, 9)).astype(np.float32), np.arange(470) % 47
    result = barenet.train(x, y, hidden_sizes=(), epochs=1, n_valid=94, batch_size=47, output=None, verbose=False)
    path = tmp_path / "playground.html"
    write_playground(result.model, path, from_arrays(x, y), name="many")
    page = open_page(path=path)
    expect(page.locator(".class")).to_have_count(47)
    expect(page.locator("#gallery")).to_be_hidden()
    images = x[:100].reshape(100, 54)
    assert_equal(np.array(page.evaluate(SCORES, images.tolist())), compute_outputs(result.model.mlp, images, 1.0))


# While it loads


def test_the_page_says_that_it_is_loading_until_all_is_drawn(new_page, file):
    page = new_page()
    # Unpacking never ends.
    page.add_init_script("window.Response = class { arrayBuffer() { return new Promise(() => {}); } };")
    page.goto(file.as_uri())
    expect(page.locator("#loading")).to_be_visible()
    expect(page.locator("main")).to_be_hidden()


def test_a_page_that_has_loaded_no_longer_says_that_it_is_loading(page):
    expect(page.locator("#loading")).to_be_hidden()


def test_a_page_that_cannot_start_says_why_and_not_that_it_is_loading(new_page, file):
    page = new_page()
    page.add_init_script("delete window.DecompressionStream")
    page.goto(file.as_uri())
    expect(page.locator("#fault")).to_contain_text("older than 2023")
    expect(page.locator("#loading")).to_be_hidden()


def test_without_javascript_the_page_says_so(new_page, file):
    page = new_page(java_script_enabled=False)
    page.goto(file.as_uri())
    expect(page.locator("noscript p")).to_be_visible()
    expect(page.locator("#loading")).to_be_hidden()


@pytest.mark.slow
@pytest.mark.parametrize("width", full_except([390, 1280], 390))
def test_threads_are_behind_the_words_of_layers_and_classes_and_not_on_paper(width, new_page, file):
    page = new_page(viewport={"width": width, "height": 900}, color_scheme="dark")
    page.goto(file.as_uri())
    page.wait_for_function("() => window.playground")
    words = (
        "[...document.querySelectorAll('.layer h2, .classes h2, .scale')].map((e) => getComputedStyle(e))"
        ".map((s) => [Number(s.zIndex), s.backgroundColor])"
    )
    threads = page.evaluate("Number(getComputedStyle(document.getElementById('threads')).zIndex)")
    found = page.evaluate(words)
    assert len(found) == 5  # two layers with their scales, and the classes
    assert all(level > threads and colour != "rgba(0, 0, 0, 0)" for level, colour in found)
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.getElementById('threads')).display") == "none"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
