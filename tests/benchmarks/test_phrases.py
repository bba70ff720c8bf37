"""Translation by phrases, against the definitions and a search of all translations."""

import itertools
import math

import numpy as np
import pytest

import phrases

PAIRS = [
    ("open the file", "ouvrir le fichier"),
    ("close the file", "fermer le fichier"),
    ("open the black file", "ouvrir le fichier noir"),
    ("close the black window", "fermer la fenêtre noir"),
    ("the window", "la fenêtre"),
]
SOURCES, TARGETS = ([text.split() for text in side] for side in zip(*PAIRS, strict=True))


@pytest.fixture(scope="module")
def table():
    return phrases.learn_phrases(SOURCES, TARGETS)


@pytest.fixture(scope="module")
def log_p():
    return phrases.learn_trigrams(TARGETS)


def test_words_are_linked_across_their_order():
    forward = phrases.learn_dictionary(SOURCES, TARGETS)
    backward = phrases.learn_dictionary(TARGETS, SOURCES)
    links = phrases.link_words(SOURCES[2], TARGETS[2], forward, backward)
    assert links == {(0, 0), (1, 1), (2, 3), (3, 2)}


def test_links_grow_from_where_both_dictionaries_agree():
    # "b" is linked with "y" by the one, "c" with "y" by the other: one of them comes along.
    forward = {"a": {"x": 1.0}, "b": {"y": 1.0}, "c": {"y": 0.5}}
    backward = {"x": {"a": 1.0}, "y": {"b": 1.0, "c": 0.9}}
    assert phrases.link_words("abc", "xy", forward, backward) == {(0, 0), (1, 1), (2, 1)}


def test_pairs_of_phrases_are_all_whose_links_stay_inside():
    rng = np.random.default_rng(0)
    for _ in range(20):
        sizes = rng.integers(1, 6, 2)
        places = [*itertools.product(*map(range, sizes))]
        links = {place for place in places if rng.random() < 0.3}
        source, target = (
            [f"{side}{i}" for i in range(n)] for side, n in zip("st", sizes, strict=True)
        )
        spans = (itertools.combinations(range(n + 1), 2) for n in sizes)
        expected = set()
        for (a, b), (c, d) in itertools.product(*spans):
            inside = [(a <= i < b, c <= j < d) for i, j in links]
            if any(map(all, inside)) and all(x == y for x, y in inside):
                expected.add((tuple(source[a:b]), tuple(target[c:d])))
        found = [*phrases.pairs_of_phrases(source, target, links)]
        assert len(found) == len(set(found))
        assert set(found) == expected


def test_shares_of_phrases_are_counted_from_both_sides(table):
    shares = {words: (forward, backward) for words, forward, backward in table[("the",)]}
    # Three times "le", twice "la"; neither is the translation of anything else.
    assert table[("the",)][0][0] == ("le",)
    np.testing.assert_allclose(shares[("le",)], [math.log(3 / 5), 0])
    np.testing.assert_allclose(shares[("la",)], [math.log(2 / 5), 0])


def test_the_longest_phrase_is_taken_and_an_unknown_word_copied(table):
    words = ["close", "the", "black", "file", "zyx"]
    assert phrases.longest_match(words, table) == ["fermer", "le", "fichier", "noir", "zyx"]
    assert phrases.longest_match([], table) == []


def test_trigrams_are_probabilities_of_every_word_and_of_the_end(log_p):
    vocabulary = {word for text in TARGETS for word in text}
    for before in [(None,), (None, "la"), ("le", "fichier"), ("zyx", "noir")]:
        p = sum(math.exp(log_p(before, word)) for word in [*vocabulary, None])
        assert 0.5 < p <= 1  # the rest is for ids that no word has
    assert log_p((None, "la"), "fenêtre") > log_p((None, "le"), "fenêtre")


def all_translations(words, table):
    """Yield every way to cut words into phrases: a list of the translations that are chosen."""
    if not words:
        yield []
    for n in range(1, len(words) + 1):
        phrase = tuple(words[:n])
        copied = [(phrase, phrases.COPIED, phrases.COPIED)] if n == 1 else []
        for option in table.get(phrase, copied):
            for rest in all_translations(words[n:], table):
                yield [option, *rest]


def total(path, log_p, weights):
    written = [word for words, _, _ in path for word in words]
    told = [None, *written]
    score = sum(f + weights["backward"] * b + weights["phrase"] for _, f, b in path)
    for i, word in enumerate([*written, None]):
        score += weights["trigrams"] * log_p(tuple(told[max(0, i - 1) : i + 1]), word)
    return score + weights["word"] * len(written), written


@pytest.mark.parametrize("text", ["close the black file", "open zyx the window", "file"])
def test_the_search_finds_the_best_of_all_translations(table, log_p, text):
    rng = np.random.default_rng(0)
    for _ in range(5):
        weights = dict(zip(("backward", "trigrams"), rng.uniform(0.2, 2, 2), strict=True))
        weights |= dict(zip(("word", "phrase"), rng.normal(size=2), strict=True))
        every = [total(path, log_p, weights) for path in all_translations(text.split(), table)]
        best = max(every)[0]
        found = phrases.best_path(text.split(), table, log_p, weights, beam=1000)
        assert max(score for score, words in every if words == found) == pytest.approx(best)
