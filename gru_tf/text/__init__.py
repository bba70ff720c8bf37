"""Texts for a GRU: words and ids, a tokeniser in a model, vectors, language models, search."""

from gru_tf.text.decoding import beam_search, greedy_search
from gru_tf.text.dictionary import learn_dictionary
from gru_tf.text.layer import TextToWordIds, read_texts
from gru_tf.text.memory import fit_trust, recall_earlier
from gru_tf.text.ngrams import NGrams
from gru_tf.text.perplexity import Perplexity, log_probabilities
from gru_tf.text.sampling import longest_copy, narrow, one_step, sample_texts
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
    "PADDING",
    "START",
    "UNKNOWN",
    "NGrams",
    "Perplexity",
    "TextToWordIds",
    "beam_search",
    "count_neighbours",
    "fit_trust",
    "greedy_search",
    "ids_to_words",
    "index_words",
    "learn_dictionary",
    "learn_word_vectors",
    "log_probabilities",
    "longest_copy",
    "narrow",
    "one_step",
    "read_texts",
    "recall_earlier",
    "sample_texts",
    "tokenise",
    "words_to_ids",
]
