"""Tables of numbers, one row a case, and the column to predict."""

import dataclasses

import numpy as np

from gru_tf.checks import check_flag
from gru_tf.datasets.files import open_data

# Row, counted from 0, and the target that a later proofreading found for it.
_BOSTON_CORRECTIONS = {
    7: 22.1, 38: 24.2, 190: 33.0, 240: 27.0, 437: 8.2, 442: 14.8, 454: 14.4, 505: 19.0,
}  # fmt: skip


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """A table of numbers and the column to predict from them."""

    x: np.ndarray  # (n, n_features)
    y: np.ndarray  # (n,)
    feature_names: tuple
    target_name: str


def load_boston_housing(include_b=False, corrected=False):
    """Load the Boston housing table: 506 districts, and what a home costs there.

    Three things to know before you use it. Column B was computed from the share of
    Black residents, as 1000(Bk - 0.63)^2, on the premise that segregation moves
    prices; scikit-learn removed the table for that in its release 1.2. It is left
    out here unless you ask for it, to compare with figures from the full table. The
    target is censored: 16 districts say 50.0, which means 50 or more. And the table
    in common use has eight misprinted targets.

    Args:
        include_b: Whether to keep column B, for 13 columns in place of 12.
        corrected: Whether to put the eight corrected targets in place of the misprints.

    Returns:
        A `Table` with x (506, 12) or (506, 13) and y (506,), the median value of a
        home in 1000 USD of 1970, both float64. `data/README.md` has the columns.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If the file is damaged.

    Example:

    >>> load_boston_housing().x.shape
    (506, 12)

    Source: Harrison and Rubinfeld 1978, doi:10.1016/0095-0696(78)90006-2; corrections
    by Gilley and Pace 1996, doi:10.1006/jeem.1996.0052.
    """
    import pandas as pd

    check_flag("include_b", include_b)
    check_flag("corrected", corrected)

    table = pd.read_csv(open_data("boston_housing.csv"))
    y = table.pop("MEDV").to_numpy(dtype="float64", copy=True)
    if corrected:
        y[list(_BOSTON_CORRECTIONS)] = list(_BOSTON_CORRECTIONS.values())
    if not include_b:
        del table["B"]
    return Table(table.to_numpy("float64"), y, tuple(table.columns), "MEDV")
