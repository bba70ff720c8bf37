"""Words and their ids: how a text is cut into words, and which ids stand for no word.

The ids are Keras': words follow from `FIRST_WORD` on, the most frequent first.
"""

import collections
import itertools
import re

import numpy as np

from gru_tf.checks import check_at_least, check_ids, check_instance, check_words

# 0 pads, 1 starts a text, 2 stands for a word outside the vocabulary, and 3 ends a text, where a
# model has to say that it ends: the reviews don't have it.
PADDING, START, UNKNOWN, END, FIRST_WORD = range(5)

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def tokenise(text):
    """Return the words of a text in lower case: letters and digits, with apostrophes inside."""
    check_instance("text", text, str, "a str")
    return _WORD.findall(text.replace("<br />", " ").replace("\u2019", "'").lower())


def index_words(texts, size):
    """Give each of the most frequent words its id.

    Args:
        texts: Lists of words. A str counts as the list of its letters.
        size: Ids run from 0 to size - 1.

    Returns:
        A dict from word to id; of words that are as frequent, the alphabet's first comes first.
    """
    check_words("texts", texts)
    check_at_least("size", size, FIRST_WORD + 1)
    counts = collections.Counter(itertools.chain.from_iterable(texts))
    most_frequent = sorted(counts, key=lambda word: (-counts[word], word))
    return {word: i for i, word in enumerate(most_frequent[: size - FIRST_WORD], FIRST_WORD)}


def check_word_index(word_index):
    """Raise a TypeError or a ValueError unless each word has an id of its own, from 4 on."""
    if not isinstance(word_index, dict):
        raise TypeError(f"word_index must be a dict or None. Received: {word_index!r}.")
    for word, word_id in word_index.items():
        whole = isinstance(word_id, int | np.integer) and not isinstance(word_id, bool)
        if not isinstance(word, str) or not whole:
            raise TypeError(f"word_index must go from str to int. Received: {word!r}: {word_id!r}.")
        if not FIRST_WORD <= word_id < 2**31:
            raise ValueError(
                f"The ids of word_index must be from {FIRST_WORD} to 2**31 - 1, as those below "
                f"stand for no word. Received: {word!r}: {word_id}."
            )
    if len(set(word_index.values())) < len(word_index):
        raise ValueError("word_index must give each word an id of its own. Received some twice.")


def words_to_ids(texts, word_index):
    """Return a list of ids for each list of words, with that of the start before them.

    A str counts as the list of its letters: split a text first.
    """
    check_words("texts", texts)
    check_instance("word_index", word_index, dict, "a dict from word to id")
    for word, word_id in word_index.items():
        if not isinstance(word_id, int | np.integer) or isinstance(word_id, bool):
            raise TypeError(f"word_index must go from str to int. Received: {word!r}: {word_id!r}.")
    find = word_index.get
    return [[START, *(find(word, UNKNOWN) for word in words)] for words in texts]


def ids_to_words(ids, word_index):
    """Return the words of one list of ids, "?" for what is outside the vocabulary."""
    check_ids("ids", ids)
    check_instance("word_index", word_index, dict, "a dict from word to id")
    words = {word_id: word for word, word_id in word_index.items()}
    silent = (PADDING, START, END)
    return [words.get(int(word_id), "?") for word_id in ids if word_id not in silent]
