"""What is measured of samples, on cases by hand."""

import language
from gru_tf.text import UNKNOWN


def test_unknown_words_match_nothing_when_copies_are_measured():
    train = [[5, 6, UNKNOWN, 7, 8], [9, 5]]
    assert language.copied([[5, 6, UNKNOWN, 7]], train) == 2  # 5 6, and not all four
    assert language.copied([[7, 8], [9, 9]], train) == 1.5
