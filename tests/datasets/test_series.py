"""Weather, stocks and a heart, against figures known of them."""

import numpy as np
import pytest

from gru_tf import datasets


def test_weather_has_every_hour_of_five_years():
    weather = datasets.load_weather()
    expected = np.arange("2010-01-01T00", "2015-01-01T00", dtype="datetime64[h]")
    np.testing.assert_array_equal(weather.time, expected)
    for values in vars(weather).values():
        assert values.shape == (43_824,)


def test_weather_in_its_units():
    weather = datasets.load_weather()
    # As published with the data: the range of each column, and 2,067 hours without fine dust.
    ranges = {
        "temperature": (-19, 42),
        "dew_point": (-40, 28),
        "pressure": (991, 1046),
        "wind_speed": (0.45, 585.6),
    }
    for name, expected in ranges.items():
        values = getattr(weather, name)
        assert values.dtype == np.float32
        assert (values.min(), values.max()) == pytest.approx(expected)
    assert np.isnan(weather.pm25).sum() == 2067
    assert np.nanmean(weather.pm25) == pytest.approx(98.6132, abs=1e-3)
    assert set(weather.wind_direction) == {"NE", "NW", "SE", "cv"}
    # Dew never lies above the air, but for one degree of rounding.
    assert (weather.dew_point <= weather.temperature + 1).all()


def test_weather_is_warmest_in_july_and_in_the_afternoon():
    weather = datasets.load_weather()
    month = weather.time.astype("datetime64[M]").astype(int) % 12
    hour = weather.time.astype(int) % 24
    by_month = [weather.temperature[month == m].mean() for m in range(12)]
    by_hour = [weather.temperature[hour == h].mean() for h in range(24)]
    assert (np.argmax(by_month), np.argmin(by_month)) == (6, 0)
    assert np.argmax(by_hour) in (14, 15, 16)
    assert np.argmin(by_hour) in (4, 5, 6)


def test_stocks_by_trading_day():
    stocks = datasets.load_stocks()
    assert stocks.symbols == ("IBM", "AAPL", "MSFT")
    assert stocks.close.shape == (3270, 3)
    assert stocks.close.dtype == np.float64
    assert (stocks.date[0], stocks.date[-1]) == (
        np.datetime64("2000-03-01"),
        np.datetime64("2013-03-01"),
    )
    assert (np.diff(stocks.date) > np.timedelta64(0)).all()
    assert np.is_busday(stocks.date).all()
    assert np.datetime64("2001-09-12") not in stocks.date  # closed, as for a week from the 11th
    np.testing.assert_array_equal(stocks.close[0], [73.6677, 4.1867, 30.2257])
    # Adjusted for splits: no day halves a price, as each of the splits of those years would.
    fall = np.diff(np.log(stocks.close), axis=0)
    assert fall.min() > np.log(0.4)
    assert fall[stocks.date[1:] == np.datetime64("2005-02-28"), 1] > -0.1  # Apple's 2 for 1
    assert (stocks.close > 0).all()


def test_ecg_in_millivolt():
    ecg = datasets.load_ecg()
    assert ecg.signal.shape == (108_000,)
    assert ecg.signal.dtype == np.float32
    # As printed for scipy.datasets.electrocardiogram, which is the same five minutes.
    assert ecg.signal.mean(dtype=float) == pytest.approx(-0.16510875, abs=1e-7)
    assert ecg.signal.std(dtype=float) == pytest.approx(0.5992473991177294, abs=1e-7)
    np.testing.assert_allclose(ecg.signal[:3], [-0.245, -0.215, -0.185], rtol=1e-6)
    np.testing.assert_allclose(ecg.signal[-3:], [-0.405, -0.395, -0.385], rtol=1e-6)


def test_ecg_has_a_beat_or_two_each_second():
    from scipy.signal import find_peaks

    ecg = datasets.load_ecg()
    beats, _ = find_peaks(ecg.signal, distance=ecg.rate // 4, prominence=1)
    assert 60 < len(beats) / (len(ecg.signal) / ecg.rate / 60) < 150  # a minute
