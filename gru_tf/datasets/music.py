"""Melodies, note by note."""

import collections
import dataclasses

import numpy as np

from gru_tf.checks import check_at_least, check_instance
from gru_tf.datasets.files import open_data

_HIGHEST = 81  # the a'' above it no choir sings: such a line is an instrument's
_OUTLIERS = ("bwv248.64-6", "bwv79.3")  # far longer than a chorale


@dataclasses.dataclass(frozen=True, eq=False)
class Chorales:
    """Melodies as pitches and lengths, one array a piece."""

    names: tuple  # n names, such as "bwv1.6"
    midi: tuple  # n arrays (n_notes,) of int32: MIDI pitch, 60 for middle C, 0 for a rest
    quarters: tuple  # n arrays (n_notes,) of float32: length in quarter notes


def load_chorales():
    """Load the soprano lines of Bach's chorales.

    Left out are lines that no choir sings: 20 that go above MIDI pitch 81, and two that
    are far longer than a chorale, of which one is among those 20. Several pieces are
    settings of one melody: `split_by_melody` keeps those in one part that share enough of it.

    Returns:
        `Chorales`, with 386 pieces. The names are the numbers of Bach's catalogue.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If the file is damaged.

    Example:

    >>> chorales = load_chorales()
    >>> chorales.names[0], chorales.midi[0][:4].tolist(), chorales.quarters[0][:4].tolist()
    ('bwv1.6', [65, 67, 60, 65], [1.0, 0.5, 0.5, 0.5])
    """
    import pandas as pd

    table = pd.read_csv(open_data("chorale_soprano.csv"))
    pieces = [
        (name, piece.midi.to_numpy("int32"), piece.quarters.to_numpy("float32"))
        for name, piece in table.groupby("bwv", sort=False)
        if piece.midi.max() <= _HIGHEST and name not in _OUTLIERS
    ]
    return Chorales(*zip(*pieces, strict=True))


def split_by_melody(chorales, n_intervals=12, seed=0):
    """Split pieces into three parts, so that no two of them share a run of intervals.

    Pieces that share one, in any key and rhythm, are taken to be of one melody; so are the first
    and the third, if the second shares one with each of them. It must be the same note for note:
    settings of one melody whose ornaments differ may be in two parts.

    Args:
        chorales: `Chorales`.
        n_intervals: Length of the run, at least 1. The smaller it is, the more pieces fall
            together: below 10, nearly all, and a part may be left empty.
        seed: Seed, an int, of which melodies go where.

    Returns:
        Three int arrays: the numbers of the pieces to train on, for validation and for
        testing, about 70, 15 and 15 in a hundred.

    Raises:
        ValueError: If n_intervals or seed isn't one of those above.

    Example:

    >>> chorales = load_chorales()
    >>> [len(part) for part in split_by_melody(chorales)]
    [271, 58, 57]
    """
    check_instance("chorales", chorales, Chorales, "Chorales, as load_chorales() returns them")
    check_at_least("n_intervals", n_intervals, 1)
    check_at_least("seed", seed, 0)
    melodies = _melodies(chorales.midi, n_intervals)
    order = np.random.default_rng(seed).permutation(len(melodies))
    limits, parts = np.array([0.7, 0.15]) * len(chorales.midi), ([], [], [])
    for number in order:  # a part is full once it has reached its limit
        full = [len(part) >= limit for part, limit in zip(parts, limits, strict=False)]
        parts[full.index(False) if False in full else 2].extend(melodies[number])
    return tuple(np.array(part, int) for part in parts)


def _melodies(pieces, n_intervals):
    """Return lists of the numbers of pieces that share a run of intervals."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first, pairs = {}, [(i, i) for i in range(len(pieces))]
    for number, midi in enumerate(pieces):
        intervals = np.diff(midi[midi > 0].astype(int))
        for start in range(len(intervals) - n_intervals + 1):
            run = tuple(intervals[start : start + n_intervals])
            pairs.append((first.setdefault(run, number), number))
    rows, columns = zip(*pairs, strict=True)
    shape = (len(pieces), len(pieces))
    graph = coo_array((np.ones(len(pairs)), (rows, columns)), shape)
    groups = collections.defaultdict(list)
    for number, group in enumerate(connected_components(graph, directed=False)[1]):
        groups[group].append(number)
    return list(groups.values())
