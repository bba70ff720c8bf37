"""Word vectors against counts by hand, a dense decomposition, and words that mean the same."""

import numpy as np
import pytest

from gru_tf.datasets import load_imdb
from gru_tf.text import count_neighbours, learn_word_vectors

RNG = np.random.default_rng(0)


def test_neighbours_are_counted_the_nearer_the_more():
    x = np.array([[1, 4, 5, 4, 6, 0], [5, 2, 6, 0, 0, 0]])
    found = count_neighbours(x, 7, window=2).toarray()
    # 4-5 and 5-4 side by side; 4-4 and 5-6 two apart; 4-6 side by side; in the second 5-6 two apart
    expected = np.zeros((7, 7))
    for a, b, weight in [(4, 5, 1), (5, 4, 1), (4, 6, 1), (4, 4, 0.5), (5, 6, 0.5), (5, 6, 0.5)]:
        expected[a, b] += weight
        expected[b, a] += weight
    np.testing.assert_allclose(found, expected)
    np.testing.assert_allclose(count_neighbours(x.tolist(), 7, window=2).toarray(), expected)


def test_vectors_equal_a_dense_decomposition():
    x = RNG.zipf(1.5, (200, 30)) % 40
    n = count_neighbours(x, 40).toarray()
    p = n / n.sum()
    chance = n.sum(axis=1) ** 0.75
    with np.errstate(divide="ignore", invalid="ignore"):
        information = np.log(p / np.outer(p.sum(axis=1), chance / chance.sum()))
    left, sizes, _ = np.linalg.svd(np.where(information > 0, information, 0))
    expected = (left * np.sqrt(sizes))[:, :5]
    found = learn_word_vectors(x, 40, dim=5)
    assert found.dtype == np.float32
    assert found.std() == pytest.approx(0.1)
    # Each coordinate up to its sign and order: what counts is the product of two words.
    np.testing.assert_allclose(
        found @ found.T / np.linalg.norm(found) ** 2,
        expected @ expected.T / np.linalg.norm(expected) ** 2,
        atol=1e-5,
    )
    np.testing.assert_array_equal(found, learn_word_vectors(x, 40, dim=5))


def test_words_used_alike_get_similar_vectors():
    reviews = load_imdb(num_words=3000, maxlen=200)
    vectors = learn_word_vectors(reviews.x_train[:8000], 3000, dim=32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9

    def likeness(a, b):
        return vectors[reviews.word_index[a]] @ vectors[reviews.word_index[b]]

    assert likeness("boring", "dull") > 0.7 > 0.5 > likeness("boring", "actor")
    assert likeness("wonderful", "great") > likeness("wonderful", "terrible") + 0.1
    np.testing.assert_array_equal(vectors[:3], 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dim": 0}, "dim must be .* Received: 0"),
        (
            {"num_words": 5, "dim": 5},
            "dim must be below num_words. Received: dim=5 and num_words=5",
        ),
        ({"window": 1.5}, "window must be"),
        ({"x": [[1, 60]]}, "x must hold ids .* below 50. Received: 1 to 60"),
        ({"x": [[1.0, 2.0]]}, "x must hold integers"),
        ({"x": [[1, 4, 0]]}, "two words or more"),
        ({"x": [[3, 3, 3]]}, "x must hold two words that stand near each other oftener than"),
    ],
)
def test_what_is_wrong_is_named(arguments, message):
    given = {"x": [[1, 4, 5, 6]], "num_words": 50, "dim": 2} | arguments
    with pytest.raises((ValueError, TypeError), match=message):
        learn_word_vectors(**given)
