"""Word vectors from unlabelled texts: count which words stand near each other, and compress."""

import numpy as np

from gru_tf.checks import check_at_least, check_ids, describe
from gru_tf.text.vocabulary import UNKNOWN


def count_neighbours(x, num_words, window=5):
    """Count how often two words stand near each other, the nearer the more.

    Args:
        x: Word ids, (n, time), right-padded with 0. The ids up to 2, which stand for no
            word, are left out.
        num_words: Ids run from 0 to num_words - 1.
        window: Largest distance counted, in words; a pair d words apart counts 1 / d.

    Returns:
        Symmetric sparse matrix of float64, (num_words, num_words).
    """
    from scipy.sparse import csr_matrix

    check_at_least("num_words", num_words, 1)
    check_at_least("window", window, 1)
    check_ids("x", x, 2, "word ids, (n, time)", below=num_words, least=1)
    x, counts = np.asarray(x), csr_matrix((num_words, num_words))
    for distance in range(1, window + 1):
        a, b = x[:, :-distance].ravel(), x[:, distance:].ravel()
        words = (a > UNKNOWN) & (b > UNKNOWN)
        weights = np.full(words.sum(), 1 / distance)
        counts += csr_matrix((weights, (a[words], b[words])), shape=counts.shape)
    return counts + counts.T


def learn_word_vectors(x, num_words=10_000, dim=64, window=5, seed=0):
    """Learn a vector for each word from the company it keeps: no labels are needed.

    For every two words, the logarithm of how much oftener they stand near each other
    than chance would have it (their positive pointwise mutual information), and the
    best approximation of that matrix by vectors of length dim. Words that are used
    alike, such as *dull* and *boring*, get similar vectors.

    Args:
        x: Word ids, (n, time), right-padded with 0, such as `load_imdb().x_train`.
        num_words: Ids run from 0 to num_words - 1.
        dim: Length of a vector, below num_words.
        window: Two words stand near each other at a distance up to this, in words.
        seed: Seed, an int, of where the computation starts.

    Returns:
        Array of float32, (num_words, dim), of standard deviation 0.1: the weights of an
        `Embedding`. What was never seen has zeros.

    Raises:
        ValueError: If an argument isn't as described, or x holds no two words in a row, or none
            that stand near each other oftener than chance would have it.
        TypeError: If x doesn't hold integers.

    Example:

    >>> vectors = learn_word_vectors(reviews.x_train)  # doctest: +SKIP
    >>> model.get_layer("words").set_weights([vectors])  # doctest: +SKIP

    Source: Levy and Goldberg 2014, Neural word embedding as implicit matrix factorization.
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.linalg import svds

    for name, value, least in [("dim", dim, 1), ("window", window, 1), ("seed", seed, 0)]:
        check_at_least(name, value, least)
    check_at_least("num_words", num_words, 1)
    if dim >= num_words:
        raise ValueError(
            f"dim must be below num_words. Received: dim={dim} and num_words={num_words}."
        )
    check_ids("x", x, 2, "word ids, (n, time)", below=num_words, least=1)
    x = np.asarray(x)
    counts = count_neighbours(x, num_words, window).tocoo()
    if not counts.nnz:
        raise ValueError("x must hold reviews of two words or more. Received none.")
    total = np.bincount(counts.row, counts.data, num_words)
    chance = total**0.75 / (total**0.75).sum()  # the power makes rare neighbours count less
    information = np.log(counts.data / (total[counts.row] * chance[counts.col]))
    positive = information > 0
    if not positive.any():
        raise ValueError(
            "x must hold two words that stand near each other oftener than chance would have it. "
            f"Received: none in {describe(x)}."
        )
    where = counts.row[positive], counts.col[positive]
    matrix = csr_matrix((information[positive], where), shape=counts.shape)
    start = np.random.default_rng(seed).normal(size=num_words)
    left, sizes, _ = svds(matrix, k=dim, v0=start)
    vectors = left * np.sqrt(sizes)
    vectors[total == 0] = 0.0
    return (0.1 / vectors.std() * vectors).astype("float32")
