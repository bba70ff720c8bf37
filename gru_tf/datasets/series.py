"""Long series of numbers: weather by the hour, stocks by the day, a heart by the millisecond."""

import dataclasses

import numpy as np

from gru_tf.datasets.files import open_data


@dataclasses.dataclass(frozen=True, eq=False)
class Weather:
    """Weather and air at one place, hour by hour without a gap in time."""

    time: np.ndarray  # (n,), datetime64[h], local time
    temperature: np.ndarray  # (n,), float32, degrees Celsius
    dew_point: np.ndarray  # (n,), float32, degrees Celsius
    pressure: np.ndarray  # (n,), float32, hPa
    wind_speed: np.ndarray  # (n,), float32, m/s, cumulated: see load_weather
    wind_direction: np.ndarray  # (n,), "NE", "NW", "SE", or "cv" for calm and variable
    pm25: np.ndarray  # (n,), float32, fine dust in micrograms per cubic metre; NaN where missing


@dataclasses.dataclass(frozen=True, eq=False)
class Stocks:
    """Prices of stocks on each trading day."""

    date: np.ndarray  # (n,), datetime64[D]
    close: np.ndarray  # (n, n_stocks), float64, USD
    symbols: tuple  # the names of the columns of close


@dataclasses.dataclass(frozen=True, eq=False)
class Ecg:
    """An electrocardiogram of one lead."""

    signal: np.ndarray  # (n,), float32, millivolt
    rate: int  # samples per second


def load_weather():
    """Load five years of weather and air in Beijing, hour by hour.

    The hours are complete, from 2010-01-01 00:00 to 2014-12-31 23:00. Values are missing
    in one column only: fine dust lacks 2,067 of them. The wind speed is cumulated: the
    source adds up the speeds of the hours since the wind last changed its direction.

    Returns:
        `Weather`, with arrays of 43,824 hours. `data/README.md` has the columns.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If the file is damaged.

    Example:

    >>> weather = load_weather()
    >>> weather.time[0], weather.temperature[:3]
    (np.datetime64('2010-01-01T00','h'), array([-11., -12., -11.], dtype=float32))

    Source: Liang et al. 2015, doi:10.1098/rspa.2015.0257; UCI, doi:10.24432/C5JS49.
    """
    import pandas as pd

    table = pd.read_csv(open_data("beijing_hourly.csv.gz"), compression="gzip")
    columns = ["TEMP", "DEWP", "PRES", "Iws"]
    return Weather(
        table["time"].to_numpy(str).astype("datetime64[h]"),
        *(table[column].to_numpy("float32") for column in columns),
        wind_direction=table["cbwd"].to_numpy(str),
        pm25=table["pm2.5"].to_numpy("float32"),
    )


def load_stocks():
    """Load thirteen years of the closing prices of IBM, Apple and Microsoft.

    The prices are adjusted: dividends and splits are taken out of them, so that they
    differ from those of the day itself. Days without trading are not in the series.

    Returns:
        `Stocks`, with 3,270 trading days from 2000-03-01 to 2013-03-01.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If the file is damaged.

    Example:

    >>> stocks = load_stocks()
    >>> stocks.symbols, stocks.close.shape
    (('IBM', 'AAPL', 'MSFT'), (3270, 3))
    """
    import pandas as pd

    table = pd.read_csv(open_data("stocks_adj_close.csv"))
    date = table.pop("date").to_numpy(str).astype("datetime64[D]")
    return Stocks(date, table.to_numpy("float64"), tuple(table.columns))


def load_ecg():
    """Load five minutes of an electrocardiogram with many premature beats.

    It is record 208 of the MIT-BIH Arrhythmia Database, one lead. Which beats are
    premature is not in the file.

    Returns:
        `Ecg`, with 108,000 samples, 360 per second, in millivolt.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If the file is damaged.

    Example:

    >>> ecg = load_ecg()
    >>> len(ecg.signal) / ecg.rate / 60
    5.0

    Source: Moody and Mark 2001, doi:10.1109/51.932724; PhysioNet, doi:10.13026/C2F305.
    """
    with np.load(open_data("ecg_mitbih208.npz"), allow_pickle=False) as arrays:
        stored = arrays["ecg"].astype("float64")
    return Ecg(((stored - 1024) / 200).astype("float32"), rate=360)  # 200 units a millivolt
