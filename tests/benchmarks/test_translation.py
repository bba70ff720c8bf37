"""The opponents of the translators, against a recursion written otherwise and cases by hand."""

import functools

import numpy as np
import pytest

import translation


def distance(a, b):
    """Return the number of changes from the definition, one pair at a time."""

    @functools.cache
    def from_here(i, j):
        if i == len(a) or j == len(b):
            return len(a) - i + len(b) - j
        kept = from_here(i + 1, j + 1) + (a[i] != b[j])
        return min(kept, from_here(i + 1, j) + 1, from_here(i, j + 1) + 1)

    return from_here(0, 0)


def test_edit_distances_of_all_pairs():
    rng = np.random.default_rng(0)
    parts = [[rng.integers(1, 5, n) for n in rng.integers(1, 8, 30)] for _ in range(2)]
    a, b = (np.array([np.pad(row, (0, 8 - len(row))) for row in part]) for part in parts)
    expected = [
        [distance(tuple(x), tuple(y)) / max(len(x), len(y)) for y in parts[1]] for x in parts[0]
    ]
    np.testing.assert_allclose(translation.edit_distances(a, b), expected)


@pytest.fixture(scope="module")
def data():
    return {"x_train": ["open the file", "close it"], "y_train": ["ouvrir le fichier", "fermer"]}


def test_the_memory_returns_the_translation_of_the_nearest(data):
    found, far = translation.by_memory(["open a file", "close it"], data)
    assert found == data["y_train"]
    # Each text has its end as one more word.
    np.testing.assert_allclose(far, [1 / 4, 0])


def test_words_are_translated_one_by_one_and_unknown_ones_copied(data):
    data = {"x_train": ["a b", "a"], "y_train": ["un deux", "un"]}
    assert translation.by_words(["b a zyx"], data) == ["deux un zyx"]


def test_cut_and_join():
    assert translation.tidy("L\u2019\u00c9diteur  de\u00a0Texte") == "l'\u00e9diteur de texte"
    assert translation.cut("l'\u00e9diteur (git).") == ["l'", "\u00e9diteur", "(", "git", ")", "."]
    assert translation.join(["l'", "\u00e9diteur", "git"]) == "l'\u00e9diteur git"


def test_copying_the_reference_scores_100():
    texts = ["ouvrir le fichier de configuration", "fermer tous les onglets ouverts"]
    assert translation.scores(texts, texts) == {"bleu": 100.0, "chrf": 100.0}


def test_attention_that_cannot_choose_stays_so():
    words = {i: i for i in range(4, 10)}
    rng = np.random.default_rng(0)
    x = y = np.pad(rng.integers(4, 10, (64, 3)), ((0, 0), (0, 1)), constant_values=translation.END)
    x = np.pad(x, ((0, 0), (0, 2)))  # padding must not count in the mean
    settings = dict(epochs=3, batch_size=32, learning_rate=0.01, units=5)
    model = translation.train(translation.build_with_mean, words, words, x, y, **settings)
    start = np.full(len(x), translation.START)
    _, _, weights = translation.decode_step(model, start, translation.encode(model, x))
    np.testing.assert_allclose(weights, np.tile([1 / 4] * 4 + [0] * 2, (len(x), 1)), atol=1e-6)


def test_the_wider_control_has_as_many_weights_as_attention():
    sizes = 1000, 1300  # about those of the French
    wider = translation.build_wider(*sizes, units=128).count_params()
    assert wider == pytest.approx(
        translation.build_attention_translator(*sizes, units=128).count_params(), rel=0.02
    )
