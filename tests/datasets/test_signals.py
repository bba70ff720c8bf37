"""Speech and motion, against the counts that their sources give."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from gru_tf import datasets

DATA = Path(__file__).parents[2] / "data"  # of the checkout, wherever the package is installed


def rows_of(name):
    """The rows of a file as lists of str, read without pandas."""
    text = gzip.decompress((DATA / name).read_bytes()).decode()
    return [line.split(",") for line in text.splitlines()[1:]]


def test_vowels_as_counted_by_their_source():
    vowels = datasets.load_japanese_vowels()
    assert vowels.x_train.shape == (270, 29, 12)
    assert vowels.x_test.shape == (370, 29, 12)
    assert np.bincount(vowels.y_train).tolist() == 9 * [30]
    assert np.bincount(vowels.y_test).tolist() == [31, 35, 88, 44, 29, 24, 40, 50, 29]
    lengths = np.concatenate([vowels.lengths_train, vowels.lengths_test])
    assert (lengths.min(), lengths.max()) == (7, 29)
    assert len(vowels.class_names) == 9
    assert len(vowels.feature_names) == 12


def test_motions_as_counted_by_their_source():
    motions = datasets.load_basic_motions()
    assert motions.x_train.shape == motions.x_test.shape == (40, 100, 6)
    assert np.bincount(motions.y_train).tolist() == np.bincount(motions.y_test).tolist() == 4 * [10]
    assert set(motions.lengths_train) == set(motions.lengths_test) == {100}
    # A runner's wrist moves more than that of one who stands.
    spread = [motions.x_train[motions.y_train == i].std() for i in range(4)]
    assert np.argmin(spread) == motions.class_names.index("Standing")
    assert spread[motions.class_names.index("Running")] > 5 * min(spread)
    assert len(motions.feature_names) == 6


@pytest.mark.parametrize(
    ("load", "name"),
    [
        (datasets.load_japanese_vowels, "japanese_vowels.csv.gz"),
        (datasets.load_basic_motions, "basic_motions.csv.gz"),
    ],
)
def test_every_row_of_the_file_is_at_its_step(load, name):
    signals = load()
    labels = {"train": {}, "test": {}}
    seen = {"train": 0, "test": 0}
    for split, case, label, t, *values in rows_of(name):
        x = getattr(signals, f"x_{split}")
        np.testing.assert_allclose(x[int(case), int(t)], np.array(values, float), rtol=1e-6)
        labels[split][int(case)] = label
        seen[split] += 1
    for split in labels:
        x, y, lengths = (getattr(signals, f"{a}_{split}") for a in ("x", "y", "lengths"))
        assert x.dtype == np.float32
        assert y.dtype == np.int32
        assert lengths.sum() == seen[split]
        named = [signals.class_names[label].removeprefix("speaker ") for label in y]
        assert named == [labels[split][i] for i in range(len(y))]


def test_a_mask_hides_the_padding_and_no_frame():
    import keras

    vowels = datasets.load_japanese_vowels()
    mask = np.asarray(keras.layers.Masking().compute_mask(vowels.x_train))
    np.testing.assert_array_equal(mask, np.arange(29) < vowels.lengths_train[:, None])
    motions = datasets.load_basic_motions()
    assert motions.x_train.any(axis=2).all()


def test_signals_go_through_buckets():
    vowels = datasets.load_japanese_vowels()
    rows = [x[:n] for x, n in zip(vowels.x_train, vowels.lengths_train, strict=True)]
    computed = 0
    for x, y in datasets.bucket_by_length(rows, vowels.y_train).as_numpy_iterator():
        assert x.shape[2] == 12
        assert len(x) == len(y)
        computed += x.shape[0] * x.shape[1]
    assert vowels.lengths_train.sum() <= computed < 0.75 * 270 * 29
