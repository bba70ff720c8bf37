"""Search for the most probable text, one word after the other."""

import numpy as np

from gru_tf.checks import check_at_least, check_function, check_number, check_states


def greedy_search(step, states, start, end, max_steps):
    """Write a text for each row by taking the most probable word at every step.

    Args:
        step: A function of words, int (rows,), and states; it returns the logarithm of the
            probability of each next word, (rows, words), and the states after it.
        states: A list of arrays, with one row a text.
        start: Id of the word before the first one.
        end: Id of the word that ends a text.
        max_steps: Most words written, the one that ends the text included.

    Returns:
        A list of lists of int: the words of each text, without `end`.

    Raises:
        ValueError: If max_steps is below 1, or end isn't the id of one of step's words.
    """
    check_at_least("max_steps", max_steps, 1)
    check_function("step", step, "a function of words and states")
    check_states("states", states)
    check_at_least("start", start, 0)
    check_at_least("end", end, 0)
    n = len(states[0])
    words, written = np.full(n, start), [[] for _ in range(n)]
    open_texts = np.ones(n, bool)
    for _ in range(max_steps):
        log_p, states = step(words, states)
        log_p = np.asarray(log_p)
        check_at_least("end", end, 0, most=log_p.shape[1] - 1)
        words = log_p.argmax(axis=1)
        open_texts &= words != end
        if not open_texts.any():
            break
        for i in np.flatnonzero(open_texts):
            written[i].append(int(words[i]))
    return written


def beam_search(step, states, start, end, max_steps, beam=4, length_penalty=0.0):
    """Write a text for each row by following the best few beginnings at once.

    A text of n words, with the one that ends it, and of probability p has the score
    log p / ((5 + n) / 6) ** length_penalty: the larger the penalty, the less is lost by going on.
    What has no end after max_steps words is scored as it stands.

    Args:
        step, states, start, end, max_steps: As for `greedy_search`.
        beam: Number of beginnings that are followed.
        length_penalty: From 0, by which the probability alone decides.

    Returns:
        A list of lists of int: of each text the words of the best that was found, without `end`.
        And an array of their scores, (rows,).

    Raises:
        ValueError: If beam or max_steps is below 1, length_penalty below 0, or end isn't the id of
            one of step's words.

    Source: Wu et al. 2016, arXiv:1609.08144, equation 14, for the score.
    """
    check_at_least("max_steps", max_steps, 1)
    check_at_least("beam", beam, 1)
    check_function("step", step, "a function of words and states")
    check_states("states", states)
    check_at_least("start", start, 0)
    check_at_least("end", end, 0)
    check_number("length_penalty", length_penalty, least=0)

    def score(total, n):
        return total / ((5 + n) / 6) ** length_penalty

    n_texts = len(states[0])
    # Row by row the beginnings of the first text, then those of the second. At first all are
    # alike, so that one of each text counts.
    states = [np.repeat(np.asarray(state), beam, axis=0) for state in states]
    words, beginnings = np.full(n_texts * beam, start), [()] * (n_texts * beam)
    totals = np.tile([0.0] + [-np.inf] * (beam - 1), n_texts)  # logarithms of probabilities
    best, best_scores = [()] * n_texts, np.full(n_texts, -np.inf)
    for n in range(1, max_steps + 1):
        log_p, states = step(words, states)
        log_p = totals[:, None] + np.asarray(log_p, "float64")
        check_at_least("end", end, 0, most=log_p.shape[1] - 1)
        if n == max_steps:  # everything ends here
            ended, ending = log_p.max(axis=1), log_p.argmax(axis=1)
        else:
            ended, ending = log_p[:, end].copy(), np.full(len(log_p), end)
        for row in np.argsort(-ended):
            text = row // beam
            if score(ended[row], n) > best_scores[text]:
                best_scores[text] = score(ended[row], n)
                last = () if ending[row] == end else (int(ending[row]),)
                best[text] = beginnings[row] + last
        log_p[:, end] = -np.inf
        by_text = log_p.reshape(n_texts, -1)
        first = np.argsort(-by_text, axis=1, kind="stable")[:, :beam]
        totals = np.take_along_axis(by_text, first, axis=1).ravel()
        rows = (first // log_p.shape[1] + np.arange(n_texts)[:, None] * beam).ravel()
        words = (first % log_p.shape[1]).ravel()
        beginnings = [(*beginnings[row], int(word)) for row, word in zip(rows, words, strict=True)]
        states = [np.asarray(state)[rows] for state in states]
        # A probability can only fall, so the best that may still come is what stands now.
        if (score(totals.reshape(n_texts, beam)[:, 0], max_steps) <= best_scores).all():
            break
    return [list(text) for text in best], best_scores
