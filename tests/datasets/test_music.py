"""Chorales, against the file and what is known of them."""

import csv

import numpy as np

from gru_tf import datasets
from gru_tf.datasets import files


def test_chorales_are_the_singable_pieces_of_the_file():
    pieces = {}
    with open(files.FOLDERS[1] / "chorale_soprano.csv", newline="") as file:
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
