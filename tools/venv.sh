#!/bin/sh
# Make .venv, or bring it up to date with requirements.lock and pyproject.toml.
# Says nothing, and takes no time, where it is up to date. Can be run from any folder, and
# twice at once: the second run waits for the first.
#
#     sh tools/venv.sh [PYTHON]
#
# Without PYTHON, the first of python3, python3.13, python3.12 and python3.11 that will do.
# uv installs the packages, which takes a fraction of pip's time; where it can't, pip does. Only files
# whose sha256 requirements.lock has are installed.
set -eu
cd "$(dirname "$0")/.."
named=${1:-}
complete=.venv/complete    # written last: without it a .venv is one that was interrupted

stop() {
    printf '%s\n' "$@" >&2
    exit 1
}

version() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

# Print why the Python in $1 will not do, or nothing where it will.
complaint() {
    case $(version "$1") in
        3.11 | 3.12 | 3.13)
            "$1" -c 'import ensurepip, venv' 2>/dev/null ||
                echo "$1 is Python $(version "$1"), but without venv" ;;
        "") echo "$1 does not run" ;;
        2.* | 3.[0-9] | 3.10) echo "$1 is Python $(version "$1"), which is too old" ;;
        *) echo "$1 is Python $(version "$1"), which is too new" ;;
    esac
}

find_python() {
    if [ -n "$named" ]; then
        set -- "$named"
    else
        set -- python3 python3.13 python3.12 python3.11
    fi
    for candidate; do
        if command -v "$candidate" >/dev/null && [ -z "$(complaint "$candidate")" ]; then
            echo "$candidate"
            return
        fi
    done
}

# Fails where .venv gets gru_tf from another folder: this checkout was moved, or is a copy.
# -I leaves the current folder out of the search.
runs_this_checkout() {
    .venv/bin/python -I -c '
import importlib.util, os, sys
package = importlib.util.find_spec("gru_tf")
sys.exit(not (package and os.path.samefile(package.origin, "gru_tf/__init__.py")))' 2>/dev/null
}

is_of_right_version() {
    of_venv=$(version .venv/bin/python) && [ "$of_venv" = "$(version "$1")" ]
}

is_current() {
    [ "$complete" -nt requirements.txt ] && [ "$complete" -nt requirements.lock ] &&
        [ "$complete" -nt pyproject.toml ] &&
        { [ -z "$named" ] || is_of_right_version "$named"; } && runs_this_checkout
}

# Take turns: hold a lock while this script runs anew. The system frees it when the script and
# what it started have ended, be it by a kill.
take_turns='
import fcntl, os, sys
lock = os.open(".venv.lock", os.O_RDWR | os.O_CREAT)
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("Another run sets up .venv: waiting for it ...", flush=True)
    fcntl.flock(lock, fcntl.LOCK_EX)
except OSError:
    pass  # a file system without locks
os.set_inheritable(lock, True)
os.execvp("sh", ["sh", "tools/venv.sh", *sys.argv[1:]])'

find_uv() {
    command -v uv || {
        .venv/bin/python -m pip install -qq --disable-pip-version-check \
            --require-hashes --requirement requirements-setup.lock >/dev/null 2>&1 && echo .venv/bin/uv
    }
}

# Install what the arguments, which uv and pip share, say.
install() {
    if [ -n "$uv" ]; then
        "$uv" pip install --quiet --python .venv/bin/python $compile "$@" && return
        echo "uv did not manage that: trying pip, which takes minutes ..." >&2
    fi
    .venv/bin/python -m pip install -qq --disable-pip-version-check "$@"
}

# Fails where a pin was changed by hand, and requirements.lock was not written anew.
is_locked() {
    sed -n 's/^\([A-Za-z0-9._-]*==[^ ]*\).*/\1/p' requirements.txt | while read -r pin; do
        grep -qi "^$pin " requirements.lock || exit 1
    done
}

if is_current; then exit 0; fi

python=$(find_python)
if [ -z "$python" ]; then
    stop "A Python 3.11, 3.12 or 3.13 with venv is needed: TensorFlow has no wheels for others." \
        "Here $(complaint "${named:-python3}")." \
        "- On Debian and Ubuntu, this installs what is missing: apt install python3-venv" \
        "- If another Python is installed, name it: make PYTHON=/path/to/python3.12"
fi

if [ -z "${GRU_TF_VENV_TURN:-}" ]; then
    GRU_TF_VENV_TURN=mine exec "$python" -c "$take_turns" ${named:+"$named"}
fi

if [ -e "$complete" ] && is_of_right_version "$python" && runs_this_checkout; then
    echo "Bringing .venv up to date with requirements.txt ..."
    rm -f "$complete"
else
    what="Making .venv with $python ($(version "$python"))"
    if [ -e "$complete" ] && ! runs_this_checkout; then
        what="$what, as the one here belongs to another folder"
    fi
    echo "$what: less than a minute by uv, 2 or 3 by pip, and 3 GB, this once ..."
    rm -f "$complete"
    "$python" -m venv --clear .venv
fi
uv=$(find_uv) || uv=
# Python compiles a module when it first loads it. All at once take 27 s, those that the lessons
# load 12 s: so it pays only where Python is told not to keep what it compiled.
compile=${PYTHONDONTWRITEBYTECODE:+--compile-bytecode}
if is_locked; then
    install --require-hashes --requirement requirements.lock
else
    echo "requirements.lock lacks a pin of requirements.txt: all is installed without checksums." \
        "This writes it anew: .venv/bin/python tools/pins.py --lock" >&2
    install --requirement requirements.txt
fi
# The package itself is built by the setuptools that is installed now, and by no other.
install --no-deps --no-build-isolation --editable .
touch "$complete"
