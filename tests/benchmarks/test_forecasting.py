"""The comparison of forecasts: what is chosen is the best of what its rows say."""

import forecasting
from gru_tf.datasets import load_results


def rates(part, **settings):
    """Return {rate: validation error} of the rows of a part that have these settings."""
    wanted = {"part": part, **settings}
    rows = load_results("forecasting")["rows"]
    return {row["rate"]: row["validation_mae"] for row in rows if wanted.items() <= row.items()}


def test_rates_are_the_best_that_were_tried_and_none_is_at_the_edge():
    chosen = {
        forecasting.RATE: rates("rates", model="GRU"),
        forecasting.DENSE_RATE: rates("rates", model="dense network"),
    }
    by_fold = [rates("fold_rates", fold=fold) for fold in range(5)]
    for rate, errors in (*chosen.items(), *zip(forecasting.FOLD_RATES, by_fold, strict=True)):
        assert errors[rate] == min(errors.values())
        assert min(errors) < rate < max(errors)
