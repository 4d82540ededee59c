#!/usr/bin/env bash
# Makes sure that what a build needs is there: a C compiler (one dependency, zstd, is C), make, and Rust with rustfmt
# and clippy. Installs what it can without asking for a password, and otherwise says what to install.
set -euo pipefail

# The oldest Rust that builds the workspace: `rust-version` in Cargo.toml.
rust_min=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$(dirname "$0")/../Cargo.toml")

fail() {
    echo "setup: $*" >&2
    exit 1
}

have() {
    command -v "$1" >/dev/null 2>&1
}

packages=()
have cc || packages+=(gcc libc6-dev)
have make || packages+=(make)
if ((${#packages[@]})); then
    if have apt-get && [[ $(id -u) == 0 ]]; then
        echo "setup: installing ${packages[*]}"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
    else
        fail "a C compiler and make are needed; on Debian: sudo apt-get install ${packages[*]}"
    fi
fi

have cargo || fail "Rust $rust_min or newer is needed: https://rustup.rs"
rust=$(rustc --version | cut -d' ' -f2)
oldest=$(printf '%s\n%s\n' "$rust_min" "$rust" | sort -V | head -n1)
[[ $oldest == "$rust_min" ]] || fail "Rust $rust is too old, $rust_min is needed: rustup update stable"

for component in fmt:rustfmt clippy:clippy; do
    if ! cargo "${component%:*}" --version >/dev/null 2>&1; then
        have rustup || fail "${component#*:} is missing; install it beside your Rust"
        rustup component add "${component#*:}"
    fi
done
