"""Every page of the site, in a browser, on a wide screen and on a telephone."""

import io
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from PIL import Image

HTML = Path(__file__).resolve().parents[2] / "build" / "html"
# Not the sources that Sphinx shows with colours: these are one kind of page, and one is enough.
SOURCES = sorted(path.relative_to(HTML).as_posix() for path in HTML.glob("_modules/**/*.html"))
PAGES = [
    *sorted(
        path.relative_to(HTML).as_posix()
        for path in HTML.rglob("*.html")
        if not path.relative_to(HTML).parts[0].startswith("_")
    ),
    *[name for name in SOURCES if name.endswith("gru_tf/layers.html")],
]
LESSONS = [name for name in PAGES if re.fullmatch(r"notebooks/\d\d_\w+\.html", name)]

FAULTS = """() => {
    const faults = [], root = document.documentElement;
    if (root.scrollWidth > root.clientWidth)
        faults.push(`pans sideways: ${root.scrollWidth} in ${root.clientWidth} px`);
    if (root.clientWidth > 1000)
        for (const code of document.querySelectorAll(".cell_input pre, .highlight-python pre"))
            if (code.scrollWidth > code.clientWidth)
                faults.push(`clips code: ${code.textContent.trim().slice(0, 60)}`);
    if (root.clientWidth > 1000)
        for (const entry of document.querySelectorAll(".page-toc a"))
            if (entry.getBoundingClientRect().right > root.clientWidth)
                faults.push(`clips an entry of the contents: ${entry.textContent.trim()}`);
    for (const part of document.querySelectorAll("h1, h2, h3, h4, .prev-next-area a, dt.sig"))
        if (part.checkVisibility() && (part.scrollWidth > part.clientWidth
                || part.getBoundingClientRect().right > root.clientWidth))
            faults.push(`clips a name: ${part.textContent.trim()}`);
    for (const tex of document.querySelectorAll("code.tex"))
        faults.push(`does not draw ${tex.textContent}`);
    for (const math of document.querySelectorAll("math"))
        if (!math.closest("details:not([open])") && math.checkVisibility()
                && math.getBoundingClientRect().height < 5)
            faults.push(`draws nothing of ${math.textContent}`);
    for (const image of document.images) {
        if (!image.complete || !image.naturalWidth) faults.push(`lacks ${image.src}`);
        if (image.alt.length < 5 || /No description|^_images|\\.png$/.test(image.alt))
            faults.push(`has a figure without a text: ${image.alt}`);
    }
    return faults;
}"""


def test_the_site_is_built():
    assert len(LESSONS) >= 12, "write the pages first: make site"


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
@pytest.mark.parametrize("name", PAGES)
def test_page(open_page, name, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = open_page(name, width, scheme)
    assert not page.evaluate(FAULTS)
    # Without `preload` it does not ask for style sheets, which a page from a disk may not.
    options = {"resultTypes": ["violations"], "preload": False}
    violations = axe.run(page, options=options).response["violations"]
    serious = [
        (found["id"], found["nodes"][0]["html"][:200], len(found["nodes"]))
        for found in violations
        if found["impact"] in ("serious", "critical")
    ]
    assert not serious
    assert not page.wrong


class Links(HTMLParser):
    """The links of a page, and the anchors that links can lead to."""

    def __init__(self, text):
        super().__init__()
        self.links, self.anchors = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.anchors |= {attributes.get("id"), attributes.get("name")}
        self.links += [attributes[kind] for kind in ("href", "src") if attributes.get(kind)]


def test_no_link_is_dead():
    written = [path for path in HTML.rglob("*.html") if "_static" not in path.parts]
    pages = {path: Links(path.read_text(encoding="utf-8")) for path in written}
    dead = []
    for path, page in pages.items():
        for link in page.links:
            if re.match(r"(https?|mailto|data|javascript):", link):
                continue
            file, _, anchor = unquote(link).partition("#")
            file = file.partition("?")[0]
            target = (path.parent / file).resolve() if file else path
            if not target.is_file() or (
                anchor and target in pages and anchor not in pages[target].anchors
            ):
                dead.append((path.relative_to(HTML).as_posix(), link))
    assert not dead


def test_search_finds_what_lessons_say(open_page):
    page = open_page("search.html?q=reset+gate")
    page.wait_for_selector("#search-results li a")
    found = page.locator("#search-results li a").all_text_contents()
    assert any("The equations of the GRU" in title for title in found), found
    assert not page.wrong


def test_search_is_a_key_away(open_page):
    page = open_page("notebooks/04_imdb.html")
    page.keyboard.press("Control+k")
    page.keyboard.type("bucket_by_length")
    page.keyboard.press("Enter")
    page.wait_for_selector("#search-results li a")
    assert "Sentiment of film reviews" in " ".join(
        page.locator("#search-results li a").all_text_contents()
    )


@pytest.mark.parametrize(("name", "following"), [*zip(LESSONS, LESSONS[1:], strict=False)])
def test_a_lesson_leads_on(open_page, name, following):
    page = open_page(name)
    number = Path(following).name
    assert page.locator("a.right-next").get_attribute("href").endswith(number)
    assert page.locator(f'a[href="solutions/{Path(name).name}"]').count() > 0
    assert page.locator(f'a.download[href$="{Path(name).stem}.ipynb"]').count() == 1
    assert page.get_by_role("link", name="Open in Colab").count() == 1
    assert page.locator("nav.bd-docs-nav a.current").count() == 1
    assert page.locator(".page-toc a").count() > 5


def test_code_can_be_copied(open_page):
    page = open_page("notebooks/04_imdb.html")
    page.wait_for_selector("button.copybtn", state="attached")
    n_inputs = page.locator(".cell_input pre").count()
    assert page.locator(".cell_input button.copybtn").count() == n_inputs > 20


@pytest.mark.parametrize("name", LESSONS[:2])
def test_figures_are_dark_on_a_dark_page(open_page, name):
    brightness = {}
    for scheme in ("light", "dark"):
        figure = open_page(name, scheme=scheme).locator(".cell_output img").first
        image = Image.open(io.BytesIO(figure.screenshot())).convert("L")
        brightness[scheme] = image.resize((1, 1)).getpixel((0, 0))
    assert brightness["light"] > 200
    assert brightness["dark"] < 80


@pytest.mark.parametrize("name", ["04_imdb", "08_translation", "12_parallel_gru"])
def test_a_figure_that_speaks_of_dark_and_bright_is_not_turned_round(open_page, name):
    page = open_page(f"notebooks/{name}.html", scheme="dark")
    figure = page.locator('.cell_output img[alt*="dark"]')
    image = Image.open(io.BytesIO(figure.screenshot())).convert("L")
    assert image.getpixel((4, 4)) > 200  # the paper that it is drawn on
