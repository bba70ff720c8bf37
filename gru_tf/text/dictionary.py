"""A dictionary learnt from pairs of texts: which word of one language stands for which."""

import collections

import numpy as np

from gru_tf.checks import check_at_least, check_list, check_words


def learn_dictionary(sources, targets, iterations=10):
    """Learn how probable each target word is as the translation of each source word.

    IBM's model 1: each target word of a pair comes from one of its source words, all of them
    equally probable beforehand. Which one, isn't known; so what is counted is how probable each
    is under the dictionary so far, and from these counts comes the next dictionary.

    Args:
        sources: Lists of words, one a text.
        targets: Lists of words: the translation of each.
        iterations: Number of times that the dictionary is made anew. At first it takes all
            words that were seen together as equally probable.

    Returns:
        A dict of dicts: source word -> {target word: probability}, the most probable first.

    Raises:
        ValueError: If sources and targets differ in number, there are none, or iterations is
            below 1.
        TypeError: If a text is a str that isn't split into words.

    Example:

    >>> pairs = [("das Haus", "the house"), ("das Buch", "the book"), ("ein Buch", "a book")]
    >>> german, english = ([text.split() for text in texts] for texts in zip(*pairs))
    >>> [next(iter(learn_dictionary(german, english)[word])) for word in ("das", "Haus")]
    ['the', 'house']

    Source: Brown et al. 1993, The mathematics of statistical machine translation, section 4.1;
    here without the empty source word.
    """
    check_at_least("iterations", iterations, 1)
    check_list("sources", sources, "lists of words", least=0)
    check_list("targets", targets, "lists of words", least=0)
    check_words("sources", sources, letters=False)
    check_words("targets", targets, letters=False)
    if len(sources) != len(targets) or not len(sources):
        raise ValueError(
            "sources and targets must be as many texts, at least one. "
            f"Received: {len(sources)} and {len(targets)}."
        )
    p = collections.defaultdict(lambda: collections.defaultdict(lambda: 1.0))
    for _ in range(iterations):
        counts = collections.defaultdict(collections.Counter)
        for source, target in zip(sources, targets, strict=True):
            for word in target:
                shares = np.array([p[other][word] for other in source])
                for other, share in zip(source, shares / shares.sum(), strict=True):
                    counts[other][word] += float(share)
        p = {
            word: {other: n / count.total() for other, n in count.most_common()}
            for word, count in counts.items()
        }
    return p
