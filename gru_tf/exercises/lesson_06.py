"""Exercises of lesson 06: weights and windows, a test for plots of prices, walking forward."""

import numpy as np

from gru_tf.exercises.checking import Wrong, as_number, exercise, require

N_X, N_H, N_STEPS = 8, 32, 26_294


@exercise(
    "06.1", "3(8·32 + 32² + 2·32) for the GRU, 33 for each output; a window with targets is 48 h."
)
def weights_and_windows(at_once, fed_back, n_windows):
    right = {}
    for name, n, outputs in (("n_at_once", at_once, 24), ("n_fed_back", fed_back, 4)):
        right[name] = 3 * (N_X * N_H + N_H**2 + 2 * N_H) + (N_H + 1) * outputs
        n = as_number(n, name)
        dense = (N_H + 1) * outputs
        causes = {
            right[name] - 3 * N_H: "has one bias for each gate: this GRU has two, as Keras' has.",
            right[name] - 6 * N_H: "lacks the biases of the GRU: two for each gate and unit.",
            right[name] - outputs: "lacks the biases of the dense layer: one for each output.",
            right[name] - dense: "lacks the dense layer.",
            dense: "lacks the GRU.",
            2 * (N_X * N_H + N_H**2 + 2 * N_H) + dense: "has two blocks: there are z, r and the "
            "candidate.",
            4 * (N_X * N_H + N_H**2 + 2 * N_H) + dense: "has four blocks, as an LSTM has.",
            4 * (N_X * N_H + N_H**2 + N_H) + dense: "is that of an LSTM: a GRU has three blocks.",
            3 * (N_H**2 + 2 * N_H + N_H) + dense: "is for one column: the window has 8.",
            right[name] + 33 * (28 - 2 * outputs): "is that of the other model: 24 values are for "
            "at once, 4 to be fed back.",
        }
        require(n not in causes, f"{name} {causes.get(n)}")
        require(n == right[name], f"{name} is not {n:,.0f}.")
    n = as_number(n_windows, "n_windows")
    causes = {
        N_STEPS - 48: "n_windows is one too small: of 48 hours one gets one window, not none.",
        N_STEPS - 46: "n_windows is one too large: the last window begins 48 hours before the end.",
        N_STEPS - 24: "n_windows forgets the targets: 24 more hours must follow.",
        N_STEPS - 23: "n_windows forgets the targets: 24 more hours must follow.",
        N_STEPS: "n_windows has a window for each hour: the last ones find no targets.",
        N_STEPS // 48: "these windows don't overlap: a window begins at every hour.",
        N_STEPS // 24: "these windows don't overlap: a window begins at every hour.",
    }
    require(n not in causes, causes.get(n))
    require(n == N_STEPS - 47, f"the weights are right, and n_windows is not {n:,.0f}.")


@exercise(
    "06.2",
    "np.abs(guess - after).mean() / np.abs(before - after).mean(); scale by mean and deviation of "
    "close[:first], and scale the forecast back.",
)
def prices(function, errors):
    check_relative_error(function)
    require(
        isinstance(errors, dict) and {*errors} == {"IBM", "MSFT"},
        'relative_error is right, and errors is no dict with the keys "IBM" and "MSFT".',
    )
    require(None not in errors.values(), "errors holds a None: fill in both.")
    ibm, msft = (as_number(errors[name], f"the error of {name}") for name in ("IBM", "MSFT"))
    require(
        min(ibm, msft) > 0.9,
        "a relative error is far below 1: nobody forecasts prices so well. Were prices of the same "
        "day used, or is one of the two still scaled?",
    )
    require(msft < 3 or ibm > 2, "IBM and MSFT are the wrong way round.")
    require(
        not (ibm < 1.05 and msft < 1.05),
        "both errors are 1, as with returns: take the price itself, scaled, as the target.",
    )
    require(
        ibm > IBM_AT_LEAST,
        f"of IBM {ibm:.2f} is too good: mean and deviation come from the first four fifths alone.",
    )
    require(
        msft < MSFT_AT_MOST,
        f"of Microsoft {msft:.2f} is too large. With the rate, the batches and the epochs of the "
        "text it is below 2. Are they yours, has each window one column, are the last fifth's "
        "windows scaled as the others, and the forecast scaled back?",
    )
    return "IBM's test prices are above any of its training, and a state can't grow beyond 1."


IBM_AT_LEAST, MSFT_AT_MOST = 3.0, 2.0


