"""`python -m gru_tf`: what it says when all is well, and when something is not."""

import platform
import subprocess
import sys
from importlib import metadata

import numpy as np
import pytest

import gru_tf.layers
from gru_tf import __main__ as report
from gru_tf.datasets import files


def lines(text):
    return {line[:12].strip(): line[12:] for line in text.splitlines()}


@pytest.mark.slow
def test_it_names_versions_device_data_and_layer():
    done = subprocess.run([sys.executable, "-m", "gru_tf"], text=True, capture_output=True)
    said = lines(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert said["TensorFlow"] == metadata.version("tensorflow")
    assert said["Keras"] == metadata.version("keras")
    assert said["Keras Tuner"] == metadata.version("keras-tuner")
    assert said["gru_tf"] == metadata.version("gru-tf")
    assert said["Python"].startswith(platform.python_version())
    assert said["device"].startswith("CPU, ")
    n_files = len(files.CHECKSUMS)
    assert said["data"] == f"{n_files} of {n_files} files found, their checksums right"
    assert said["layer"].startswith("right, to ")


def test_without_tensorflow_it_says_so_and_goes_on():
    code = (
        "import sys; sys.modules['tensorflow'] = None; import gru_tf.__main__ as report; "
        "sys.exit(report.main())"
    )
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True)
    said = lines(done.stdout)
    assert done.returncode == 1
    assert said["device"].startswith("FAILED: ModuleNotFoundError: ")
    assert said["layer"].startswith("FAILED: ")
    assert "Traceback" not in done.stderr


def test_the_command_line(capsys):
    with pytest.raises(SystemExit) as stopped:
        report.main(["--help"])
    assert stopped.value.code == 0
    assert "What to paste into the report of a bug" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stopped:
        report.main(["--bogus"])
    assert stopped.value.code == 2
    assert "usage: python -m gru_tf [-h]" in capsys.readouterr().err


def test_a_damaged_file_is_named_and_ends_in_exit_code_1(monkeypatch, capsys):
    monkeypatch.setitem(files.CHECKSUMS, "boston_housing.csv", "0" * 64)
    assert report.main() == 1
    said = capsys.readouterr().out
    assert f"FAILED: ValueError: 1 of {len(files.CHECKSUMS)} files are not right" in said
    assert "boston_housing.csv is damaged" in said
    assert lines(said)["layer"].startswith("right")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda h: 1.001 * h,
        lambda h: h[:, ::-1],
        lambda h: h + np.nan,
        gru_tf.layers.tf.stop_gradient,  # right states, wrong gradients
    ],
    ids=["a little off", "backwards", "NaN", "no gradients"],
)
def test_a_wrong_layer_ends_in_exit_code_1(monkeypatch, capsys, wrong):
    right = gru_tf.layers.gru_recurrence
    monkeypatch.setattr(
        gru_tf.layers, "gru_recurrence", lambda *args, **options: wrong(right(*args, **options))
    )
    assert report.main() == 1
    assert lines(capsys.readouterr().out)["layer"].startswith("FAILED: ")


def test_swapped_gates_and_the_other_reading_of_z_are_wrong(monkeypatch):
    def swapped(layer):
        kernel, recurrent, bias = right(layer)
        z, r, h = np.split(kernel.numpy(), 3, axis=1)
        return [np.concatenate([r, z, h], axis=1), recurrent, bias]

    right = gru_tf.GRU._weights
    for wrong in (swapped, lambda layer: [-weight for weight in right(layer)]):
        monkeypatch.setattr(gru_tf.GRU, "_weights", wrong)
        with pytest.raises(ValueError, match="off by .* from the equations"):
            report.layer()
