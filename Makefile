# What there is to do here. `make demo` and `make test` are all a newcomer needs.
#
# Artefacts go where CARGO_TARGET_DIR says, else into target/.

CARGO ?= cargo

.PHONY: help setup demo check test crash doc bench bench-stream instructions agree deny fuzz gigabyte round-trip

help:
	@echo "make demo    build, run the service on a generated day of border traffic, show selections arriving and why"
	@echo "make test    everything CI runs: format, lints, tests, documentation"
	@echo "make check   format and lints only"
	@echo "make crash   kill the service at random instants and check that nothing is lost or said twice; KILLS=200"
	@echo "make bench   measure (builds optimised); BENCH=by_rules for a part"
	@echo "make bench-stream   the running service under load: requests, files, a topic, a backlog, restarts, new rules"
	@echo "make instructions   count instructions of the hot kernels, fail where they grew (needs valgrind)"
	@echo "make agree   hits rule by rule against DataFusion's (needs pip install datafusion numpy pyarrow)"
	@echo "make round-trip   write and read back 100,000 generated messages a format; ROUND_TRIP=1000 for fewer"
	@echo "make gigabyte   put a gigabyte of messages through the command and tell how much memory it held"
	@echo "make fuzz    feed the readers with bytes that nobody sends; FUZZ_SECONDS=1800 a target, FUZZ=ebxml for a part"
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

# What CI runs with six kills. CRASH_SEED=2 gives another run; a run that fails says which seed it had.
KILLS ?= 200
crash: setup
	KILLS=$(KILLS) CRASH_SEED=$(CRASH_SEED) $(CARGO) test --locked -p haechi --test crash -- --nocapture --test-threads 1

# Private items too: the readers of these pages work on the code.
doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --document-private-items --locked

# With the command beside them, dependencies keep the features that a release build gives them: nothing is built twice.
bench: setup
	$(CARGO) bench --locked -p haechi -p haechi-benches --bench '*' -- $(BENCH)

# A quarter of an hour, and some 10 GB where STREAM says, which should be on the disk that the service would have.
# WORKLOAD="--workload DIR" takes rows and rules from there; with 10,000 rules in it, all of them serve.
STREAM ?= target/stream
RELEASE = $(or $(CARGO_TARGET_DIR),target)/release
MEASURED = --haechi $(RELEASE)/haechi $(WORKLOAD)
bench-stream: setup
	$(CARGO) build --release --locked -p haechi -p haechi-benches
	mkdir -p $(STREAM)
	rm -rf $(STREAM)/backlog
	$(RELEASE)/stream fsync --dir $(STREAM)
	$(RELEASE)/stream post $(MEASURED) --dir $(STREAM)
	$(RELEASE)/stream swap $(MEASURED) --dir $(STREAM)
	$(RELEASE)/stream folder $(MEASURED) --dir $(STREAM)
	$(RELEASE)/stream folder $(MEASURED) --dir $(STREAM) --format ndjson
	HAECHI_KAFKA="$${HAECHI_KAFKA:-$$(scripts/kafka.sh)}" $(RELEASE)/stream kafka $(MEASURED) --dir $(STREAM)
	$(RELEASE)/stream backlog $(MEASURED) --keep $(STREAM)/backlog
	$(RELEASE)/stream restart $(MEASURED) --keep $(STREAM)/backlog

instructions: setup
	CARGO="$(CARGO)" benches/instructions.py

# Six workloads and DataFusion's counts are made once, where AGREE says: some minutes, and 180 MB.
AGREE ?= target/agree
PYTHON ?= python3
agree: setup
	$(CARGO) build --release --locked -p haechi
	$(PYTHON) benches/peers/agree.py --make $(AGREE) --haechi $(or $(CARGO_TARGET_DIR),target)/release/haechi

deny:
	$(CARGO) deny check

ROUND_TRIP ?= 100000
round-trip: setup
	HAECHI_ROUND_TRIP=$(ROUND_TRIP) $(CARGO) test --release --locked -p haechi-connectors --no-fail-fast \
	    --test edifact_round_trip --test xml_round_trip --test cargo_imp_round_trip --test ebxml_round_trip \
	    --test answers_round_trip

# Needs 1.1 GB where TMPDIR says, at a time.
gigabyte: setup
	$(CARGO) build --release --locked -p haechi
	$(PYTHON) benches/gigabyte.py --haechi $(RELEASE)/haechi

# With cargo-fuzz and a nightly compiler guided by coverage; else the runner of the same targets, which is not and says so.
# No sanitizer: there is no unsafe code in the readers, and librdkafka does not build with one.
# What it finds worth keeping goes here; the corpus in the repository stays small.
FUZZ_CORPUS ?= /tmp/haechi-fuzz-corpus
FUZZ_SECONDS ?= 1800
FUZZ ?= $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))
fuzz: setup
	@if $(CARGO) +nightly fuzz --version >/dev/null 2>&1; then \
	    cd fuzz && for target in $(FUZZ); do \
	        mkdir -p $(FUZZ_CORPUS)/$$target || exit 1; \
	        $(CARGO) +nightly fuzz run --sanitizer none --features libfuzzer $$target $(FUZZ_CORPUS)/$$target corpus/$$target -- \
	            -max_total_time=$(FUZZ_SECONDS) -timeout=20 -rss_limit_mb=4096 -max_len=65536 || exit 1; \
	    done; \
	else \
	    $(CARGO) run --profile fuzz --locked -p haechi-fuzz --example runner -- \
	        --seconds $(FUZZ_SECONDS) $(FUZZ); \
	fi