def check_relative_error(function):
    rng = np.random.default_rng(0)
    for n in (50, 7):
        before = 100 + np.cumsum(rng.normal(size=n))
        after = before + rng.normal(size=n)
        guess = before + 0.3 * rng.normal(size=n) - 0.5
        given = guess.copy(), before.copy(), after.copy()
        found = as_number(function(*given), "the relative error")
        unchanged = all(map(np.array_equal, given, (guess, before, after)))
        require(unchanged, "the function changed an array that it was given.")
        far, near = np.abs(guess - after).mean(), np.abs(guess - before).mean()
        step = np.abs(after - before).mean()
        if np.isclose(found, far / step, rtol=1e-3):
            continue
        squared = ((guess - after) ** 2).mean() / ((before - after) ** 2).mean()
        for value, sentence in (
            (step / far, "that is upside down: the forecast's error is above the line."),
            (far / near, "that is far / near: divide by the error of the last price."),
            (near / step, "that is the distance to the last price: compare guess with after."),
            (far, "that is the error alone: divide it by that of the last price."),
            (
                far / after.mean(),
                "that is relative to the price: divide by the last price's error.",
            ),
            (squared, "squares were taken: the lesson takes absolute errors."),
            (np.sqrt(squared), "squares were taken: the lesson takes absolute errors."),
            (abs((guess - after).mean()) / step, "take the absolute values before the mean."),
            (
                (guess - after).mean() / (before - after).mean(),
                "the errors are signed: take their absolute values.",
            ),
            (
                (np.abs(guess - after) / np.abs(before - after)).mean(),
                "that is the mean of ratios: divide mean by mean.",
            ),
            (100 * far / step, "that is in percent: 1 stands for an error like the last price's."),
            (1 - far / step, "that is the gain: 1 stands for an error like the last price's."),
        ):
            require(not np.isclose(found, value, rtol=1e-3), sentence)
        raise Wrong(f"the relative error is not {found:.3f}, but {far / step:.3f}.")


@exercise("06.3", "size = (n - first) // n_folds; the k-th test begins at first + k * size.")
def walk_forward(function, n_won):
    for n, first, n_folds in ((100, 40, 3), (24, 8, 4), (50, 1, 7), (105, 40, 3), (9, 3, 1)):
        where = f"for n={n}, first={first}, n_folds={n_folds}"
        folds = as_folds(function(n, first, n_folds), n, where)
        if len(folds) != n_folds:
            raise Wrong(f"{where} there are {len(folds)} folds, not {n_folds}.")
        compare_folds(folds, n, first, n_folds, where)
    n_won = as_number(n_won, "n_won")
    require(n_won == int(n_won) and 0 <= n_won <= 8, f"n_won is {n_won:g}: count folds, of 8.")
    require(
        n_won != 0,
        "n_won counts the folds that yesterday wins: on these ridge's error must be smaller.",
    )
    require(
        n_won == 8,
        f"walk_forward is right, but ridge wins on more than {n_won:g} of 8 folds: is the target "
        "24 hours after the window, and does it begin after the window's last hour?",
    )
    return "On the same fold the comparison decides, though folds differ more than the two do."


def as_folds(folds, n, where):
    """Return a list of (training, test) pairs, each as (begin, end)."""
    try:
        pairs = [(train, test) for train, test in folds]
    except (TypeError, ValueError):
        raise Wrong("the result is no list of pairs, (train, test).") from None
    found = []
    for pair in pairs:
        for part in pair:
            if not isinstance(part, slice):
                raise Wrong(f"a pair holds {type(part).__name__}, not a slice.")
            require(part.step in (None, 1), "a slice has a step: the steps follow one another.")
        found.append([part.indices(n)[:2] for part in pair])
        end = max(part.stop or 0 for part in pair)
        require(end <= n, f"{where} a slice ends at {end}, after the last step.")
    return found


def compare_folds(folds, n, first, n_folds, where):
    size = (n - first) // n_folds
    train, test = ([fold[k] for fold in folds] for k in (0, 1))
    sizes = [end - begin for begin, end in test]
    require(
        test[0] != (0, first), f"{where} training and test part have changed places in the pair."
    )
    require(len({*test}) == n_folds, f"{where} a test part comes twice.")
    for (begin_train, end_train), (begin, end) in zip(train, test, strict=True):
        require(end_train <= end, f"{where} a model is trained on what comes after its test.")
        require(end_train <= begin, f"{where} a step is trained on and tested in one fold.")
        require(begin_train < end_train, f"{where} a training part is empty.")
        require(end_train == begin, f"{where} training ends before the step where its test begins.")
        require(begin_train == 0, f"{where} a fold trains on some steps before its test, not all.")
    require(test[0][0] == first, f"{where} the first test begins at {test[0][0]}, not at {first}.")
    for (_, end), (begin, _) in zip(test[:-1], test[1:], strict=True):
        require(begin <= end, f"{where} there is a gap between two tests.")
        require(begin >= end, f"{where} two tests overlap.")
    require(len({*sizes}) == 1, f"{where} the tests have {sizes} steps: all are to have one size.")
    require(sizes[0] == size, f"{where} a test has {sizes[0]} steps, and {size} would fit.")
