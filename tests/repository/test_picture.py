"""What the caption of README.md's picture says is so."""

import numpy as np
import pytest

import picture
from gru_tf.plots import PALETTE


@pytest.fixture(scope="module")
def run():
    return picture.train()


def test_what_is_to_be_held_is_the_last_marked_value():
    values, marked, to_hold = picture.make_sequences(20, time=30, seed=3)
    for i, t in np.ndindex(values.shape):
        assert to_hold[i, t] == values[i, : t + 1][marked[i, : t + 1]][-1]


def test_the_gru_says_the_last_marked_value(run):
    assert np.mean(np.abs(run.said - run.to_hold) < 0.1) > 0.9


def test_the_update_gates_fall_at_the_markers(run):
    means = [run.z[where].mean(axis=0) for where in (run.marked, ~run.marked)]
    assert (means[0] < means[1] - 0.2).all()
    assert (run.z[1][run.marked[1]].max(axis=0) < 0.3).all()  # in the sequence that is drawn


def test_it_is_drawn(run, tmp_path):
    picture.draw(run, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
    assert len(set(PALETTE[:3])) == 3
    assert picture.PICTURE.exists()
