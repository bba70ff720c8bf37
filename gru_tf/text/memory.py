"""The memory of a piece: what came next the last time that the same few tokens stood there."""

import numpy as np

from gru_tf.checks import (
    check_array,
    check_at_least,
    check_ids,
    check_list,
    check_probabilities,
    describe,
)


def recall_earlier(tokens, context=None, longest=16):
    """Say of each token whether the piece itself foretold it.

    For each token, the tokens before it are looked up further back in the piece: the longest
    run that stood there too, the latest if there are several. What followed then is foretold.

    Args:
        tokens: Sequence, (n_tokens,), with a first token that is read and never foretold.
        context: Sequence, (n_tokens,), of what is compared, such as pairs of pitch and length,
            or an array, (n_tokens, ...), whose rows are, or None for the tokens.
        longest: Runs longer than this count as this long, at least 1.

    Returns:
        Two arrays, (n_tokens - 1,): the length of the run, 0 if there is none, and whether
        what it foretold is what came.

    Raises:
        ValueError: If longest is below 1, or tokens and context differ in length.

    Example:

    >>> lengths, right = recall_earlier([1, 5, 6, 7, 5, 6, 7])
    >>> lengths.tolist(), right.tolist()
    ([0, 0, 0, 0, 1, 2], [False, False, False, False, True, True])

    Source: Conklin and Witten 1995, Multiple viewpoint systems for music prediction: the
    short-term model. This one keeps a single continuation.
    """
    check_at_least("longest", longest, 1)
    check_list("tokens", tokens, "a sequence, (n_tokens,)")
    check_list("context", tokens if context is None else context, "a sequence, as long as tokens")
    if getattr(tokens, "ndim", 1) != 1:
        raise ValueError(f"tokens must be (n_tokens,). Received: {describe(tokens)}.")
    tokens = _as_plain_list(tokens)
    context = tokens if context is None else _as_plain_list(context)
    if len(context) != len(tokens):
        raise ValueError(
            f"context must be as long as tokens, {len(tokens)}. Received: {len(context)}."
        )
    lengths, right = np.zeros(len(tokens) - 1, "int64"), np.zeros(len(tokens) - 1, bool)
    for now in range(1, len(tokens)):
        for then in range(now - 1, 0, -1):
            run, most = 0, min(longest, then)
            while run < most and context[then - 1 - run] == context[now - 1 - run]:
                run += 1
            if run > lengths[now - 1]:
                lengths[now - 1], right[now - 1] = run, tokens[then] == tokens[now]
    return lengths, right


def fit_trust(probabilities, lengths, right, longest=16, n_least=20):
    """Choose how far each length of run is trusted, on data that is not for testing.

    Args:
        probabilities: Array, (n,): what a model gave to each token that came.
        lengths, right: Arrays, (n,), as of `recall_earlier`.
        longest: As for `recall_earlier`.
        n_least: A length seen less often has the trust of the length before.

    Returns:
        Array, (longest + 1,), by length: the weight of what the run foretold, from 0 to 0.98,
        under which the tokens are likeliest. The model has the rest.

    Raises:
        ValueError: If a probability isn't from 0 to 1, or the three differ in length.
    """
    check_at_least("longest", longest, 1)
    check_at_least("n_least", n_least, 1)
    for name, values in [("probabilities", probabilities), ("lengths", lengths), ("right", right)]:
        check_array(name, values, 1, "(n,)")
    check_probabilities("probabilities", probabilities, whole=False)
    check_ids("lengths", lengths)
    check_array("right", right, kinds="b")
    if not len(probabilities) == len(lengths) == len(right):
        raise ValueError(
            "probabilities, lengths and right must be as many. "
            f"Received: {len(probabilities)}, {len(lengths)} and {len(right)}."
        )
    probabilities, lengths, right = map(np.asarray, (probabilities, lengths, right))
    trust, weights = np.zeros(longest + 1), np.linspace(0, 0.98, 50)[:, None]
    for length in range(1, longest + 1):
        seen = lengths == length
        if seen.sum() < n_least:
            trust[length] = trust[length - 1]
            continue
        mixed = (1 - weights) * probabilities[seen] + weights * right[seen]
        trust[length] = weights[np.log(mixed).sum(axis=1).argmax(), 0]
    return trust


def _as_plain_list(values):
    """Return a list, whose places count from 0, and whose items are compared as a whole."""
    if not isinstance(values, list | tuple | range):
        values = np.asarray(values)
    return [value.tolist() if hasattr(value, "tolist") else value for value in values]
