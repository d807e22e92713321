"""The documentation site as Sphinx builds it: links, no request to another host, and the search in both languages."""

from __future__ import annotations

import functools
import http.server
import re
import subprocess
import sys
import threading
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from waiting import PATIENCE

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.extra, pytest.mark.slow]

# What is typed, the folder of the language, and a page that must be found.
SEARCHES = [
    ("momentum", "", "How it works"),
    ("gradcheck", "", "Check your own gradients"),
    ("反向传播", "zh/", "barenet"),
    ("动量", "zh/", "工作原理"),
    ("momentum", "zh/", "All settings"),
]


class Page(HTMLParser):
    """The anchors of a page, its links, and what it loads."""

    def __init__(self, path: Path):
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.anchors |= {found[key] for key in ("id", "name") if found.get(key)}
        if tag in ("a", "form"):
            self.links += [found[key] for key in ("href", "action") if key in found]
        else:
            self.loaded += [found[key] for key in ("src", "href", "data", "poster") if key in found]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return the folder of the site."""
    for package in ("sphinx", "myst_parser", "furo"):
        pytest.importorskip(package, reason='no Sphinx here: pip install ".[docs]"')
    folder = tmp_path_factory.mktemp("built") / "site"
    command = [sys.executable, str(ROOT / "docs" / "build.py"), str(folder)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, timeout=4 * PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site):
    """Return each page of the site by its path."""
    return {path: Page(path) for path in site.rglob("*.html")}


@pytest.fixture(scope="module")
def address(site):
    """Serve the site as `python -m http.server` does; return its address."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *about):
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=site))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


def test_each_link_leads_to_a_file_and_to_an_anchor_in_it(pages):
    lost = []
    for path, page in pages.items():
        for link in page.links:
            target, _, anchor = link.partition("#")
            if re.match(r"https?:|mailto:", target):
                continue
            other = (path.parent / unquote(target)).resolve() if target else path
            if not other.is_file() or (anchor and unquote(anchor) not in pages[other].anchors):
                lost.append((str(path), link))
    assert len(pages) > 100
    assert lost == []


def test_nothing_is_loaded_from_another_host(site, pages):
    loaded = {url for page in pages.values() for url in page.loaded}
    assert len(loaded) > 20
    assert [url for url in loaded if re.match(r"\w+:|//", url) and not url.startswith("data:")] == []
    for path in site.rglob("*.css"):
        assert re.findall(r"(?:@import|url\()\s*[\"']?(?:\w+:)?//", path.read_text("utf-8")) == [], path


def test_formulas_are_mathml_and_no_dollar_is_left(pages):
    text = next(path for path in pages if path.parts[-2:] == ("docs", "how-it-works.html")).read_text("utf-8")
    assert text.count("<math") > 50
    assert "\\frac" not in text
    assert "$" not in re.sub(r"<(script|pre|svg).*?</\1>", "", text, flags=re.DOTALL)


def test_every_page_leads_to_the_same_page_in_the_other_language(site, pages):
    for name in ("index", "docs/search", "docs/settings", "source/src/barenet/nn/mlp.py"):
        english, chinese = site / f"{name}.html", site / "zh" / f"{name}.html"
        for page, other in ((english, chinese), (chinese, english)):
            leads_to = [(page.parent / link).resolve() for link in pages[page].links if "#" not in link]
            assert other.resolve() in leads_to


@pytest.mark.parametrize(("words", "folder", "title"), SEARCHES)
def test_the_search_finds_a_page_and_shows_where(words, folder, title, new_page, address):
    page = new_page()
    page.goto(f"{address}{folder}index.html")
    page.fill(".sidebar-search", words)
    page.press(".sidebar-search", "Enter")
    found = page.locator("ul.search li", has=page.get_by_role("link", name=title, exact=True)).first
    found.wait_for()
    found.locator(".context .highlighted, p .highlighted").first.wait_for()
    assert page.locator("ul.search a[href*='source/']").count() == 0
    found.get_by_role("link").first.click()
    page.wait_for_load_state()
    assert "search.html" not in page.url


@pytest.mark.parametrize("words", ["momentum", "随机种子"])
def test_the_search_works_without_a_server(words, new_page, site):
    page = new_page()
    folder = site if words == "momentum" else site / "zh"
    page.goto(f"{(folder / 'search.html').as_uri()}?q={words}")
    page.locator("ul.search li").first.wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("path", ["index.html", "zh/index.html", "docs/how-it-works.html", "docs/settings.html"])
def test_a_page_fits_the_window_and_asks_for_nothing_else(path, width, scheme, new_page, address):
    said: list[str] = []
    asked: list[str] = []
    page = new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address + path, wait_until="networkidle")
    assert said == []
    assert [url for url in asked if not url.startswith((address, "data:"))] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 24, 28)"
    assert dark == (scheme == "dark")
