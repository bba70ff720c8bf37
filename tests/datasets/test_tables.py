"""Tables of numbers, against figures known of them."""

import numpy as np
import pytest

from gru_tf import datasets


def test_boston_matches_known_statistics():
    table = datasets.load_boston_housing(include_b=True)
    assert table.x.shape == (506, 13)
    assert table.y.mean() == pytest.approx(22.5328, abs=1e-4)  # as published for the table
    assert (table.y == 50).sum() == 16
    assert table.x[0, table.feature_names.index("LSTAT")] == 4.98
    assert np.isfinite(table.x).all()


def test_boston_leaves_b_out_unless_asked():
    full, table = datasets.load_boston_housing(include_b=True), datasets.load_boston_housing()
    assert "B" not in table.feature_names
    b = full.feature_names.index("B")
    np.testing.assert_array_equal(table.x, np.delete(full.x, b, axis=1))
    assert table.feature_names == full.feature_names[:b] + full.feature_names[b + 1 :]


def test_boston_corrections_change_eight_targets():
    old, new = datasets.load_boston_housing(), datasets.load_boston_housing(corrected=True)
    changed = {int(i): (old.y[i], new.y[i]) for i in np.flatnonzero(old.y != new.y)}
    assert changed == {
        7: (27.1, 22.1),
        38: (24.7, 24.2),
        190: (37.0, 33.0),
        240: (22.0, 27.0),
        437: (8.7, 8.2),
        442: (18.4, 14.8),
        454: (14.9, 14.4),
        505: (11.9, 19.0),
    }
