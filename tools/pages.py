"""Turn executed notebooks into HTML pages with an index, to be read without a network.

Mathematics becomes MathML, which browsers draw by themselves.
"""

import os
import re
from html import escape
from pathlib import Path

from jinja2 import pass_context
from math_core import LatexError, LatexToMathML
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments.formatters import HtmlFormatter

STYLE = Path(__file__).with_name("pages.css")
BADGE = re.compile(r"\[!\[Open in Colab\]\([^)]*\)\]\(([^)]*)\)")  # its picture needs a network
NOTEBOOK_LINK = re.compile(r'(href="(?!\w+:)[^"#]*)\.ipynb')

PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="{to_top}style.css">
{body}
</html>
"""


class MathRenderer(IPythonRenderer):
    """Markdown as nbconvert renders it, with MathML for TeX."""

    def inline_math(self, body):
        return mathml(body, display=False)

    def block_math(self, body):
        return mathml(body, display=True)

    def latex_environment(self, name, body):
        return mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", display=True)


class NotebookExporter(HTMLExporter):
    """The cells of a notebook as HTML, without prompts."""

    template_name = "basic"
    exclude_input_prompt = True
    exclude_output_prompt = True

    @pass_context
    def markdown2html(self, context, source):
        renderer = MathRenderer(escape=False, exclude_anchor_links=True)
        return MarkdownWithMath(renderer=renderer).render(BADGE.sub(r"[Open in Colab](\1)", source))


def mathml(tex, display):
    """Return `tex` as MathML, or as it stands where the converter does not know it."""
    try:
        converter = LatexToMathML(fancy_error=False)
        return converter.convert_with_local_state(tex, displaystyle=display)
    except LatexError:
        return f'<code class="tex">{escape(tex)}</code>'


def title_and_promise(notebook):
    """Return the first heading of the notebook and the first sentence or two under it."""
    paragraphs = [part.strip() for part in notebook.cells[0].source.split("\n\n")]
    title = paragraphs[0].lstrip("# ")
    promise = next((part for part in paragraphs[1:] if not BADGE.match(part)), "")
    return title, promise


def markdown(text):
    return MarkdownWithMath(renderer=MathRenderer(escape=False)).render(text)


def write(path, text):
    """Write the file whole or not at all."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.write_text(text, encoding="utf-8")  # not Windows' own encoding
    os.replace(unfinished, path)


def duration(seconds):
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def prepare(folder, paths):
    """Make the folder of the pages, with their style, and without pages of other notebooks.

    Args:
        folder: Where the pages go.
        paths: The notebooks that are to have a page: lessons, and solutions in `solutions/`.
    """
    (folder / "solutions").mkdir(parents=True, exist_ok=True)
    expected = {place_of_page(path) for path in paths} | {Path("index.html"), Path("style.css")}
    for path in [*folder.glob("*.*"), *folder.glob("solutions/*.*")]:
        if path.relative_to(folder) not in expected:
            path.unlink()
    code_style = HtmlFormatter(style="default").get_style_defs(".highlight")
    write(folder / "style.css", f"{STYLE.read_text(encoding='utf-8')}\n{code_style}\n")


def is_solution(path):
    return path.parent.name == "solutions"


def place_of_page(path):
    """Return where in the folder of the pages that of a notebook is."""
    return Path("solutions" if is_solution(path) else "", f"{path.stem}.html")


def write_page(run, folder, paths):
    """Write the page of a run.

    Args:
        run: A `notebooks.Run`.
        folder: What `prepare` has prepared.
        paths: The notebooks that have a page, or will have one.
    """
    if is_solution(run.path):
        links = {"All lessons": "../index.html", "The lesson": f"../{run.path.stem}.html"}
        page = notebook_page(run.notebook, links, to_top="../")
    else:
        links = {"All lessons": "index.html"}
        if run.path.parent / "solutions" / run.path.name in paths:
            links["Solutions of the exercises"] = f"solutions/{run.path.stem}.html"
        page = notebook_page(run.notebook, links)
    write(folder / place_of_page(run.path), page)


def write_index(runs, folder):
    """Write the index, and return its path.

    Args:
        runs: By the path of each lesson and solution, in order, the last `notebooks.Run`.
            One that has no page yet has `seconds=None`.
        folder: What `prepare` has prepared.
    """
    title, index = "Gated Recurrent Units", folder / "index.html"
    entries = [
        index_entry(run, runs.get(path.parent / "solutions" / path.name))
        for path, run in runs.items()
        if not is_solution(path)
    ]
    body = f"<main>\n<h1>{title}</h1>\n{''.join(entries)}</main>"
    write(index, PAGE.format(title=title, body=body, to_top=""))
    return index


def notebook_page(notebook, links, to_top=""):
    """Return the page of a notebook, with `links` above and below it."""
    title, _ = title_and_promise(notebook)
    anchors = [f'<a href="{target}">{text}</a>' for text, target in links.items()]
    navigation = f"<nav>{' · '.join(anchors)}</nav>"
    cells, _ = NotebookExporter().from_notebook_node(notebook)
    cells = NOTEBOOK_LINK.sub(r"\1.html", cells)
    body = f"{navigation}\n<main>\n{cells}</main>\n{navigation}"
    return PAGE.format(title=escape(title), body=body, to_top=to_top)


def index_entry(lesson, solution):
    """Return what the index says of a lesson: title, promise, seconds, and where it failed."""
    title, promise = title_and_promise(lesson.notebook)
    heading, facts = escape(title), ["not run yet"]
    if lesson.seconds is not None:
        heading = f'<a href="{place_of_page(lesson.path).as_posix()}">{heading}</a>'
        facts = [f"ran in {duration(lesson.seconds)}"]
    if solution and solution.seconds is not None:
        link = f'<a href="{place_of_page(solution.path).as_posix()}">solutions</a>'
        facts.append(f"{link} in {duration(solution.seconds)}")
    if any(run and run.is_old for run in (lesson, solution)):
        facts.append("before the last change")
    if any(run and run.failure for run in (lesson, solution)):
        facts.append("<strong>stopped at an error</strong>")
    return f"<h2>{heading}</h2>\n{markdown(promise)}<p>{' · '.join(facts)}</p>\n"
