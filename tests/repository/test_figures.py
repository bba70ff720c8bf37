"""The texts that stand for figures, read off the code that draws them."""

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from figures import alternative, described


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (
            'plt.title("Errors")\nplt.xlabel("epoch")\nplt.ylabel("loss")',
            "Errors. x: epoch, y: loss",
        ),
        ('ax.set(title="Gates", xlabel="time step")', "Gates. x: time step"),
        ('a.set_title("One")\nb.set_title("Two")\na.set_title("One")', "One. Two"),
        ('ax.set_title(f"{n} units, {name}")', "… units, …"),
        ('name = "Rain"\nax.set_title(name)', "Rain"),
        (
            'for ax, name in zip(axes, ["the sun", "the rain"]):\n    ax.set_title(name)',
            "the sun. the rain",
        ),
        ('ax.set_title("long" if long else "short")', "long. short"),
        ('plot_gates(z, "from bias 1")', "Under a heading. from bias 1"),
        ("draw()", "Under a heading"),
        ('%matplotlib inline\nplt.suptitle("Magic")', "Magic"),
    ],
)
def test_text_is_read_off_titles_and_axes(source, text):
    assert alternative(new_code_cell(source), "Under a heading") == text


def test_metadata_has_the_last_word():
    cell = new_code_cell('plt.title("Errors")', metadata={"alt": "The loss falls."})
    assert alternative(cell) == "The loss falls."


def test_only_cells_that_store_a_figure_are_described():
    figure = new_output("display_data", data={"image/png": "AAAA"})
    drawn = new_code_cell("draw()", outputs=[figure])
    notebook = new_notebook(
        cells=[
            new_markdown_cell("# A title\n\ntext\n\n## Two"),
            new_code_cell("1 + 1"),
            new_markdown_cell("no heading"),
            drawn,
        ]
    )
    assert list(described(notebook)) == [(drawn, "Two")]
