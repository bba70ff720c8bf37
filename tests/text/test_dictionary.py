"""IBM model 1 against an enumeration of all alignments, and against a textbook's numbers."""

import itertools

import numpy as np
import pandas as pd
import pytest

from gru_tf.text import learn_dictionary

GERMAN = [["das", "Haus"], ["das", "Buch"], ["ein", "Buch"]]
ENGLISH = [["the", "house"], ["the", "book"], ["a", "book"]]


def by_enumeration(sources, targets, iterations):
    """Return the dictionary from the probability of every whole alignment of every pair."""
    words = {word for text in sources for word in text}, {word for text in targets for word in text}
    p = dict.fromkeys(itertools.product(*words), 1.0)
    for _ in range(iterations):
        counts = dict.fromkeys(p, 0.0)
        for source, target in zip(sources, targets, strict=True):
            alignments = list(itertools.product(source, repeat=len(target)))
            weights = np.array(
                [np.prod([p[pair] for pair in zip(a, target, strict=True)]) for a in alignments]
            )
            for alignment, weight in zip(alignments, weights / weights.sum(), strict=True):
                for pair in zip(alignment, target, strict=True):
                    counts[pair] += weight
        total = {a: sum(counts[a, b] for b in words[1]) for a in words[0]}
        p = {(a, b): counts[a, b] / total[a] for a, b in p}
    return p


@pytest.mark.parametrize("iterations", [1, 2, 5])
def test_it_equals_an_enumeration_of_all_alignments(iterations):
    rng = np.random.default_rng(iterations)
    sources = [[str(word) for word in rng.integers(0, 6, n)] for n in rng.integers(1, 4, 12)]
    targets = [[str(word) for word in rng.integers(0, 6, n)] for n in rng.integers(1, 4, 12)]
    found = learn_dictionary(sources, targets, iterations)
    for (a, b), p in by_enumeration(sources, targets, iterations).items():
        assert found[a].get(b, 0) == pytest.approx(p)


def test_the_textbook_s_example():
    # Koehn 2010, Statistical Machine Translation, figure 4.4: after one, two and three rounds
    expected = [(0.5, 0.25), (0.6364, 0.1818), (0.7479, 0.1208)]
    for iterations, (the, book) in enumerate(expected, 1):
        das = learn_dictionary(GERMAN, ENGLISH, iterations)["das"]
        assert das["the"] == pytest.approx(the, abs=5e-5)
        assert das["book"] == pytest.approx(book, abs=5e-5)


def test_the_most_probable_word_comes_first_and_the_sum_is_one():
    for row in learn_dictionary(GERMAN, ENGLISH).values():
        assert list(row.values()) == sorted(row.values(), reverse=True)
        assert sum(row.values()) == pytest.approx(1)


@pytest.mark.parametrize("kind", [list, tuple, pd.Series, np.array])
def test_texts_that_are_not_split_are_refused(kind):
    texts = kind(["das Haus", "das Buch", "ein Buch"])
    with pytest.raises(TypeError, match="sources must be .* split. Received in it: .*das Haus"):
        learn_dictionary(texts, ENGLISH)
    with pytest.raises(TypeError, match="targets must be .* split. Received in it: .*das Haus"):
        learn_dictionary(GERMAN, texts)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((GERMAN, ENGLISH[:2]), "as many texts, at least one. Received: 3 and 2"),
        (([], []), "Received: 0 and 0"),
        ((GERMAN, ENGLISH, 0), "iterations must be .* Received: 0"),
    ],
)
def test_a_wrong_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        learn_dictionary(*arguments)
