"""N-grams: what comes next, from counts of what came after the same few tokens."""

import numpy as np

from gru_tf.checks import check_at_least, check_id_lists, check_ids, check_one_of


class NGrams:
    r"""Probabilities of the next token by counting: the opponent of a language model.

    A model of order n looks at the n - 1 tokens before. What it has seen after them is mixed
    with what it has seen after one token less, and so on down to all tokens being as likely:

    $$p_n(w \mid h) = \frac{\max(c(hw) - d,\, 0)}{c(h)} + \lambda(h)\, p_{n-1}(w \mid h')$$

    `"kneser-ney"` discounts each count by d, one of three numbers, for counts of 1, of 2, and of
    more, and counts in the lower orders not how often a token was seen but after how many
    different tokens. `"witten-bell"` has no d, and gives the lower orders the more weight, the
    more different tokens were seen after h: the first part is c(hw) / (c(h) + n(h)), with n(h)
    of these tokens.

    Args:
        order: The highest order, at least 1. After tokens that were never seen, as are more than
            the longest sequence has, the lower orders decide alone.
        n_tokens: Tokens are ids from 0 to n_tokens - 1.
        smoothing: `"kneser-ney"` or `"witten-bell"`.

    Raises:
        ValueError: If an argument isn't one of those above.

    Example:

    >>> model = NGrams(order=2, n_tokens=6).fit([[1, 4, 5, 4, 5], [1, 4, 4, 5]])
    >>> model.distribution([1, 4]).argmax().item()
    5

    Source: Chen and Goodman 1999, An empirical study of smoothing techniques for language
    modeling: interpolated Witten-Bell, and interpolated Kneser-Ney with three discounts.
    """

    def __init__(self, order, n_tokens, smoothing="kneser-ney"):
        check_at_least("order", order, 1)
        check_at_least("n_tokens", n_tokens, 1)
        check_one_of("smoothing", smoothing, ("kneser-ney", "witten-bell"))
        self.order, self.n_tokens, self.smoothing = order, n_tokens, smoothing
        self.contexts = self.grams = None  # nothing is counted yet

    def fit(self, sequences):
        """Count.

        Args:
            sequences: Lists of ids, each with a first token, such as `START`, that is read and
                never predicted.

        Returns:
            This object.
        """
        tokens, start = self._flatten(sequences)
        self.contexts, self.grams = [], []  # of each length: the keys, sorted
        raw, spread, after = [], [], []  # counts; counts of different tokens before; contexts
        context, gram = np.zeros(len(tokens), dtype="int64"), None
        for length in range(self.order):
            if length:
                context = self._shift(context, tokens, start, length)
            seen = np.flatnonzero((context >= 0) & (start < np.arange(len(tokens))))
            known, context[context >= 0] = np.unique(context[context >= 0], return_inverse=True)
            keys, first, which, counts = np.unique(
                context[seen] * self.n_tokens + tokens[seen],
                return_index=True,
                return_inverse=True,
                return_counts=True,
            )
            if length:  # each different gram is one token more before the gram that it ends with
                before = np.bincount(gram[seen[first]], minlength=len(raw[-1]))
                spread.append(np.where(before > 0, before, raw[-1]))  # none before the start
            gram = np.full(len(tokens), -1)
            gram[seen] = which
            self.contexts.append(known)
            self.grams.append(keys)
            raw.append(counts)
            after.append(keys // self.n_tokens)
        whole = self.smoothing == "witten-bell"
        self._lower = [
            self._mix(raw[k] if whole else spread[k], after[k]) for k in range(self.order - 1)
        ]
        self._top = [self._mix(raw[k], after[k]) for k in range(self.order)]
        return self

    def log_probabilities(self, sequences, order=None):
        """Return how likely each token was, given those before it.

        Args:
            sequences: Lists of ids, as for `fit`.
            order: The order, from 1 to the highest, which is the default.

        Returns:
            A list with an array for each sequence: natural logarithms, for each of its tokens
            but the first.

        Raises:
            TypeError: If sequences isn't a list of lists of integers.
            ValueError: If `fit` wasn't called before, a sequence is empty, an id isn't from 0 to
                n_tokens - 1, or order isn't one of these.
        """
        if self.grams is None:
            raise ValueError(
                "fit must be called before probabilities are asked for. Received: no sequences yet."
            )
        check_at_least("order", self.order if order is None else order, 1, most=self.order)
        order = self.order if order is None else order
        tokens, start = self._flatten(sequences)
        p = np.full(len(tokens), 1 / self.n_tokens)
        context = np.zeros(len(tokens), dtype="int64")
        for length in range(order):
            if not len(self.grams[length]):  # no sequence is as long
                break
            if length:
                context = self._shift(context, tokens, start, length)
            context = _find(self.contexts[length], context)
            share, weight = (self._top if length == order - 1 else self._lower)[length]
            gram = _find(
                self.grams[length], np.where(context < 0, -1, context * self.n_tokens + tokens)
            )
            mixed = np.where(gram < 0, 0.0, share[gram]) + weight[context] * p
            p = np.where(context < 0, p, mixed)
        predicted = start < np.arange(len(tokens))
        ends = np.cumsum([len(sequence) - 1 for sequence in sequences])[:-1]
        return np.split(np.log(p[predicted]), ends)

    def distribution(self, sequence, order=None):
        """Return how likely each token is to follow a sequence: an array, (n_tokens,)."""
        check_ids("sequence", sequence, below=self.n_tokens, least=1)
        latest = np.asarray(sequence)[-self.order :]
        following = [[*latest, token] for token in range(self.n_tokens)]
        return np.exp([found[-1] for found in self.log_probabilities(following, order)])

    def _flatten(self, sequences):
        """Return all tokens in one array, and for each where its sequence starts."""
        check_id_lists("sequences", sequences, below=self.n_tokens)
        lengths = [len(sequence) for sequence in sequences]
        tokens = np.concatenate([np.asarray(sequence, dtype="int64") for sequence in sequences])
        return tokens, np.repeat(np.cumsum([0, *lengths[:-1]]), lengths)

    def _shift(self, context, tokens, start, length):
        """Make each context one token longer; -1 where the sequence has none before."""
        longer = np.full(len(tokens), -1)
        longer[1:] = np.where(context[:-1] < 0, -1, context[:-1] * self.n_tokens + tokens[:-1])
        return np.where(np.arange(len(tokens)) - length < start, -1, longer)

    def _mix(self, counts, after):
        """Return the share of each gram, and the weight of the lower order after each context."""
        total = np.bincount(after, counts)
        if self.smoothing == "witten-bell":
            different = np.bincount(after)
            return counts / (total + different)[after], different / (total + different)
        discount = _discounts(counts)[np.minimum(counts, 3)]
        return (counts - discount) / total[after], np.bincount(after, discount) / total


def _discounts(counts):
    """Return the discounts of the counts 0, 1, 2, and 3 or more."""
    n = np.bincount(np.minimum(counts, 5), minlength=6)
    if not n[1:5].all():  # too few to estimate them from
        return np.array([0.0, 0.5, 0.5, 0.5])
    y = n[1] / (n[1] + 2 * n[2])
    found = [i - (i + 1) * y * n[i + 1] / n[i] for i in (1, 2, 3)]
    return np.clip([0.0, *found], 0, [0, 1, 2, 3])


def _find(keys, wanted):
    """Return the index of each wanted key, -1 for one that isn't there."""
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, at, -1)
