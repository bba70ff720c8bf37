"""Texts for a GRU: words and their ids, a tokeniser inside a model, word vectors, n-grams."""

from gru_tf.text.layer import TextToWordIds, read_texts
from gru_tf.text.ngrams import NGrams
from gru_tf.text.vectors import count_neighbours, learn_word_vectors
from gru_tf.text.vocabulary import (
    END,
    FIRST_WORD,
    PADDING,
    START,
    UNKNOWN,
    ids_to_words,
    index_words,
    tokenise,
    words_to_ids,
)

__all__ = [
    "END",
    "FIRST_WORD",
    "NGrams",
    "PADDING",
    "START",
    "UNKNOWN",
    "TextToWordIds",
    "count_neighbours",
    "ids_to_words",
    "index_words",
    "learn_word_vectors",
    "read_texts",
    "tokenise",
    "words_to_ids",
]
