"""Exercises of lesson 08: END that is told, rounds of the dictionary, and a joint opponent."""

import numpy as np

from gru_tf.exercises.checking import Wrong, as_number, exercise, hinting, require


@exercise(
    "08.1", "write the three rows in NumPy with START in front, cut to 4 steps; count what isn't 0."
)
def told_end(n_steps, n_targets):
    n_steps, n_targets = as_number(n_steps, "n_steps"), as_number(n_targets, "n_targets")
    require((n_steps, n_targets) != (9, 11), "the two numbers are the wrong way round.")
    require(n_targets != 12, "12 targets are too many: END is among the ids, or 0 was counted.")
    require(n_targets != 6, "6 targets are too few: END is a target too.")
    require(n_targets == 9, f"there are not {n_targets:g} targets: they are the ids that aren't 0.")
    require(
        n_steps != 12, "12 steps would be the whole batch: a step that is told 0 doesn't count."
    )
    require(n_steps != 9, "9 steps count if END is replaced by 0: here it is only shifted.")
    require(n_steps != 10, "10 is one too few: two of the texts are shorter than the longest.")
    require(n_steps == 11, f"not {n_steps:g} steps count: they are those that aren't told 0.")
    return "Each text but the longest trains one step too many."


@exercise(
    "08.2", "learn_dictionary(..., iterations=1), then the lines of the lesson that score by_words."
)
def rounds(chrf):
    require(
        isinstance(chrf, dict) and {*chrf} == {1, 10},
        "chrf_by_rounds is no dict with the keys 1 and 10.",
    )
    if None in chrf.values():
        raise Wrong("chrf_by_rounds holds a None: fill in both scores.")
    one, ten = (as_number(chrf[n], f"chrF after {n}") for n in (1, 10))
    require(not (0 < one < 1 and 0 < ten < 1), "scores are shares of 1: chrF goes from 0 to 100.")
    require(abs(ten - 10.7) > 1, "after ten rounds that is BLEU: take `chrf` of the lesson.")
    require(
        not (abs(one - 51.8) < 1 and abs(ten - 40.8) < 1), "the scores are the wrong way round."
    )
    require(
        abs(ten - 53.0) > 0.5,
        "after ten rounds that is the mean of the texts' scores: score them all "
        "at once, by `corpus_score`, as the lesson does.",
    )
    require(
        abs(ten - 51.8) < 0.6, f"after ten rounds chrF is not {ten:.1f}: the lesson has printed it."
    )
    require(abs(one - ten) > 0.1, "both scores are the same: was the dictionary learnt anew?")
    require(
        abs(one - 23.6) > 0.5, "after one round that is the score of copying: translate the words."
    )
    require(abs(one - 40.8) < 0.6, f"after one round chrF is not {one:.1f}: score the test part.")
    return "After one round the word that stands most often beside it wins, often de or le."


@exercise("08.3", "go through near, far and distances together; the limit itself still takes near.")
def choose(function, limits):
    near, far = [f"near {i}" for i in range(6)], [f"far {i}" for i in range(6)]
    distances = np.array([0.1, 0.9, 0.25, 0.5, 0.0, 1.0])
    for bound in (0.6, 0.25, 0.5, 0.0, 1.0):
        given = list(near), list(far), distances.copy()
        found = function(*given, bound)
        require(
            given[:2] == (near, far) and (given[2] == distances).all(),
            "choose changed its arguments: make a new list.",
        )
        require(
            hasattr(found, "__len__") and not isinstance(found, str),
            f"choose returns {type(found).__name__}, not a list of texts.",
        )
        found = [str(text) for text in found]
        require(len(found) == 6, f"of 6 texts choose returns {len(found)} translations.")
        at_most = [a if d <= bound else b for a, b, d in zip(near, far, distances, strict=True)]
        below = [a if d < bound else b for a, b, d in zip(near, far, distances, strict=True)]
        other = [b if d <= bound else a for a, b, d in zip(near, far, distances, strict=True)]
        if found == at_most:
            continue
        require(
            found != other, "near and far are the wrong way round: a small distance takes near."
        )
        require(found != below, "at exactly the limit far was taken: 'at most' takes near.")
        require(
            found not in (near, far),
            "one side was taken for all texts: decide for each text alone.",
        )
        require(
            sorted(found) != sorted(at_most), "the right translations, but not in the texts' order."
        )
        raise Wrong(f"with limit {bound} choose returns {found}, not {at_most}.")
    with hinting(
        "of the validation part take near, far and distances as of the test part, score "
        "choose(..., i / 10) for i from 0 to 10, by each score, and keep the best i / 10 of each."
    ):
        check_limits(limits)
    return "Both together beat each alone on the test part, by either score; phrases beat them all."


def check_limits(limits):
    require(
        isinstance(limits, dict) and {*limits} == {*RANGES},
        'choose is right, and limits is no dict with the keys "bleu" and "chrf".',
    )
    if None in limits.values():
        raise Wrong("limits holds a None: fill in both.")
    limits = {name: as_number(limits[name], f'limits["{name}"]') for name in RANGES}
    for name, limit in limits.items():
        require(
            0 <= limit <= 1,
            f'limits["{name}"] is {limit:g}: distances are shares of the words, from 0 to 1.',
        )
    require(
        any(inside(name, limits[name]) for name in RANGES)
        or not all(inside(name, limits[other]) for name, other in (NAMES, NAMES[::-1])),
        "choose is right, but the two limits are the wrong way round.",
    )
    for name, limit in limits.items():
        require(
            not np.isclose(limit, BEST_OF_TEST[name], atol=0.01),
            f"choose is right, and {limit:.1f} is the best limit of the test part by {name}: let "
            "the validation part choose, or the test part can't judge.",
        )
        require(
            limit >= RANGES[name][0],
            f"choose is right, but {limit:g} is too strict for {name}: on the validation part more "
            "of the memory scores higher.",
        )
        require(
            limit <= RANGES[name][1],
            f"choose is right, but {limit:g} is too loose for {name}: on the validation part less "
            "of the memory scores higher.",
        )


# Around 0.5 and 0.2, the best of those limits that the exercise names.
RANGES = {"bleu": (0.449, 0.54), "chrf": (0.199, 0.29)}
NAMES = tuple(RANGES)
BEST_OF_TEST = {"bleu": 0.4, "chrf": 0.3}


def inside(name, limit):
    low, high = RANGES[name]
    return low <= limit <= high
