"""The report in a real Chromium: no error, no request, readable at every width, complete without its script."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from barenet.pages.reports.report import report

sync_api = pytest.importorskip("playwright.sync_api", reason="no Playwright here: pip install playwright")
expect = sync_api.expect
pytestmark = [pytest.mark.extra, pytest.mark.slow]

WIDTHS = (390, 1280)


@pytest.fixture(scope="module")
def pages(make_run, make_report, tmp_path_factory) -> dict[str, Path]:
    """Return a report of one run, and a comparison of two."""
    page, folder = make_report("plain")
    other, dataset = make_run("one epoch")
    comparison = tmp_path_factory.mktemp("pages") / "comparison.html"
    return {"run": page, "comparison": report(folder, other, dataset=dataset, output=comparison)}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", ["run", "comparison"])
def test_a_page_loads_without_messages_and_fits_the_window(kind, width, new_page, pages):
    said: list[str] = []
    asked: list[str] = []
    page = new_page(viewport={"width": width, "height": 900})
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(pages[kind].as_uri(), wait_until="networkidle")
    page.wait_for_function("[...document.images].every((image) => image.complete && image.naturalWidth > 0)")
    assert said == []
    assert [url for url in asked if not url.startswith(("data:", "file:"))] == []
    assert [url for url in asked if url.startswith("file:")] == [pages[kind].as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_on_a_phone_the_tables_of_classes_fit_and_no_line_breaks_inside_a_flag(new_page, pages):
    page = new_page(viewport={"width": 390, "height": 844})
    page.goto(pages["run"].as_uri())
    wide = "[...document.querySelectorAll('#results > .side .scroll')].map((e) => e.scrollWidth - e.clientWidth)"
    assert page.evaluate(wide) == [0, 0]
    lines = "[...document.querySelectorAll('code span')].map((e) => e.getClientRects().length)"
    assert set(page.evaluate(lines)) == {1}


def test_letters_in_plots_are_large_enough_on_a_phone(new_page, pages):
    page = new_page(viewport={"width": 390, "height": 844})
    page.goto(pages["run"].as_uri())
    sizes = page.evaluate(
        "[...document.querySelectorAll('figure svg text')].map((t) => t.getScreenCTM().a * parseFloat("
        "getComputedStyle(t).fontSize)).filter((size) => size > 0)"
    )
    assert len(sizes) > 50
    assert min(sizes) > 7  # the exponents of powers of ten are the smallest
    assert sorted(sizes)[len(sizes) // 10] >= 9.5


def test_hovering_shows_the_figures_of_an_epoch(new_page, pages):
    page = new_page(viewport={"width": 1280, "height": 900})
    page.goto(pages["run"].as_uri())
    page.locator("#training figure svg").first.hover()
    tip = page.locator("#training figure .tip").first
    expect(tip).to_be_visible()
    expect(tip).to_have_text(re.compile("^epoch "))


def test_without_the_script_a_cell_still_links_to_its_images(new_page, pages):
    page = new_page(java_script_enabled=False, viewport={"width": 1280, "height": 900})
    page.goto(pages["run"].as_uri())
    cell = page.locator(".matrix a").first
    target = page.locator(cell.get_attribute("href"))
    expect(target).to_be_hidden()
    cell.click()
    expect(target).to_be_visible()
    expect(target.locator("img").first).to_be_attached()


def test_text_has_contrast_in_the_light_and_the_dark_theme(new_page, pages):
    brightness = (
        "(() => { const s = getComputedStyle(document.body); const sum = (c) => c.match(/\\d+/g).slice(0, 3)"
        ".reduce((a, b) => a + Number(b), 0) / 3; return [sum(s.color), sum(s.backgroundColor)]; })()"
    )
    seen = {}
    for scheme in ("light", "dark"):
        page = new_page(color_scheme=scheme)
        page.goto(pages["run"].as_uri())
        seen[scheme] = page.evaluate(brightness)
    assert seen["light"][1] - seen["light"][0] > 180
    assert seen["dark"][0] - seen["dark"][1] > 180


def test_on_paper_the_page_has_no_useless_links_and_is_light(new_page, pages):
    page = new_page(color_scheme="dark")
    page.goto(pages["run"].as_uri())
    page.emulate_media(media="print")
    expect(page.locator("nav")).to_be_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert len(page.pdf()) > 20_000


def test_a_printed_report_has_few_pages(new_page, pages):
    page = new_page(color_scheme="dark")
    for kind, most in (("run", 8), ("comparison", 4)):
        page.goto(pages[kind].as_uri())
        content = page.pdf(format="A4")
        assert 1 <= len(re.findall(rb"/Type\s*/Page\b", content)) <= most
