"""The pages of the lessons, of the documents and of the package: sources for Sphinx, and its run.

The sources mirror the repository, so that links between its files hold in the pages: a notebook
or a document is a page at its own place, and a file that is none is offered as it is. A source is
written only if it has changed, so that Sphinx reads only what has.
"""

import ast
import collections
import copy
import io
import itertools
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat

import figures
from gru_tf.atomic import replacing

ROOT = Path(__file__).resolve().parents[1]
SITE = Path(__file__).with_name("site")  # Sphinx' settings, a style sheet, a template
HTML = ROOT / "build" / "html"
SOURCE = ROOT / "build" / "site" / "source"
DOCTREES = ROOT / "build" / "site" / "doctrees"
UNFINISHED = ROOT / "build" / "site" / "writing"  # there while Sphinx writes

SPHINX_OWN = {"genindex.html", "search.html"}
BADGE = re.compile(r"\[!\[Open in Colab\]\([^)]*\)\]\(([^)]*)\)")  # its picture needs a network
REPOSITORY = re.compile(r"github/([^/]+/[^/]+)/blob/")  # in the address of the badge
LINK = re.compile(r"(\]\()([^)#:\s]+)((?:#[^)\s]*)?\))")

DOCUMENTS = sorted(ROOT.glob("docs/*.md"))
DOCUMENTS += [ROOT / name for name in ("data/README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
DOCUMENTS = [path for path in DOCUMENTS if path.exists()]

TO_LOOK_UP = ("builders", "glossary")  # of the documents: what else is there comes after

# The modules whose public names are on the pages of the package, in the order of the sidebar.
MODULES = {
    "gru_tf": "The layers",
    "gru_tf.equations": "The equations in NumPy",
    "gru_tf.convert": "Weights from one library to another",
    "gru_tf.models": "Model builders",
    "gru_tf.datasets": "Data",
    "gru_tf.text": "Text",
    "gru_tf.plots": "Figures",
    "gru_tf.interactive": "A figure to move",
    "gru_tf.tuning": "Searches",
    "gru_tf.exercises": "Checks of exercises",
}

INDEX = """\
# Gated Recurrent Units

{introduction}

{entries}

```{{toctree}}
:caption: Lessons
:hidden:
{lessons}
```

```{{toctree}}
:caption: Solutions
:hidden:
{solutions}
```

```{{toctree}}
:caption: To look up
:hidden:
{references}
```

```{{toctree}}
:caption: Documents
:hidden:
{documents}
```
"""


def title_and_promise(notebook):
    """Return the first heading of the notebook and the first sentence or two under it, unlinked.

    A link in them is relative to the notebook, and would lead nowhere from the index.
    """
    paragraphs = [part.strip() for part in notebook.cells[0].source.split("\n\n")]
    title = paragraphs[0].lstrip("# ")
    promise = next((part for part in paragraphs[1:] if not BADGE.match(part)), "")
    return title, re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", promise)


def duration(seconds):
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def is_solution(path):
    return path.parent.name == "solutions"


def inside(path):
    """Return the path of a file in the repository, with forward slashes."""
    return path.relative_to(ROOT).as_posix()


def write(path, content):
    """Write the file whole or not at all, and only if it has changed. Return its path."""
    content = content if isinstance(content, bytes) else content.encode()
    if not path.exists() or path.read_bytes() != content:
        with replacing(path) as unfinished:
            unfinished.write_bytes(content)
    return path


def write_source(path, content):
    """Write the source of the page of a file of the repository, and return its path."""
    return write(SOURCE / path.relative_to(ROOT), content)


def copied(path):
    return write_source(path, path.read_bytes())


def write_sources(runs):
    """Write the sources of all pages, and take away those of pages that are no more.

    Args:
        runs: By the path of each lesson and solution, in order, the last `notebooks.Run`.
    """
    is_whole = (ROOT / "gru_tf" / "__init__.py").exists()  # and no part of it
    written = [write(SOURCE / "index.md", index(runs, is_whole))]
    for run in runs.values():
        written += write_notebook(run, runs)
    for path in DOCUMENTS:
        text, files = with_links(path.read_text(encoding="utf-8"), path)
        written += [write_source(path, text), *files]
    if is_whole:
        written.append(write(SOURCE / "results.md", results(runs)))
        written += [copied(path) for path in (ROOT / "data" / "results").glob("*.json")]
        written.append(copied(ROOT / "docs" / "figure.png"))
        uses = used_names(runs)
        for module, title in MODULES.items():
            text = f"# {title}: `{module}`\n\n```{{eval-rst}}\n.. automodule:: {module}\n```\n"
            text += in_lessons(uses[module])
            written.append(write(SOURCE / "api" / f"{module}.md", text))
    for path in SOURCE.rglob("*"):
        if path.is_file() and path not in written:
            path.unlink()


def used_names(runs):
    """Return by module, and by what lessons take from it, the paths of these lessons."""
    uses = collections.defaultdict(lambda: collections.defaultdict(list))
    for path, run in runs.items():
        if is_solution(path):
            continue
        found = set()
        for node in itertools.chain(*map(nodes, run.notebook.cells)):
            if isinstance(node, ast.ImportFrom):
                found |= {(node.module, alias.name) for alias in node.names}
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                found.add((node.value.id, node.attr))
        for module, name in found:
            if module in MODULES and f"{module}.{name}" not in MODULES:
                uses[module][name].append(path)
    return uses


def nodes(cell):
    """Return the nodes of a cell's code; none of what is no Python, such as a line with `%`."""
    try:
        return ast.walk(ast.parse(cell.source if cell.cell_type == "code" else ""))
    except SyntaxError:
        return ()


def in_lessons(uses):
    """Return the source of a table: by name, the lessons that use it. Without any, nothing."""
    if not uses:
        return ""
    rows = [
        f"| `{name}` | {', '.join(f'[{p.stem[:2]}](../{inside(p)})' for p in sorted(paths))} |"
        for name, paths in sorted(uses.items(), key=lambda item: item[0].lower())
    ]
    return "\n".join(["", "## In the lessons", "", "| name | lessons |", "|---|---|", *rows, ""])


def write_notebook(run, runs):
    """Write the source of a notebook's page, and return the paths of what was written."""
    notebook, written = copy.deepcopy(run.notebook), []
    notebook.metadata.pop("run", None)
    notebook.metadata.setdefault("language_info", {"name": "python", "pygments_lexer": "ipython3"})
    for cell, alternative in list(figures.described(notebook)):
        cell.metadata["mystnb"] = {"image": {"alt": alternative}}
    set_up = next((cell for cell in notebook.cells if cell.cell_type == "code"), None)
    if set_up and "google.colab" in set_up.source:
        set_up.metadata["tags"] = ["hide-input"]
    # Sphinx does not read this folder: the notebook as it is, and not as a page of it is made
    original = SOURCE / "as-it-is" / run.path.relative_to(ROOT)
    written.append(write(original, run.path.read_bytes()))
    links = [f"{{download}}`The notebook </as-it-is/{inside(run.path)}>`"]
    first = notebook.cells[0]
    if badge := BADGE.search(first.source):
        links.append(f"[Open in Colab]({badge[1]})")
        first.source = BADGE.sub("", first.source).rstrip()
    if is_solution(run.path):
        links.append(f"[The lesson](../{run.path.name})")
    elif run.path.parent / "solutions" / run.path.name in runs:
        links.append(f"[Solutions of its exercises](solutions/{run.path.name})")
    if badge:
        where = REPOSITORY.search(badge[1])[1]
        report = f"https://github.com/{where}/issues/new?template=erratum.yml"
        links.append(f"[Report an error]({report})")
    first.source += f"\n\n{' · '.join(links)}"
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source, files = with_links(cell.source, run.path)
            written += files
    return [write_source(run.path, f"{nbformat.writes(notebook)}\n"), *written]


def with_links(text, path):
    """Return the Markdown of a file with links that lead to pages, and the files copied for it.

    A link to a module or to a folder of the package leads to its documentation. What else it
    links to and has no page is copied, and Sphinx offers it as a file.
    """
    files = []

    def link(match):
        target = (path.parent / match[2]).resolve()
        if not target.is_relative_to(ROOT) or not target.exists():
            return match[0]
        if target.is_relative_to(ROOT / "gru_tf") and (module := documented(target)):
            return f"{match[1]}project:#{module})"
        if target.is_file() and target.suffix != ".ipynb" and target not in DOCUMENTS:
            files.append(copied(target))
        return match[0]

    return LINK.sub(link, text), files


def documented(path):
    """Return the module on the pages that documents a file or folder of the package, or None."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    names = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return next((name for name in names if name in MODULES), None)


def index(runs, is_whole):
    """Return the source of the index."""
    introduction = [
        "Lessons that teach the Gated Recurrent Unit on real data, and a small package, `gru_tf`, "
        "that they import and that you can copy from. Where a lesson has not run on this machine, "
        "its page shows the outputs that are stored with it."
    ]
    references = []
    if is_whole:
        alternative = "The gates and the read-out of a GRU with two units, over 30 time steps"
        introduction.append(f"![{alternative}](docs/figure.png)")
        references = [
            *(f"docs/{name}" for name in TO_LOOK_UP),
            "results",
            *(f"api/{module}" for module in MODULES),
        ]
    lessons = [path for path in runs if not is_solution(path)]
    solutions = [path for path in runs if is_solution(path)]
    return INDEX.format(
        introduction="\n\n".join(introduction),
        entries="\n".join(
            entry(runs[path], runs.get(path.parent / "solutions" / path.name)) for path in lessons
        ),
        lessons="\n".join(map(inside, lessons)),
        solutions="\n".join(f"Of lesson {path.stem[:2]} <{inside(path)}>" for path in solutions),
        references="\n".join(references),
        documents="\n".join(inside(path) for path in DOCUMENTS if path.stem not in TO_LOOK_UP),
    )


def entry(lesson, solution):
    """Return what the index says of a lesson: title, promise, seconds, and where it failed."""
    title, promise = title_and_promise(lesson.notebook)
    facts = []
    if minutes := re.search(r"About .+? on 2 cores", lesson.notebook.cells[0].source):
        facts.append(minutes[0])
    if solution:
        facts.append(f"[solutions]({inside(solution.path)})")
    if lesson.seconds is not None:
        facts.append(f"ran here in {duration(lesson.seconds)}")
    if solution and solution.seconds is not None:
        facts.append(f"its solutions in {duration(solution.seconds)}")
    if any(run and run.is_old for run in (lesson, solution)):
        facts.append("before the last change")
    if any(run and run.failure for run in (lesson, solution)):
        facts.append("**stopped at an error**")
    return f"## [{title}]({inside(lesson.path)})\n\n{promise}\n\n{' · '.join(facts)}\n"


def results(runs):
    """Return the source of the page of stored comparisons: what made each, when, from what."""
    stale = json.loads((ROOT / "benchmarks" / "stale.json").read_text(encoding="utf-8"))
    parts = [
        "# Stored results",
        "Comparisons that take too long for a lesson: the scripts in `benchmarks/` make them. A "
        "plus sign after a commit says that the code had changes that were not committed yet.",
    ]
    for path in sorted((ROOT / "data" / "results").glob("*.json")):
        stored = json.loads(path.read_text(encoding="utf-8"))
        users = [
            f"[lesson {run.path.name[:2]}]({inside(run.path)})"
            for run in runs.values()
            if not is_solution(run.path)
            and any(f'"{path.stem}"' in cell.source for cell in run.notebook.cells)
        ]
        origins = [
            f"| `{origin['command']}` | {origin['date']} | `{origin['commit']}` "
            f"| {len(origin['rows'])} |"
            for origin in stored["origins"]
        ]
        machine = stored["machine"]
        versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
        parts += [
            f"## `{path.stem}`",
            " · ".join([f"{{download}}`{path.name} <data/results/{path.name}>`", *users]),
            "```{rst-class} origins\n```",
            "\n".join(["| made by | on | from commit | rows |", "|---|---|---|---|", *origins]),
            f"On {machine['cores']} cores ({machine['processor']}), {versions}.",
        ]
        if path.stem in stale:
            parts.append(f"Older than its code: {stale[path.stem]}.")
        parts.append(table(stored["rows"]))
    return "\n\n".join(parts) + "\n"


def table(rows, n_shown=40):
    """Return rows of results as a table in Markdown."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [names, ["---"] * len(names)]
    lines += [[in_short(row.get(name, "")) for name in names] for row in rows[:n_shown]]
    shown = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    shown = f"```{{rst-class}} small\n```\n\n{shown}"
    if len(rows) > n_shown:
        shown += f"\n\nAnd {len(rows) - n_shown} rows more in the file."
    return shown


def in_short(value):
    """Return a value for a cell of a table: of a long list, its length and its last."""
    if isinstance(value, list):
        if len(value) > 4 or any(isinstance(part, list | dict) for part in value):
            return f"{len(value)} values, last {in_short(value[-1])}"
        return ", ".join(map(in_short, value))
    if isinstance(value, dict):
        return ", ".join(f"{name}: {in_short(part)}" for name, part in value.items())
    if isinstance(value, float):
        return f"{value:.5g}"
    return " ".join(str(value).replace("|", r"\|").split())[:80]


def render(strict=False):
    """Let Sphinx write the pages whose sources have changed, and return the path of the index.

    Args:
        strict: Whether a warning, such as of a link that leads nowhere, is an error.
    """
    if UNFINISHED.exists():  # it was interrupted: what it left can't be told from what is whole
        shutil.rmtree(DOCTREES, ignore_errors=True)
        shutil.rmtree(HTML, ignore_errors=True)
    documents_package = (SOURCE / "api").exists() and not (DOCTREES / "environment.pickle").exists()
    DOCTREES.mkdir(parents=True, exist_ok=True)
    UNFINISHED.touch()
    if documents_package:  # in a process of its own, as that imports TensorFlow
        command = [sys.executable, "-m", "sphinx", "--quiet", "-c", SITE, "-d", DOCTREES]
        result = subprocess.run([*command, SOURCE, HTML], text=True, capture_output=True)
        failed, said = result.returncode, result.stderr
    else:
        failed, said = render_here()
    if failed:
        sys.exit(f"Sphinx could not write the pages:\n{said}")
    for page in HTML.rglob("*.html"):
        name = page.relative_to(HTML).as_posix()
        source = (SOURCE / name).with_suffix
        if not (
            name.startswith("_")
            or name in SPHINX_OWN
            or source(".ipynb").exists()
            or source(".md").exists()
        ):
            page.unlink()  # of a notebook or a document that is no more
    warnings = re.findall(r"^.*:(?:\d+:)? (?:WARNING|ERROR|CRITICAL): .*$", said, re.MULTILINE)
    if strict and warnings:
        shutil.rmtree(DOCTREES)  # so that the next run warns again
        sys.exit("\n".join(["Sphinx warns of:", *warnings]))
    UNFINISHED.unlink()
    return HTML / "index.html"


def render_here():
    """Run Sphinx in this process, where it is imported once and not for each page."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    said = io.StringIO()
    with patch_docutils(SITE), docutils_namespace():
        app = Sphinx(SOURCE, SITE, HTML, DOCTREES, "html", status=None, warning=said)
        app.build()
    return app.statuscode, said.getvalue()
