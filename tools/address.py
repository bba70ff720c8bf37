"""The address of the repository, in one place, and wherever a reader meets it.

    python tools/address.py [OWNER/NAME]

writes it into pyproject.toml, which is where it is read from, into README.md and
CITATION.cff, and into the badge and the set-up cell of every notebook. Without OWNER/NAME it writes
what pyproject.toml says into the others: after a new version, or for a new lesson.

Until an address is set it is a placeholder that nobody can register, since names of
owners on GitHub have no two underscores. Else whoever took the name would have his
code run by every reader of the lessons.
"""

import argparse
import re
import sys
import tomllib
from pathlib import Path

import nbformat

import setup_cell
from gru_tf.atomic import replacing
from gru_tf.commands import run_command

ROOT = Path(__file__).resolve().parents[1]
HOST = "https://github.com/"
PLACEHOLDER = f"{HOST}{setup_cell.NO_OWNER}/gru-tf"
UNTIL_THEN = "THIS_REPOSITORY"  # what README.md calls it as long as there is no address
OWNER_AND_NAME = re.compile(r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}/[\w.-]+")
BADGE = re.compile(r"\[!\[Open in Colab\]\([^)]*\)\]\([^)]*/(notebooks/[^)]*)\)")


def project(root=ROOT):
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def current(root=ROOT):
    """Return the address in pyproject.toml."""
    return project(root)["urls"]["Repository"]


def badge(path, root=ROOT):
    """Return the Markdown of the badge that opens the notebook at `path` in Colab.

    It opens the release that the notebook's set-up cell installs, so that the two agree.
    """
    place = current(root).removeprefix(HOST)
    return (
        "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
        f"(https://colab.research.google.com/github/{place}/blob/v{project(root)['version']}/{path})"
    )


def set_up(lesson, root=ROOT):
    """Return the source of the set-up cell of the lesson with that number."""
    about = project(root)
    requirements = [*about["dependencies"], *sum(about["optional-dependencies"].values(), [])]
    return setup_cell.source(lesson, current(root), about["version"], requirements)


def notebooks(root=ROOT):
    folder = root / "notebooks"
    return sorted(folder.glob("*.ipynb")) + sorted(folder.glob("solutions/*.ipynb"))


def with_badges(text, root):
    return BADGE.sub(lambda found: badge(found[1], root), text)


def stamped_readme(text, root=ROOT):
    """Return README.md's text with the address in its badges and commands."""
    known = current(root) != PLACEHOLDER
    address = current(root) if known else UNTIL_THEN
    text = re.sub(r"(git clone )\S+( gru-tf\b)", rf"\g<1>{address}\2", text)
    release = f"@v{project(root)['version']}"
    text = re.sub(r"(pip install git\+)[^\s`]+", rf"\g<1>{address}{release}", text)
    return with_badges(text, root)


def stamped_citation(text, root=ROOT):
    """Return CITATION.cff's text with the address and the version."""
    text = re.sub(r'^(repository-code: ").*(")$', rf"\g<1>{current(root)}\2", text, flags=re.M)
    return re.sub(r"^(version: ).*$", rf"\g<1>{project(root)['version']}", text, flags=re.M)


def stamped_notebook(text, lesson, root=ROOT):
    """Return the JSON of a notebook with its badge and its set-up cell."""
    notebook = nbformat.reads(text, as_version=4)
    notebook.cells[0].source = with_badges(notebook.cells[0].source, root)
    place, first = next(
        (place, cell) for place, cell in enumerate(notebook.cells) if cell.cell_type == "code"
    )
    if "google.colab" not in first.source:  # a new lesson
        first = nbformat.v4.new_code_cell(metadata={"tags": ["nbval-ignore-output"]})
        notebook.cells.insert(place, first)
    first.source = set_up(lesson, root)
    return nbformat.writes(notebook) + "\n"


def write(path, text):
    """Write the file whole or not at all, and not where it says that already."""
    if path.read_text(encoding="utf-8") != text:
        with replacing(path) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
        print(f"written: {path.name}")


def stamp(address=None, root=ROOT):
    """Write the address, by default the current one, wherever it stands under `root`."""
    if address is not None:
        path = root / "pyproject.toml"
        text = path.read_text(encoding="utf-8")
        write(path, re.sub(r'^(Repository = ").*(")$', rf"\g<1>{address}\2", text, flags=re.M))
    for name, stamped in {"README.md": stamped_readme, "CITATION.cff": stamped_citation}.items():
        write(root / name, stamped((root / name).read_text(encoding="utf-8"), root))
    for path in notebooks(root):
        text = path.read_text(encoding="utf-8")
        try:
            write(path, stamped_notebook(text, path.name[:2], root))
        except ValueError as error:
            sys.exit(f"{path.relative_to(root)}: {error}")


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("repository", nargs="?", metavar="OWNER/NAME")
    repository = parser.parse_args(arguments).repository
    if repository:
        repository = repository.removeprefix(HOST).removesuffix(".git").strip("/")
        if not OWNER_AND_NAME.fullmatch(repository):
            parser.error(f"not the OWNER/NAME of a repository on GitHub: {repository}")
    stamp(f"{HOST}{repository}" if repository else None)
    print(f"The address is {current()}")


if __name__ == "__main__":
    run_command(main)
