"""Words and their ids: how a text is cut into words, and which ids stand for no word."""

import re

# Keras' ids: 0 pads, 1 starts a review, 2 stands for a word outside the vocabulary, and 3 is free.
START, UNKNOWN, FIRST_WORD = 1, 2, 4

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def tokenise(text):
    """Return the words of a text in lower case: letters and digits, with apostrophes inside."""
    return _WORD.findall(text.replace("<br />", " ").replace("\u2019", "'").lower())


def words_to_ids(texts, word_index):
    """Return a list of ids for each list of words."""
    find = word_index.get
    return [[START, *(find(word, UNKNOWN) for word in words)] for words in texts]
