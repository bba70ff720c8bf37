"""Which hyperparameters of a search mattered, and how sure one can be of it."""

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GroupShuffleSplit

LEAST = 8  # settings, below which nothing can be said
SPLITS, HELD_OUT = 20, 0.25


def importance(table):
    """Estimate how much each hyperparameter of a search matters to the score.

    A random forest learns the scores of three quarters of the settings. On the others,
    one column at a time is shuffled: what that adds to the forest's mean absolute error
    is the importance of the column. It tells what helps to predict the score in this
    search, and nothing about settings that the search did not try.

    Args:
        table: A table from `gru_tf.tuning.leaderboard`. Trials without a score are left
            out. In a Hyperband search `epochs` is among the columns, as the rungs differ
            in them, and it changes the score too.

    Returns:
        A `pandas.DataFrame` with a row for each hyperparameter that differs between
        trials, the largest first: its `importance`, in units of the score, and `error`,
        the standard error over 20 ways to set settings apart. These overlap, for which
        it is corrected. `table.attrs["r2"]` is the share of the variance of scores that
        the forest explains on settings set apart: near or below 0, the rest means nothing.

    Raises:
        ValueError: If fewer than 8 different settings have a score, or none differ.

    Source: Breiman 2001, section 10, doi:10.1023/A:1010933404324; for the error Nadeau and
    Bengio 2003, equation 7, doi:10.1023/A:1024068626366
    """
    scored = table[np.isfinite(table["score"])]
    names = list(table.attrs["hyperparameters"])
    groups = scored.groupby(names, dropna=False, sort=False).ngroup() if names else scored["score"]
    if groups.nunique() < LEAST:
        raise ValueError(
            f"The importance needs {LEAST} different settings with a score. "
            f"Received: {groups.nunique()}."
        )
    columns = [*names, *(["epochs"] if "rung" in scored else [])]
    columns = [name for name in columns if scored[name].nunique(dropna=False) > 1]
    x = pd.DataFrame({name: _numbers(scored[name]) for name in columns})
    if x.empty:
        raise ValueError("No hyperparameter differs between the trials.")
    y, gains, r2 = scored["score"].to_numpy(float), [], []
    splits = GroupShuffleSplit(SPLITS, test_size=HELD_OUT, random_state=0)
    for seed, (seen, unseen) in enumerate(splits.split(x, y, groups)):
        forest = RandomForestRegressor(50, random_state=seed).fit(x.iloc[seen], y[seen])
        shuffled = permutation_importance(
            forest,
            x.iloc[unseen],
            y[unseen],
            scoring="neg_mean_absolute_error",
            n_repeats=3,
            random_state=seed,
        )
        gains.append(shuffled.importances_mean)
        wrong = np.square(y[unseen] - forest.predict(x.iloc[unseen])).mean()
        r2.append(wrong / max(np.square(y[unseen] - y[seen].mean()).mean(), 1e-300))
    # The splits share settings, so their variance is not divided by their number alone.
    factor = 1 / SPLITS + HELD_OUT / (1 - HELD_OUT)
    found = pd.DataFrame(
        {
            "importance": np.mean(gains, axis=0),
            "error": np.sqrt(factor * np.var(gains, axis=0, ddof=1)),
        },
        index=list(x),
    ).sort_values("importance", ascending=False)
    found.attrs["r2"] = 1 - float(np.median(r2))
    return found


def _numbers(values):
    """Return a column as numbers, in which a missing value stays missing."""
    if pd.api.types.is_numeric_dtype(values):
        return values.astype(float)
    levels = sorted(values.dropna().unique(), key=lambda v: (str(type(v)), v))
    return values.map({level: i for i, level in enumerate(levels)}).astype(float)
