#!/usr/bin/env bash
# Makes this checkout ready: .venv with the locked packages, and the server packages that a local run needs.
# --tests: also what only tests need; what cannot be installed is said here, and by its tests.
# Idempotent; a second call takes a fraction of a second. One that was interrupted is made good by the next; a second one
# at the same time waits for the first. Honours $PYTHON.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "setup: $*" >&2; }

# --close: what is started here (a package's server, for one) must not inherit the lock and hold it for ever.
if [ -z "${HARNESS_SETUP_LOCKED:-}" ] && command -v flock >/dev/null 2>&1; then
    export HARNESS_SETUP_LOCKED=1
    status=0
    flock --nonblock --conflict-exit-code 75 --close scripts/setup.sh scripts/setup.sh "$@" || status=$?
    [ "$status" -eq 75 ] || exit "$status"
    say "another set-up of this checkout is at work; waiting for its end"
    exec flock --close scripts/setup.sh scripts/setup.sh "$@"
fi

for_tests=
[ "${1:-}" != --tests ] || for_tests=1

have_postgres() {
    command -v initdb >/dev/null 2>&1 && return 0
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

is_debian() { [ -r /etc/os-release ] && grep -qE '^ID(_LIKE)?=.*(debian|ubuntu)' /etc/os-release; }

# PYTHON may be given; otherwise the first interpreter that is new enough.
new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
can_venv() { "$1" -c 'import venv, ensurepip' >/dev/null 2>&1; }

find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null 2>&1 && new_enough "$candidate"; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    return 1
}

python=$(find_python || true)

# A directory with an interpreter in it is not yet an environment: venv unpacks pip last.
venv_works() { .venv/bin/python -c 'import pip' >/dev/null 2>&1; }

stamp=.venv/.ready  # written last: without it nobody knows how far a set-up came
wanted=$(cat requirements.lock pyproject.toml | sha256sum | cut -d' ' -f1)
venv=ready
if [ ! -f "$stamp" ] || ! venv_works; then venv=missing
elif [ "$(cat "$stamp")" != "$wanted" ]; then venv=outdated
fi

missing=()
if [ "$venv" = missing ]; then
    if [ -z "$python" ]; then missing+=(python3 python3-venv)
    elif ! can_venv "$python"; then missing+=(python3-venv)
    fi
fi
if ! { command -v prometheus && command -v promtool; } >/dev/null 2>&1; then missing+=(prometheus); fi
have_postgres || missing+=(postgresql)
command -v redis-server >/dev/null 2>&1 || missing+=(redis-server)

if [ ${#missing[@]} -gt 0 ]; then
    if ! is_debian || ! command -v apt-get >/dev/null 2>&1; then
        say "this machine lacks: ${missing[*]} (Debian's package names)."
        say "Install them with your system's package manager: Python >= 3.11 with venv, Prometheus (prometheus and"
        say "promtool on PATH), PostgreSQL's server programs (initdb and postgres on PATH) and redis-server. Then try again."
        exit 12
    fi
    root=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null 2>&1; then
            say "this machine lacks: ${missing[*]}, and you are neither root nor is sudo here."
            say "Have an administrator run: apt-get install --no-install-recommends ${missing[*]}"
            exit 12
        fi
        root=(sudo)
    fi
    say "installing Debian packages: ${missing[*]} (with ${root[*]:-root}'s rights). Debian may start their services;"
    say "the harness starts its own, on free loopback ports, and leaves those alone."
    "${root[@]}" apt-get update -qq
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    python=$(find_python) || { say "no Python >= 3.11 found; install one and give it as PYTHON=..."; exit 12; }
fi

if [ -n "$for_tests" ]; then
    extra=()
    # npm: Grafana's types, against which tests check the dashboards' JSON.
    if ! { command -v node && command -v npm; } >/dev/null 2>&1; then extra+=(nodejs npm); fi
    # Chromium opens the HTML report; without any font a browser draws no text at all.
    if ! command -v chromium >/dev/null 2>&1; then extra+=(chromium fonts-dejavu-core); fi
    # The engine of the container and compose tests, which start their own, and what their images are made with.
    if [ ! -x /bin/busybox ] || ldd /bin/busybox >/dev/null 2>&1; then extra+=(busybox-static); fi
    if ! { command -v dockerd && command -v docker; } >/dev/null 2>&1; then
        extra+=(docker.io)
        # Newer Debians have the command in a package of its own.
        if apt-cache show docker-cli >/dev/null 2>&1; then extra+=(docker-cli); fi
    fi
    for program in debootstrap iptables; do
        command -v "$program" >/dev/null 2>&1 || extra+=("$program")
    done
    command -v ip >/dev/null 2>&1 || extra+=(iproute2)
    command -v amtool >/dev/null 2>&1 || extra+=(prometheus-alertmanager)
    # The peer that `make bench` measures the load beside.
    command -v wrk >/dev/null 2>&1 || extra+=(wrk)
    if [ ${#extra[@]} -gt 0 ]; then
        root=()
        [ "$(id -u)" -eq 0 ] || root=(sudo -n)
        say "installing Debian packages that only tests and benchmarks need: ${extra[*]} (with ${root[*]:-root}'s rights)."
        if ! { is_debian && "${root[@]}" apt-get update -qq \
            && "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${extra[@]}"; } >/dev/null
        then say "could not install ${extra[*]}: the tests that need them will say so."; fi
    fi
fi

if [ "$venv" != ready ]; then
    say "making .venv with the locked packages (a minute, the first time)"
    rm -f "$stamp"
    # Not beside and renamed: an environment's programs know its path.
    [ "$venv" = outdated ] || { rm -rf .venv; "$python" -m venv .venv; }
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
    printf '%s\n' "$wanted" > "$stamp.part"
    mv "$stamp.part" "$stamp"
fi
