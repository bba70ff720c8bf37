"""Exercises of lesson 09: exact intervals, plain distances, Wilson's interval."""

import numpy as np

from gru_tf.exercises.checking import Wrong, as_array, as_number, close, exercise, require

Z = 1.96


def lower_end(n):
    """Return the lower end of the exact interval at 95 % for n right of n."""
    return 0.025 ** (1 / n)


@exercise("09.1", "try interval(n, n)[0] for n = 1, 2, ... until it is above 0.99.")
def cases_without_error(n):
    n = as_number(n, "n_cases")
    require(n == int(n) and n >= 1, f"n_cases is {n:g}: cases are counted, 1, 2, ...")
    require(n != 299, "299 is for one side at 95 %: `interval` leaves 2.5 % on each side.")
    if lower_end(n) <= 0.99:
        raise Wrong(f"{n:g} are too few: the lower end of {n:g} of {n:g} is {lower_end(n):.6f}.")
    if lower_end(n - 1) > 0.99:
        raise Wrong(f"{n:g} are enough, but not the fewest: {n - 1:g} would do.")
    return "A test part of forty cases can't show that."


@exercise(
    "09.2", "reshape both to (cases, time * features), and take |a|² + |b|² - 2ab of all pairs."
)
def plain_distance(function, accuracy):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(4, 5, 3)), rng.normal(size=(6, 5, 3))
    a[0, 3:] = a[2, 1:] = b[1, 4:] = 0  # padding
    b[3] = a[1]
    given = a.copy(), b.copy()
    found = as_array(function(*given), "the distances")
    require(found.shape != (6, 4), "the distances are transposed: a row is a case of a.")
    require(found.shape == (4, 6), f"of 4 and 6 cases the shape is {found.shape}, not (4, 6).")
    require((given[0] == a).all() and (given[1] == b).all(), "the function changed its arguments.")
    require(np.isfinite(found).all(), "a distance is nan: rounding made a square negative.")
    apart = a[:, None] - b[None]
    squared = (apart**2).sum(axis=(2, 3))
    if not (close(found, squared, 1e-3) or close(found, np.sqrt(squared), 1e-2)):
        raise Wrong(what_distance_did(found, apart, squared))
    accuracy = as_number(accuracy, "accuracy")
    require(0 <= accuracy <= 1, "the distance is right, but the accuracy is a share: from 0 to 1.")
    require(
        abs(accuracy - 0.949) > 0.003,
        "the distance is right, but 0.949 is the accuracy of warping.",
    )
    require(
        abs(accuracy - 0.084) > 0.003,
        "the distance is right, but the share of errors was given: accuracy is what is right.",
    )
    require(
        abs(accuracy - 339 / 370) < 0.004,  # or rounded to 0.92
        f"the distance is right, but the accuracy is not {accuracy:.3f}: take the raw utterances, "
        "as for warping, and the label of the nearest one in the training part.",
    )
    return "Without warping the neighbour is worse, by less than one in twenty."


def what_distance_did(found, apart, squared):
    if close(found, -squared, 1e-3) or close(found, -np.sqrt(squared), 1e-2):
        return "the distances have the wrong sign: the nearest must have the smallest."
    if close(found, np.abs(apart).sum(axis=(2, 3)), 1e-3):
        return "differences are summed without their squares: that is another distance."
    if close(found, (apart[:, :, -1] ** 2).sum(axis=2), 1e-3):
        return "only the last frame is compared: sum over all frames."
    if close(found, np.sqrt((apart**2).sum(axis=3)).sum(axis=2), 1e-2):
        return "the root is taken frame by frame: sum the squares of all frames, then take it."
    if close(found, (apart.sum(axis=2) ** 2).sum(axis=2), 1e-3):
        return "frames are summed before they are compared: square each difference first."
    for power in (1, 2):  # squares, or their roots
        ratio = found**power / np.where(squared > 0, squared, 1)
        if np.ptp(ratio[squared > 0]) < 1e-3:
            return "the squares are scaled by a constant: sum them, don't average."
    if abs(found[1, 3]) > 1e-2:
        return "a sequence and itself are apart: that distance must be 0."
    return "these are not the distances: square each difference, and sum over frames and channels."


@exercise("09.3", "k(n - k)/n + z²/4 stands under the root, and both parts are divided by n + z².")
def wilson(function):
    for k, n in ((3, 10), (37, 40), (40, 40), (0, 12), (360, 370)):
        ends = as_array(function(k, n), "the interval", (2,))
        if not close(ends, wilson_ends(k, n), 3e-4):
            raise Wrong(f"for {k} of {n}, {what_wilson_did(ends, k, n)}")
    return "It needs no special function, and stays between 0 and 1."


def wilson_ends(k, n, z=Z):
    centre = (k + z**2 / 2) / (n + z**2)
    half = z * np.sqrt(k * (n - k) / n + z**2 / 4) / (n + z**2)
    return np.array([centre - half, centre + half])


def what_wilson_did(ends, k, n):
    right = wilson_ends(k, n)
    centre, half = right.mean(), np.ptp(right) / 2
    if close(ends, right[::-1]):
        return "the ends are the wrong way round: the lower one first."
    if close(ends, np.array([centre, half])):
        return "centre and half width were returned: return the two ends."
    if close(ends, wilson_ends(k, n, 1.645), 1e-3):
        return "the interval is too narrow: z is 1.96, not 1.645."
    share = k / n
    plain = Z * np.sqrt(share * (1 - share) / n)
    if close(ends, np.array([share - plain, share + plain])):
        return "that is the plain interval, k/n plus and minus 1.96 standard errors."
    middle, width = ends.mean(), (ends[1] - ends[0]) / 2
    if np.isclose(middle, centre, atol=1e-3):
        return f"the centre is right, but the half width is {width:.4f}, not {half:.4f}."
    if np.isclose(middle, share, atol=1e-3):
        return "the centre is k/n: it must be drawn towards 1/2, by z²/2 and z²."
    if np.isclose(width, half, atol=1e-3):
        return f"the half width is right, but the centre is {middle:.4f}, not {centre:.4f}."
    return f"the ends are {ends.round(4).tolist()}, not {right.round(4).tolist()}."
