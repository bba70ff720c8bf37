"""Texts from a language model: narrow what may come next, draw, go on; and what was copied."""

import numpy as np

from gru_tf.checks import (
    check_at_least,
    check_id_lists,
    check_ids,
    check_model,
    check_number,
    check_probabilities,
    describe,
)
from gru_tf.text.vocabulary import END, PADDING, START


def narrow(probabilities, temperature=1.0, top_k=None, top_p=None):
    r"""Change a distribution before a token is drawn from it.

    Args:
        probabilities: Array, (..., num_tokens).
        temperature: Each probability is raised to the power 1 / temperature: below 1 the likely
            ones gain, above 1 the unlikely ones. Above 0.
        top_k: Number of the likeliest tokens that are kept, or None for all.
        top_p: The fewest tokens are kept whose probabilities sum to top_p or more, after
            temperature and top_k, in (0, 1], or None for all.

    Returns:
        Array of float64 of the same shape, of which each row sums to 1.

    Raises:
        ValueError: If an argument isn't one of those above.

    Example:

    >>> narrow([0.5, 0.3, 0.2], top_k=2).round(3).tolist()
    [0.625, 0.375, 0.0]

    Source: Holtzman et al. 2020, The curious case of neural text degeneration, arXiv:1904.09751.
    """
    check_number("temperature", temperature, above=0)
    check_number("top_p", 1 if top_p is None else top_p, above=0, most=1)
    check_probabilities("probabilities", probabilities)
    if top_k is not None:
        check_at_least("top_k", top_k, 1)
    p = np.asarray(probabilities, dtype="float64")
    with np.errstate(divide="ignore"):  # the logarithm of 0 is -inf, and its power 0 again
        logs = np.log(p) / temperature
    p = _normalise(np.exp(logs - logs.max(axis=-1, keepdims=True)))
    if top_k is None and top_p is None:
        return p
    order = np.argsort(-p, axis=-1, kind="stable")
    ranked = np.take_along_axis(p, order, axis=-1)
    if top_k is not None:
        ranked[..., top_k:] = 0.0
    if top_p is not None:
        ranked = _normalise(ranked)
        before = np.cumsum(ranked, axis=-1) - ranked
        ranked[before >= top_p] = 0.0
    kept = np.empty_like(p)
    np.put_along_axis(kept, order, ranked, axis=-1)
    return _normalise(kept)


def sample_texts(
    model,
    n=1,
    max_length=200,
    temperature=1.0,
    top_k=None,
    top_p=None,
    start=START,
    end=END,
    never=(),
    seed=0,
):
    """Draw texts from a language model, token by token.

    The state goes from step to step, so that no token is read twice.

    Args:
        model: A model as `build_language_model` makes, with any recurrent layer: layers named
            embedding, gru and next_token.
        n: Number of texts.
        max_length: Largest number of tokens of a text, its end included.
        temperature, top_k, top_p: As for `narrow`.
        start: The first token, which is read and not part of the result; 1 in this package.
        end: The token that ends a text; 3 in this package.
        never: Tokens that are never drawn, such as `UNKNOWN`. Padding, 0, and the start never
            are.
        seed: Seed, an int, of the draws.

    Returns:
        A list of n lists of ids. Each ends before the first `end`.

    Raises:
        ValueError: If an argument isn't one of those above, or never leaves no token to draw.

    Example:

    >>> sample_texts(model, n=2, temperature=0.5)  # doctest: +SKIP
    """
    check_at_least("n", n, 1)
    check_at_least("max_length", max_length, 1)
    narrow([1.0], temperature, top_k, top_p)  # refuses what it can't use, before work starts
    check_at_least("seed", seed, 0)
    check_model("model", model, ("embedding", "gru", "next_token"))
    num_tokens = model.get_layer("next_token").units
    check_at_least("start", start, 0, most=num_tokens - 1)
    check_at_least("end", end, 0, most=num_tokens - 1)
    check_ids("never", never, below=num_tokens)
    silent = [PADDING, start, *never]
    if len(set(map(int, silent))) == num_tokens:
        raise ValueError(
            "never must leave a token that can be drawn, beside padding and the start. "
            f"Received: {describe(never)}, of {num_tokens} tokens."
        )
    step, rng = one_step(model), np.random.default_rng(seed)
    state = model.get_layer("gru").cell.get_initial_state(n)
    tokens, drawn = np.full(n, start, dtype="int32"), []
    for _ in range(max_length):
        p, state = step(tokens, state)
        p = np.array(p)
        p[:, silent] = 0.0
        cumulated = np.cumsum(narrow(p, temperature, top_k, top_p), axis=-1)
        # The first token whose cumulated probability is above a number drawn from 0 to 1.
        tokens = (cumulated / cumulated[:, -1:] <= rng.random((n, 1))).sum(axis=-1).astype("int32")
        drawn.append(tokens)
        if (np.array(drawn) == end).any(axis=0).all():
            break
    texts = np.stack(drawn, axis=1).tolist()
    return [text[: text.index(end)] if end in text else text for text in texts]


def one_step(model):
    """Return a function that reads one token of each text with the weights of a language model.

    Args:
        model: As for `sample_texts`.

    Returns:
        A function from tokens (batch,) and states (batch, units) to the probability of each
        token to be the next, (batch, num_tokens), and the new states. Of a layer that has several
        states, such as an LSTM, they are a list, as its cell's `get_initial_state` gives.
    """
    import tensorflow as tf

    check_model("model", model, ("embedding", "gru", "next_token"))
    embedding, gru, output = map(model.get_layer, ("embedding", "gru", "next_token"))

    @tf.function(reduce_retracing=True)
    def step(tokens, state):
        states = state if isinstance(state, (list, tuple)) else [state]
        h, states = gru.cell(tf.gather(embedding.embeddings, tokens), states)
        return output(h), states if isinstance(state, (list, tuple)) else states[0]

    return step


def longest_copy(sequence, sequences):
    """Return the longest run of tokens of a sequence that stands in one of others, too.

    Args:
        sequence: A list of ids from 0 to 100,000.
        sequences: Lists of ids, such as what a model was trained on.

    Returns:
        A list of ids: the first of the longest runs.

    Example:

    >>> longest_copy([4, 5, 6, 7], [[9, 5, 6], [6, 7, 5]])
    [5, 6]
    """
    check_ids("sequence", sequence, below=100_001)
    check_id_lists("sequences", sequences, below=100_001, least=0)
    # One character an id: Python finds a text within a text fast. Code points of 0xE000 and
    # above skip those that stand for no character.
    text, corpus = _as_text(sequence), "\x00".join(map(_as_text, sequences))
    begin, best = 0, ""
    for end in range(1, len(text) + 1):
        while text[begin:end] not in corpus:
            begin += 1
        if end - begin > len(best):
            best = text[begin:end]
    return [ord(character) - 0xE000 for character in best]


def _as_text(ids):
    return "".join(chr(0xE000 + int(token)) for token in ids)


def _normalise(p):
    return p / p.sum(axis=-1, keepdims=True)
