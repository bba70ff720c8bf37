"""Compare forecasts of Beijing's temperature and of stock prices, over seeds and folds.

    python benchmarks/forecasting.py [PART ...] [--anew]

The parts are models, equal_data, fed_back, quantiles, permuted, folds, rates and fold_rates. All of
them are written to data/results/forecasting.json, a row after every run. What was stopped goes on
where it was, and does again what is older than its code; --anew does all again. Settings are chosen
on the validation part; errors are those of the test part, but for those of `rates`, `fold_rates`.
"""

import argparse
import functools
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # boosting with two threads waits on busy cores

import keras
import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge

import gru_tf
from gru_tf.commands import run_command
from gru_tf.datasets import load_stocks, load_weather, make_windows
from gru_tf.models import build_forecaster
from results import run_table

SEEDS = (0, 1, 2)
N_MEASURED = 4  # temperature, dew point, pressure, wind; the other columns are the clock's
EPOCHS = 10
RATE = 8e-3  # the best of `rates`
FOLD_RATES = (1.6e-2, 1.6e-2, 8e-3, 8e-3, 1.6e-2)  # the best of `fold_rates`
RATES = (2e-3, 4e-3, 8e-3, 1.6e-2, 3.2e-2)
DENSE_RATE = 1.6e-2
ALPHAS = (0, 0.001, 0.01, 0.1, 1, 10, 100, 1000)  # from no penalty at all
RIDGES = ("ridge", "ridge, 48 hours", "ridge by the clock", "ridge by the clock, 48 hours")
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


@functools.cache
def load():
    """Return the features (hours, 8), and the month of each hour."""
    weather = load_weather()
    midnight = weather.time.astype("datetime64[D]")
    hour = (weather.time - midnight).astype(int) / 24
    day = (midnight - weather.time.astype("datetime64[Y]")).astype(int) / 365.25
    clock = [f(2 * np.pi * turn) for turn in (hour, day) for f in (np.sin, np.cos)]
    measured = [weather.temperature, weather.dew_point, weather.pressure]
    table = np.stack([*measured, np.log1p(weather.wind_speed), *clock], axis=1)
    return table.astype("float32"), weather.time.astype("datetime64[M]").astype(int) % 12


@functools.cache
def split(window=24, ends=(0.6, 0.8, 1.0)):
    """Return three (x, y) of standardised windows, of y the temperature of the next 24 hours.

    Also returned are the months of the last hour forecast in the test part, and the standard
    deviation of the temperature.
    """
    table, month = load()
    first, second, last = (int(end * len(table)) for end in ends)
    mean, std = table[:first].mean(axis=0), table[:first].std(axis=0)
    scaled = (table - mean) / std
    parts = []
    for begin, end in ((0, first), (first, second), (second, last)):
        x, y = make_windows(scaled[begin:end], window, horizon=24, every_step=True)
        parts.append((x, y[:, :, 0]))
    return parts, month[second + window + 23 : last], float(std[0])


def last_value(x):
    """Return the last temperature of each window, (n, 1), from which a model forecasts changes."""
    return x[:, -1:, 0]


def errors(forecast, y, month, std):
    """Return the mean absolute errors in degrees, by hour ahead and by month 24 hours ahead."""
    error = np.abs(forecast - y).astype(float) * std
    by_month = [error[month == m, -1].mean() for m in range(12) if (month == m).any()]
    by_horizon = error.mean(axis=0)
    mae = [None if np.isnan(value) else round(value, 3) for value in by_horizon.tolist()]
    return {"mae": mae, "mae_by_month": np.round(by_month, 3).tolist()}


def flat(x):
    """Return the measured values of each window in a row, and the clock at its end."""
    return np.hstack([x[:, :, :N_MEASURED].reshape(len(x), -1), x[:, -1, N_MEASURED:]])


def flat_by_clock(x):
    """Return `flat`, and its measured values times each column of the clock."""
    rows = flat(x)
    clock = rows[:, -4:]
    return np.hstack([rows, *(rows[:, :-4] * clock[:, i : i + 1] for i in range(4))])


