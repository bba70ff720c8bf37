"""Chorales, against the file and what is known of them."""

import csv
from pathlib import Path

import numpy as np
import pytest

from gru_tf import datasets
from gru_tf.datasets import Chorales, load_chorales, split_by_melody

DATA = Path(__file__).parents[2] / "data"  # of the checkout, wherever the package is installed


def test_chorales_are_the_singable_pieces_of_the_file():
    pieces = {}
    with open(DATA / "chorale_soprano.csv", newline="") as file:
        for row in csv.DictReader(file):
            pieces.setdefault(row["bwv"], []).append((int(row["midi"]), float(row["quarters"])))
    assert len(pieces) == 407
    left_out = {name for name, notes in pieces.items() if max(notes)[0] > 81}
    left_out |= {"bwv248.64-6", "bwv79.3"}
    chorales = datasets.load_chorales()
    assert chorales.names == tuple(name for name in pieces if name not in left_out)
    assert len(chorales.names) == len(chorales.midi) == len(chorales.quarters) == 386
    for name, midi, quarters in zip(*vars(chorales).values(), strict=True):
        assert list(zip(midi.tolist(), quarters.tolist(), strict=True)) == pieces[name]
    assert {midi.dtype for midi in chorales.midi} == {np.dtype("int32")}


def test_chorales_lie_in_the_range_of_a_soprano():
    midi = np.concatenate(datasets.load_chorales().midi)
    quarters = np.concatenate(datasets.load_chorales().quarters)
    assert len(midi) == 20_203
    assert (midi[midi > 0].min(), midi.max()) == (53, 81)
    assert np.mean((midi == 0) | (midi >= 60)) > 0.99
    assert (quarters > 0).all()
    assert (quarters * 8 == np.round(quarters * 8)).all()  # whole thirty-second notes


def test_a_known_tune():
    # "Wie schoen leuchtet der Morgenstern", in F: the first line of the closing chorale.
    chorales = datasets.load_chorales()
    assert chorales.names[0] == "bwv1.6"
    assert chorales.midi[0][:4].tolist() == [65, 67, 60, 65]


def runs(midi, n_intervals):
    intervals = np.diff(midi[midi > 0].astype(int)).tolist()
    return {tuple(intervals[i : i + n_intervals]) for i in range(len(intervals) - n_intervals + 1)}


@pytest.mark.parametrize(("seed", "n_intervals"), [(0, 12), (7, 12), (1, 20)])
def test_no_melody_stands_in_two_parts(seed, n_intervals):
    chorales = load_chorales()
    parts = split_by_melody(chorales, n_intervals, seed)
    assert sorted(np.concatenate(parts).tolist()) == list(range(386))
    assert np.abs(np.array([len(part) for part in parts]) / 386 - [0.7, 0.15, 0.15]).max() < 0.04
    found = [set().union(*(runs(chorales.midi[i], n_intervals) for i in part)) for part in parts]
    assert not found[0] & found[1] | found[0] & found[2] | found[1] & found[2]
    # A split at random would not do that.
    order = np.random.default_rng(seed).permutation(386)
    one, two = (
        set().union(*(runs(chorales.midi[i], n_intervals) for i in order[k::2])) for k in (0, 1)
    )
    assert one & two


def test_a_split_repeats_and_depends_on_its_seed():
    chorales = load_chorales()
    first, again, other = (split_by_melody(chorales, seed=seed)[0].tolist() for seed in (0, 0, 1))
    assert first == again != other


def test_settings_chain_into_one_melody():
    # The first and the third share nothing, and both share a run with the second.
    pieces = [[60, 62, 64, 65], [50, 52, 54, 55, 60, 50], [55, 60, 50, 1], [1, 2]]
    midi = tuple(np.array(piece) for piece in pieces)
    quarters = tuple(np.ones(len(piece)) for piece in pieces)
    chorales = Chorales(("a", "b", "c", "d"), midi, quarters)
    (part,) = (part for part in split_by_melody(chorales, 2) if 0 in part)
    assert {0, 1, 2} <= set(part.tolist())


def test_parts_are_ints_where_one_is_empty():
    parts = split_by_melody(load_chorales(), n_intervals=5)
    assert 0 in [len(part) for part in parts]
    assert all(part.dtype.kind == "i" for part in parts)


def test_split_refuses():
    with pytest.raises(ValueError, match="n_intervals must be an int of at least 1. Received: 0"):
        split_by_melody(load_chorales(), 0)
    with pytest.raises(ValueError, match="seed must be an int of at least 0. Received: None"):
        split_by_melody(load_chorales(), seed=None)
