#!/bin/sh
# Make .venv, or bring it up to date with requirements.txt and pyproject.toml.
# Says nothing, and takes no time, where it is up to date.
#
#     sh tools/venv.sh [PYTHON]
#
# Without PYTHON, the first of python3, python3.13, python3.12 and python3.11 that will do.
set -eu
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

is_current() {
    [ "$complete" -nt requirements.txt ] && [ "$complete" -nt pyproject.toml ] || return 1
    of_venv=$(version .venv/bin/python) || return 1
    [ -z "$named" ] || [ "$(version "$named")" = "$of_venv" ]
}

if is_current; then exit 0; fi

python=$(find_python)
if [ -z "$python" ]; then
    stop "A Python 3.11, 3.12 or 3.13 with venv is needed: TensorFlow has no wheels for others." \
        "Here $(complaint "${named:-python3}")." \
        "- On Debian and Ubuntu, this installs what is missing: apt install python3-venv" \
        "- If another Python is installed, name it: make PYTHON=/path/to/python3.12"
fi

if [ -e "$complete" ] && [ "$(version .venv/bin/python)" = "$(version "$python")" ]; then
    echo "Bringing .venv up to date with requirements.txt ..."
    rm -f "$complete"
else
    echo "Making .venv with $python ($(version "$python")): about 2 minutes and 3 GB, this once ..."
    "$python" -m venv --clear .venv
fi
.venv/bin/python -m pip install -qq --disable-pip-version-check --requirement requirements.txt
.venv/bin/python -m pip install -qq --disable-pip-version-check --no-deps --editable .
touch "$complete"