def ridge(parts, features=flat):
    """Return the test part's forecasts by the ridge that is best on validation, and its alpha."""
    (x, y), (x_valid, y_valid), (x_test, _) = parts
    rows, rows_valid = features(x).astype(float), features(x_valid).astype(float)
    fits = {alpha: Ridge(alpha).fit(rows, y) for alpha in ALPHAS}
    valid = {a: np.abs(fit.predict(rows_valid) - y_valid).mean() for a, fit in fits.items()}
    alpha = min(valid, key=valid.get)
    return fits[alpha].predict(features(x_test).astype(float)), alpha


def boosting(parts):
    """Return forecasts of the test part by boosted trees, NaN but 1, 6, 12 and 24 hours ahead."""
    (x, y), (x_valid, y_valid), (x_test, y_test) = parts
    forecast = np.full(y_test.shape, np.nan)
    for step in (0, 5, 11, 23):
        trees = HistGradientBoostingRegressor(
            learning_rate=0.05, max_iter=900, early_stopping=False, random_state=0
        ).fit(flat(x), y[:, step] - last_value(x)[:, 0])
        target = y_valid[:, step] - last_value(x_valid)[:, 0]
        valid = [np.abs(p - target).mean() for p in trees.staged_predict(flat(x_valid))]
        best = list(trees.staged_predict(flat(x_test)))[int(np.argmin(valid))]
        forecast[:, step] = last_value(x_test)[:, 0] + best
    return forecast


def climatology():
    """Return the test part's forecasts by the mean of hour and day, smoothed over 31 days."""
    table, _ = load()
    first, second = int(0.6 * len(table)), int(0.8 * len(table))
    time = load_weather().time
    day = (time.astype("datetime64[D]") - time.astype("datetime64[Y]")).astype(int)
    hour = (time - time.astype("datetime64[D]")).astype(int)
    sums, counts = np.zeros((366, 24)), np.zeros((366, 24))
    np.add.at(sums, (day[:first], hour[:first]), table[:first, 0])
    np.add.at(counts, (day[:first], hour[:first]), 1)
    sums, counts = (sum(np.roll(a, k, axis=0) for k in range(-15, 16)) for a in (sums, counts))
    mean, std = table[:first, 0].mean(), table[:first, 0].std()
    series = ((sums / counts)[day, hour] - mean) / std
    return make_windows(series[second:], 24, horizon=24, every_step=True)[1][:, :, 0]


def dense_network(learning_rate):
    inputs = keras.Input((24, 8))
    hidden = keras.layers.Dense(64, activation="relu")(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, keras.layers.Dense(24)(hidden))
    model.compile(keras.optimizers.Adam(learning_rate), "mse")
    return model


def fit(model, x, change, rate=RATE, loss="mse", every=3):
    """Train on one window of `every`, with a rate that falls to zero along a cosine."""
    x, change = x[::every], change[::every]
    n_steps = EPOCHS * int(np.ceil(len(x) / 64))
    schedule = keras.optimizers.schedules.CosineDecay(rate, n_steps)
    model.compile(keras.optimizers.Adam(schedule), loss)
    model.fit(x, change, epochs=EPOCHS, batch_size=64, verbose=0)
    return model


def forecaster(horizon=24, window=24):
    return build_forecaster(window, n_features=8, units=32, horizon=horizon, gru=gru_tf.GRU)


def predict(model, x):
    return model.predict(x, batch_size=1024, verbose=0)


def direct(parts, part=2, rate=RATE, model=None, every=3):
    """Return a network's forecasts of a part: the last value and the change that it says."""
    x, y = parts[0]
    model = fit(model or forecaster(), x, y - last_value(x), rate, every=every)
    return last_value(parts[part][0]) + predict(model, parts[part][0])


def rates():
    """The learning rate of the GRU and of the dense network, by the validation part."""

    def run(model, rate, seed, **_):
        window = 48 if "48" in model else 24
        parts, _, std = split(window)
        network = dense_network(rate) if "dense" in model else forecaster(window=window)
        error = np.abs(direct(parts, 1, rate, network) - parts[1][1]).mean() * std
        return {"validation_mae": round(float(error), 3)}

    for model in ("GRU", "dense network"):
        for rate in RATES:
            yield {"model": model, "rate": rate, "seed": 0}, run
    for rate in RATES[1:4]:
        yield {"model": "GRU, 48 hours", "rate": rate, "seed": 0}, run


