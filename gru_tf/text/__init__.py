"""Texts for a GRU: words and their ids, a tokeniser inside a model, word vectors."""

from gru_tf.text.layer import TextToWordIds, read_texts
from gru_tf.text.vectors import count_neighbours, learn_word_vectors
from gru_tf.text.vocabulary import tokenise, words_to_ids

__all__ = [
    "TextToWordIds",
    "count_neighbours",
    "learn_word_vectors",
    "read_texts",
    "tokenise",
    "words_to_ids",
]
