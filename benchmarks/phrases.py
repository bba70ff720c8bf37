"""Translation by phrases: what translators were before networks, and strong where pairs are few.

Two dictionaries, one in each direction, say which words of a pair belong together. Runs of words
whose links stay among themselves are pairs of phrases, and are counted. A text is then cut into
phrases that are known, and each is translated in its place: words change their order inside a
phrase only.

Source: Koehn, Och and Marcu 2003, Statistical phrase-based translation.
"""

import collections
import functools
import math

from gru_tf.text import (
    END,
    FIRST_WORD,
    START,
    UNKNOWN,
    NGrams,
    index_words,
    learn_dictionary,
)

LONGEST = 7  # words of a phrase, on either side
MOST = 12  # translations of a phrase that the search tries
COPIED = -3.0  # weighed like the log p of a phrase: a word that no phrase knows


def link_words(source, target, forward, backward):
    """Return which words of a pair belong together: a set of (place in source, in target).

    Each dictionary links each word that it writes with the one that it most likely comes from;
    of words that are as likely, the one at about the same place. Links that both have are kept.
    From these they grow: to links that one of the two has, that touch one kept before, and that
    are the first of one of their words. Last come those that are the first of both.

    Args:
        source: A list of words.
        target: A list of words, its translation.
        forward: A dictionary as `learn_dictionary` returns it, from source to target.
        backward: The same, from target to source.
    """

    def nearness(i, j):
        return -abs(i / len(source) - j / len(target))

    def origin(j):
        return lambda i: (forward[source[i]].get(target[j], 0), nearness(i, j))

    def translation(i):
        return lambda j: (backward[target[j]].get(source[i], 0), nearness(i, j))

    places = range(len(source)), range(len(target))
    one = {(max(places[0], key=origin(j)), j) for j in places[1]}
    other = {(i, max(places[1], key=translation(i))) for i in places[0]}
    links, growing = one & other, True
    while growing:
        linked = [{link[side] for link in links} for side in (0, 1)]
        touching = [
            (i, j)
            for i, j in sorted((one | other) - links)
            if (i not in linked[0] or j not in linked[1])
            and any(abs(i - a) <= 1 and abs(j - b) <= 1 for a, b in links)
        ]
        links, growing = links | {*touching[:1]}, bool(touching)
    for i, j in sorted((one | other) - links):
        if all(i != a and j != b for a, b in links):
            links = links | {(i, j)}
    return links


def pairs_of_phrases(source, target, links):
    """Yield pairs of runs of words that are linked with each other and with no others.

    Words of the target that have no link come along with their neighbours, or stay away: both.
    """
    linked = {j for _, j in links}
    for first in range(len(source)):
        for last in range(first, min(first + LONGEST, len(source))):
            places = [j for i, j in links if first <= i <= last]
            if not places:
                continue
            low, high = min(places), max(places)
            if any(low <= j <= high and not first <= i <= last for i, j in links):
                continue
            for start in range(low, -1, -1):
                if start < low and start in linked:
                    break
                for end in range(high, min(start + LONGEST, len(target))):
                    if end > high and end in linked:
                        break
                    yield tuple(source[first : last + 1]), tuple(target[start : end + 1])


def learn_phrases(sources, targets):
    """Learn a table of phrases from pairs of texts, which are lists of words.

    Returns:
        A dict: a phrase, as a tuple of words -> a list of (translation, log of its share among
        the translations of this phrase, log of this phrase's share among what it translates),
        the most frequent translation first.
    """
    forward, backward = learn_dictionary(sources, targets), learn_dictionary(targets, sources)
    counts, totals = collections.defaultdict(collections.Counter), collections.Counter()
    for source, target in zip(sources, targets, strict=True):
        links = link_words(source, target, forward, backward)
        for phrase, translation in pairs_of_phrases(source, target, links):
            counts[phrase][translation] += 1
            totals[translation] += 1
    return {
        phrase: [
            (translation, math.log(n / found.total()), math.log(n / totals[translation]))
            for translation, n in found.most_common()
        ]
        for phrase, found in counts.items()
    }


def longest_match(words, table):
    """Translate from left to right: the longest phrase that is known, as it was most often."""
    written = []
    while words:
        lengths = range(min(LONGEST, len(words)), 0, -1)
        n = next((n for n in lengths if tuple(words[:n]) in table), 0)
        written += table[tuple(words[:n])][0][0] if n else words[:1]
        words = words[max(n, 1) :]
    return written


def learn_trigrams(texts):
    """Return a function of the two words before, as a tuple, and of the next: its log p.

    A text starts with None before it, and ends with None.
    """
    index = index_words(texts, 10**6)
    ids = [[START, *(index[word] for word in words), END] for words in texts]
    trigrams = NGrams(3, len(index) + FIRST_WORD).fit(ids)

    @functools.cache
    def log_p(before, word):
        told = [START if w is None else index.get(w, UNKNOWN) for w in before]
        following = END if word is None else index.get(word, UNKNOWN)
        return float(trigrams.log_probabilities([[*told, following]])[0][-1])

    return log_p


def best_path(words, table, log_p, weights, beam=30):
    """Return the translation with the best sum of weighted parts, as far as a beam finds it.

    Args:
        words: A list of words.
        table: What `learn_phrases` returns.
        log_p: What `learn_trigrams` returns.
        weights: A dict: the weight of a translation's share from its side ("backward"), of the
            trigrams ("trigrams"), and what each word and each phrase adds ("word", "phrase").
            The share from the source's side has the weight 1.
        beam: Number of beginnings that are followed, of those that translate as many words.
    """

    def longer(written, before, more):
        for word in more:
            written += weights["trigrams"] * log_p(before, word)
            before = (*before, word)[-2:]
        return written, before

    # For each number of words read: the last two written -> (score, all that is written)
    found = [{} for _ in range(len(words) + 1)]
    found[0][None,] = (0.0, ())
    for n in range(len(words)):
        kept = sorted(found[n].items(), key=lambda item: -item[1][0])[:beam]
        for end in range(n + 1, min(n + LONGEST, len(words)) + 1):
            phrase = tuple(words[n:end])
            options = table.get(phrase, [(phrase, COPIED, COPIED)] if len(phrase) == 1 else [])
            for translation, forward, backward in options[:MOST]:
                added = forward + weights["backward"] * backward + weights["phrase"]
                added += weights["word"] * len(translation)
                for before, (score, written) in kept:
                    total, last = longer(score + added, before, translation)
                    if total > found[end].get(last, (-math.inf,))[0]:
                        found[end][last] = (total, written + translation)
    whole = [(longer(score, last, [None])[0], text) for last, (score, text) in found[-1].items()]
    return [*max(whole)[1]]
