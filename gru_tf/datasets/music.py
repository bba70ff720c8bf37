"""Melodies, note by note."""

import dataclasses

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
    settings of one melody: a test of what a model can say of a melody that it has never
    seen must keep such pieces in one part.

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
