"""The graph of a step: every arrow is a use of a number in the equations."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pytest

from gru_tf.plots import plot_cell


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def arrows(ax):
    """Return the arrows as pairs of the texts of the nodes that they join."""
    names = {text.get_position(): text.get_text() for text in ax.texts if text.get_bbox_patch()}
    return {
        (names[note.xyann], names[note.xy]) for note in ax.texts if getattr(note, "arrow_patch", 0)
    }


H_PREV, R, Z = "$h_{t-1}$", r"$\sigma$ : $r_t$", r"$\sigma$ : $z_t$"
H_HAT, TIMES = r"$\tanh$ : $\hat h_t$", r"$\odot$"


def test_forward_every_use_of_the_last_state_and_of_the_input():
    drawn = arrows(plot_cell())
    assert {end for start, end in drawn if start == H_PREV} == {TIMES, R, Z}
    assert {end for start, end in drawn if start == "$x_t$"} == {R, Z, H_HAT}
    assert (R, TIMES) in drawn
    assert ("$U_h$", H_HAT) in drawn
    assert ("$+$", "$h_t$") in drawn


def test_reset_after_has_the_product_first():
    drawn = arrows(plot_cell(reset_after=True))
    assert (H_PREV, "$U_h, c_h$") in drawn
    assert ("$U_h, c_h$", TIMES) in drawn
    assert (TIMES, H_HAT) in drawn


def test_backward_turns_each_arrow_but_those_of_the_input():
    forward, backward = arrows(plot_cell()), arrows(plot_cell(backward=True))
    assert backward == {(end, start) for start, end in forward if start != "$x_t$"}


def test_draws_on_given_axes():
    _, ax = plt.subplots()
    assert plot_cell(title="A step", ax=ax) is ax
    assert ax.get_title() == "A step"