def models():
    """All models, 1 to 24 hours ahead."""

    def run(model, seed, **_):
        parts, month, std = split(48 if "48" in model else 24)
        x, y = parts[2]
        more = {}
        if model == "last value":
            forecast = last_value(x)
        elif model == "same hour yesterday":
            forecast = x[:, -24:, 0]
        elif model == "climatology":
            forecast = climatology()
        elif model.startswith("ridge"):
            forecast, alpha = ridge(parts, flat_by_clock if "clock" in model else flat)
            more = {"alpha": alpha}
        elif model == "boosted trees":
            forecast = boosting(parts)
        else:
            network = forecaster() if model == "GRU" else dense_network(DENSE_RATE)
            rate = RATE if model == "GRU" else DENSE_RATE
            forecast = direct(parts, rate=rate, model=network)
        return errors(forecast, y, month, std) | more

    fixed = ("last value", "same hour yesterday", "climatology")
    for model in (*fixed, *RIDGES, "boosted trees"):
        yield {"model": model, "seed": 0}, run
    for seed in SEEDS:
        for model in ("dense network", "GRU"):
            yield {"model": model, "seed": seed}, run


def equal_data():
    """Models of the table with what another one had: 48 hours, all windows, a third of them.

    The third of the trees is drawn at random: every third window would show them eight hours of
    the day alone, and a tree does not fill the gaps.
    """

    def run(model, seed, **_):
        window = 48 if "48" in model else 24
        parts, month, std = split(window)
        if model == "boosted trees, a third of the windows":
            (x, y), *others = parts
            some = np.sort(np.random.default_rng(seed).permutation(len(x))[::3])
            forecast = boosting([(x[some], y[some]), *others])
        elif model == "dense network, every window":
            forecast = direct(parts, rate=DENSE_RATE, model=dense_network(DENSE_RATE), every=1)
        else:
            every = 1 if "every window" in model else 3
            forecast = direct(parts, model=forecaster(window=window), every=every)
        return errors(forecast, parts[2][1], month, std)

    for seed in SEEDS:
        yield {"model": "boosted trees, a third of the windows", "seed": seed}, run
        for model in ("GRU, 48 hours", "GRU, every window", "dense network, every window"):
            yield {"model": model, "seed": seed}, run


def fed_back():
    """A GRU that forecasts the four measured values of the next hour, and reads them again."""

    def run(seed, **_):
        parts, month, std = split()
        x, y = parts[0]
        series = x[1:, -1, :N_MEASURED]  # the hour after each window but the last
        change = series - x[:-1, -1, :N_MEASURED]
        model = fit(forecaster(N_MEASURED), x[:-1], change)
        x, y = parts[2]
        clock = make_windows(x[:, -1, N_MEASURED:], 24)[0]  # (n, 24, 4), of the hours to come
        n = len(clock) - 1
        clock, read, forecast = clock[1:], x[:n], []
        for step in range(24):
            values = read[:, -1, :N_MEASURED] + predict(model, read)
            forecast.append(values[:, 0])
            new = np.hstack([values, clock[:, step]])
            read = np.concatenate([read[:, 1:], new[:, None]], axis=1)
        return errors(np.stack(forecast, axis=1), y[:n], month[:n], std)

    for seed in SEEDS:
        yield {"model": "GRU, fed back", "seed": seed}, run


def fold_parts(fold, window=24):
    """Return the parts of a fold: up to a tenth before its test, the tenth between, its test."""
    ends = (0.4 + fold / 10, 0.5 + fold / 10, 0.6 + fold / 10)
    return split(window, tuple(round(end, 1) for end in ends))


def folds():
    """Walk forward: five tests of a tenth each, on what follows a longer and longer past."""

    def run(model, fold, seed, **_):
        parts, month, std = fold_parts(fold, 48 if "48" in model else 24)
        x, y = parts[2]
        more = {}
        if model == "same hour yesterday":
            forecast = x[:, -24:, 0]
        elif model.startswith("ridge"):
            forecast, alpha = ridge(parts, flat_by_clock if "clock" in model else flat)
            more = {"alpha": alpha}
        else:
            forecast = direct(parts, rate=FOLD_RATES[fold])
        return {"mae": errors(forecast, y, month, std)["mae"]} | more

    for fold in range(5):
        for model in ("same hour yesterday", *RIDGES):
            yield {"model": model, "fold": fold, "seed": 0}, run
        for seed in SEEDS:
            yield {"model": "GRU", "fold": fold, "seed": seed}, run


