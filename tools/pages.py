"""Turn executed notebooks into HTML pages with an index, to be read without a network.

Mathematics becomes MathML, which browsers draw by themselves.
"""

import re
import shutil
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
    path.write_text(text, encoding="utf-8")  # not Windows' own encoding


def duration(seconds):
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def write_pages(runs, folder, root):
    """Write a page for each run and an index of the lessons, and return the index's path.

    Args:
        runs: What `notebooks.execute` returned, for notebooks under `root`.
        folder: Where to write. What was there before is removed.
        root: The folder with the lessons, and with their solutions in `solutions/`.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "solutions").mkdir(parents=True)
    code_style = HtmlFormatter(style="default").get_style_defs(".highlight")
    write(folder / "style.css", f"{STYLE.read_text(encoding='utf-8')}\n{code_style}\n")

    lessons = {run.path.stem: run for run in runs if run.path.parent == root}
    solutions = {run.path.stem: run for run in runs if run.path.parent != root}
    for name, run in lessons.items():
        links = {"All lessons": "index.html"}
        if name in solutions:
            links["Solutions of the exercises"] = f"solutions/{name}.html"
        write(folder / f"{name}.html", notebook_page(run.notebook, links))
    for name, run in solutions.items():
        links = {"All lessons": "../index.html", "The lesson": f"../{name}.html"}
        page = notebook_page(run.notebook, links, to_top="../")
        write(folder / "solutions" / f"{name}.html", page)

    title, index = "Gated Recurrent Units", folder / "index.html"
    entries = [index_entry(name, run, solutions.get(name)) for name, run in lessons.items()]
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


def index_entry(name, run, solution):
    """Return what the index says of a lesson: title, promise, seconds, and where it failed."""
    title, promise = title_and_promise(run.notebook)
    facts = [f"ran in {duration(run.seconds)}"]
    if solution:
        link = f'<a href="solutions/{name}.html">solutions</a>'
        facts.append(f"{link} in {duration(solution.seconds)}")
    if run.failure or (solution and solution.failure):
        facts.append("<strong>stopped at an error</strong>")
    heading = f'<h2><a href="{name}.html">{escape(title)}</a></h2>'
    return f"{heading}\n{markdown(promise)}<p>{' · '.join(facts)}</p>\n"
