"""The memory of a piece, against a search by hand and numbers worked out."""

import numpy as np
import pandas as pd
import pytest

from gru_tf.text import fit_trust, recall_earlier


def by_hand(tokens, context, now, longest):
    """Return run and verdict for one token, from whole slices and the longest run first."""
    for run in range(min(longest, now - 1), 0, -1):
        for then in range(now - 1, run - 1, -1):
            if context[then - run : then] == context[now - run : now]:
                return run, tokens[then] == tokens[now]
    return 0, False


@pytest.mark.parametrize("longest", [1, 3, 16])
def test_the_longest_latest_run_foretells(longest):
    rng = np.random.default_rng(longest)
    for _ in range(20):
        tokens, other = rng.integers(0, 3, (2, 30)).tolist()
        for context in (tokens, list(zip(tokens, other, strict=True))):
            found = recall_earlier(tokens, context, longest)
            expected = [by_hand(tokens, context, now, longest) for now in range(1, 30)]
            assert list(zip(*(part.tolist() for part in found), strict=True)) == expected


def test_nothing_is_known_of_what_comes():
    tokens = np.random.default_rng(0).integers(0, 3, 30).tolist()
    lengths, right = recall_earlier(tokens)
    for end in range(2, 30):
        changed = recall_earlier([*tokens[:end], *(9 - token for token in tokens[end:])])
        assert changed[0][:end].tolist() == lengths[:end].tolist()  # the run before token `end`
        assert changed[1][: end - 1].tolist() == right[: end - 1].tolist()


def test_trust_is_the_share_that_was_right():
    # A model that gives next to nothing: the likeliest weight is the share of right ones.
    right = np.arange(1000) < 700
    lengths = np.full(1000, 2)
    trust = fit_trust(np.full(1000, 1e-6), lengths, right, longest=4)
    np.testing.assert_allclose(trust, [0, 0, 0.7, 0.7, 0.7], atol=0.011)
    assert fit_trust(np.full(1000, 0.9), lengths, np.zeros(1000, bool)).max() == 0


def test_a_series_is_read_in_its_order_whatever_its_index():
    tokens = [1, 5, 6, 7, 5, 6, 7]
    expected = [part.tolist() for part in recall_earlier(tokens)]
    for index in (range(6, -1, -1), list("abcdefg")):
        series = pd.Series(tokens, index=index)
        for arguments in ((series,), (tokens, series)):
            assert [part.tolist() for part in recall_earlier(*arguments)] == expected


def test_lists_and_series_are_trusted_as_arrays_are():
    rng = np.random.default_rng(0)
    arguments = rng.random(200), rng.integers(0, 4, 200), rng.random(200) < 0.6
    expected = fit_trust(*arguments, longest=4)
    assert expected.max() > 0
    for kind in (list, lambda values: pd.Series(values, index=range(199, -1, -1))):
        np.testing.assert_array_equal(fit_trust(*map(kind, arguments), longest=4), expected)


def test_probabilities_are_at_most_one_but_for_rounding():
    lengths, right = [1, 1], [True, False]
    assert fit_trust([1 + 1e-6, 0.5], lengths, right).max() == 0
    with pytest.raises(ValueError, match="probabilities must be numbers from 0 to 1.*up to 1.5"):
        fit_trust([1.5, 0.5], lengths, right)


def test_rows_of_an_array_are_compared_whole():
    tokens, other = np.random.default_rng(0).integers(0, 2, (2, 30))
    pairs = np.stack([tokens, other], axis=1)
    expected = recall_earlier(tokens, list(zip(tokens.tolist(), other.tolist(), strict=True)))
    assert expected[0].max() > 1
    for context in (pairs, list(pairs), pd.DataFrame(pairs)):
        np.testing.assert_array_equal(recall_earlier(tokens, context), expected)


def test_bad_input():
    with pytest.raises(ValueError, match="longest"):
        recall_earlier([1, 2], longest=0)
    with pytest.raises(ValueError, match="context must be as long as tokens, 2. Received: 1"):
        recall_earlier([1, 2], [1])