def fold_rates():
    """The learning rate of the GRU by each fold's own validation part."""

    def run(rate, fold, **_):
        parts, _, std = fold_parts(fold)
        error = np.abs(direct(parts, 1, rate) - parts[1][1]).mean() * std
        return {"validation_mae": round(float(error), 3)}

    for fold in range(5):
        for rate in RATES[1:]:
            yield {"model": "GRU", "rate": rate, "fold": fold, "seed": 0}, run


def pinball(y, q):
    """Return the quantile loss of forecasts q (batch, levels) of y (batch, 1)."""
    levels = keras.ops.convert_to_tensor(LEVELS)
    return keras.ops.mean(keras.ops.maximum(levels * (y - q), (levels - 1) * (y - q)), axis=-1)


def quantiles():
    """Five quantiles 24 hours ahead: how often the truth lies below each, and within intervals."""

    def run(seed, **_):
        parts, _, _ = split()
        x, y = parts[0]
        model = fit(forecaster(len(LEVELS)), x, (y - last_value(x))[:, -1:], loss=pinball)
        found = {}
        for name, part in (("validation", 1), ("test", 2)):
            x, y = parts[part]
            q, target = predict(model, x), (y - last_value(x))[:, -1:]
            found[f"{name}_below"] = np.round((target < q).mean(axis=0), 3).tolist()
            for i, nominal in ((0, 90), (1, 50)):
                inside = (target >= q[:, i : i + 1]) & (target <= q[:, -1 - i : len(LEVELS) - i])
                found[f"{name}_coverage_{nominal}"] = round(float(inside.mean()), 3)
        return found

    for seed in SEEDS:
        yield {"model": "GRU, quantiles", "seed": seed}, run


def permuted():
    """Prices of three stocks in their order, and from the same returns in random orders."""

    def run(order, seed, **_):
        returns = np.diff(np.log(load_stocks().close), axis=0)  # (days, 3)
        if order != "true":
            returns = np.random.default_rng(order).permutation(returns)
        first = int(0.8 * len(returns))
        x, y = make_windows(returns / returns[:first].std(axis=0), 20)
        n = first - 20
        x, y = x.transpose(2, 0, 1)[..., None], y.T  # (3, n, 20, 1) and (3, n)
        model = build_forecaster(window=20, units=16, gru=gru_tf.GRU, learning_rate=3e-3)
        x_train, y_train = x[:, :n].reshape(-1, 20, 1), y[:, :n].reshape(-1, 1)
        model.fit(x_train, y_train, epochs=4, batch_size=128, verbose=0)
        relative = [
            np.abs(y[i, n:] - predict(model, x[i, n:])[:, 0]).mean() / np.abs(y[i, n:]).mean()
            for i in range(3)
        ]
        return {"relative_mae": np.round(relative, 4).tolist()}

    for seed in SEEDS:
        yield {"order": "true", "seed": seed}, run
    for order in range(1, 20):
        yield {"order": order, "seed": 0}, run


PARTS = {
    f.__name__: f
    for f in (models, equal_data, fed_back, quantiles, permuted, folds, rates, fold_rates)
}


def plan():
    """Return all rows: their settings, and what runs them."""
    return [({"part": part, **s}, run) for part, rows in PARTS.items() for s, run in rows()]


def run_one(run, settings):
    """Run one row, from its seed."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(settings["seed"])
    return settings | run(**settings)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help="default: all")
    parser.add_argument("--anew", action="store_true", help="do again what is not stale, too")
    options = parser.parse_args()
    unknown = sorted(set(options.parts) - set(PARTS))
    if unknown:
        parser.error(f"PART must be among {', '.join(PARTS)}. Received: {', '.join(unknown)}.")
    for part in options.parts or PARTS:
        run_table("forecasting", plan(), run_one, {"part": part}, options.anew)


if __name__ == "__main__":
    run_command(main)
