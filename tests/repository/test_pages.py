"""What the pages add to the notebooks: links, and where the lessons use a name."""

import types

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import pages

FOLDER = pages.ROOT / "notebooks"


def run(*sources):
    cells = [new_markdown_cell("import keras"), *map(new_code_cell, sources)]
    return types.SimpleNamespace(notebook=new_notebook(cells=cells))


def test_where_the_lessons_use_a_name():
    runs = {
        FOLDER / "01_a.ipynb": run("import gru_tf\nlayer = gru_tf.GRU(3)", "%matplotlib inline"),
        FOLDER / "02_b.ipynb": run("from gru_tf import GRU, exercises\nimport numpy as np\nnp.abs"),
        FOLDER / "solutions" / "02_b.ipynb": run("from gru_tf import GRUCell"),
    }
    uses = pages.used_names(runs)
    assert uses == {"gru_tf": {"GRU": [FOLDER / "01_a.ipynb", FOLDER / "02_b.ipynb"]}}
    row = "| `GRU` | [01](../notebooks/01_a.ipynb), [02](../notebooks/02_b.ipynb) |\n"
    assert pages.in_lessons(uses["gru_tf"]).endswith(row)
    assert pages.in_lessons({}) == ""


def test_every_public_part_of_the_package_is_used_in_a_lesson():
    stored = {
        path: types.SimpleNamespace(notebook=nbformat.read(path, as_version=4))
        for path in sorted(FOLDER.glob("*.ipynb"))
    }
    assert set(pages.used_names(stored)) == set(pages.MODULES) - {"gru_tf.exercises"}
