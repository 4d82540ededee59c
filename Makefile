# What there is to do here. `make demo` and `make test` are all a newcomer needs.
#
# Artefacts go where CARGO_TARGET_DIR says, else into target/.

CARGO ?= cargo

.PHONY: help setup demo check test doc bench deny

help:
	@echo "make demo    build, generate a day of border traffic, run all three streams, show what was selected and why"
	@echo "make test    everything CI runs: format, lints, tests, documentation"
	@echo "make check   format and lints only"
	@echo "make bench   measure (builds optimised)"
	@echo "make deny    licences, sources and advisories of the dependencies (needs cargo-deny and the network)"

# A C compiler and the Rust toolchain; says what is missing where it cannot install it.
setup:
	@scripts/setup.sh

demo: setup
	$(CARGO) run --release --locked -p haechi -- demo

check: setup
	$(CARGO) fmt --all -- --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

# All packages even where one fails: the whole picture in one run.
test: check
	$(CARGO) test --workspace --locked --no-fail-fast
	$(MAKE) doc

# Private items too: the readers of these pages work on the code.
doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --document-private-items --locked

bench: setup
	$(CARGO) bench --locked -p haechi-benches

deny:
	$(CARGO) deny check
