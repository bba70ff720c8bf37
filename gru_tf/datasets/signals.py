"""Short sequences of vectors, each of one class: speech and motion."""

import dataclasses

import numpy as np

from gru_tf.datasets.files import open_data


@dataclasses.dataclass(frozen=True, eq=False)
class Signals:
    """Sequences of vectors, followed by zeros up to the longest, and the class of each."""

    x_train: np.ndarray  # (n_train, time, n_features), float32
    y_train: np.ndarray  # (n_train,), int32, from 0 to n_classes - 1
    lengths_train: np.ndarray  # (n_train,), int32, steps before the zeros
    x_test: np.ndarray
    y_test: np.ndarray
    lengths_test: np.ndarray
    class_names: tuple
    feature_names: tuple


def load_japanese_vowels():
    """Load utterances of nine men: who of them is speaking?

    Each says the two vowels /ae/. An utterance is 7 to 29 frames of 12 LPC cepstrum
    coefficients, which have no unit. The parts are those of the source: 30 utterances of
    each speaker to train on, 24 to 88 of each for testing.

    Returns:
        `Signals`: x_train (270, 29, 12), x_test (370, 29, 12), and nine classes. No frame
        is all zeros, so that a `keras.layers.Masking()` hides the padding and nothing else.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If the file is damaged.

    Example:

    >>> vowels = load_japanese_vowels()
    >>> vowels.x_train.shape, vowels.lengths_train[:3].tolist()
    ((270, 29, 12), [20, 26, 22])

    Source: Kudo et al. 1999, doi:10.1016/S0167-8655(99)00077-X; UCI, doi:10.24432/C5NS47.
    """
    names = tuple(f"speaker {i}" for i in range(1, 10))
    features = tuple(f"cepstrum {i}" for i in range(1, 13))
    return _read("japanese_vowels.csv.gz", range(1, 10), names, features)


def load_basic_motions():
    """Load ten seconds of a smart watch's sensors: what is its wearer doing?

    A case is 100 steps, 10 per second, of an accelerometer and of a gyroscope, three axes
    each. The source states no units.

    Returns:
        `Signals`: x_train (40, 100, 6), x_test (40, 100, 6), ten cases of each of four
        classes. All have the same length.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If the file is damaged.

    Example:

    >>> motions = load_basic_motions()
    >>> motions.class_names
    ('Standing', 'Walking', 'Running', 'Badminton')

    Source: Bagnall et al. 2018, The UEA multivariate time series classification archive,
    arXiv:1811.00075.
    """
    names = ("Standing", "Walking", "Running", "Badminton")
    sensors = ("accelerometer", "gyroscope")
    features = tuple(f"{sensor} {axis}" for sensor in sensors for axis in "xyz")
    return _read("basic_motions.csv.gz", names, names, features)


def _read(file, labels, class_names, feature_names):
    """Return the `Signals` of a file with a row per step; the first of `labels` is class 0."""
    import pandas as pd

    table = pd.read_csv(open_data(file), compression="gzip")
    classes = {label: i for i, label in enumerate(labels)}
    columns = [f"c{i}" for i in range(len(feature_names))]
    time = int(table["t"].max()) + 1
    parts = []
    for split in ("train", "test"):
        cases = [case for _, case in table[table.split == split].groupby("case")]
        x = np.zeros((len(cases), time, len(columns)), "float32")
        for i, case in enumerate(cases):
            x[i, case["t"]] = case[columns]
        y = np.array([classes[case["label"].iloc[0]] for case in cases], "int32")
        parts += [x, y, np.array([len(case) for case in cases], "int32")]
    return Signals(*parts, class_names=class_names, feature_names=feature_names)
