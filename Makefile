# The commands of this project (CONTRIBUTING.md explains them). All paths are relative, so the checkout may stand anywhere.
SHELL := /bin/sh
MAKEFLAGS += --no-builtin-rules --no-print-directory
PREFIX ?= /usr/local
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: build run test bench campaign conformance install fmt check clean FORCE

# Folders are listed too: their time changes when a file in them is added or removed.
typescript := $(shell find src \( -type d -o -type f \) ! -name '.*' 2>/dev/null)
core := native/Cargo.toml native/Cargo.lock $(shell find native/core native/border native/link \( -type d -o -type f \) ! -name '.*')
jail := native/Cargo.toml native/Cargo.lock $(shell find native/jail \( -type d -o -type f \) ! -name '.*')
local := native/Cargo.toml native/Cargo.lock $(shell find native/local native/border native/link \( -type d -o -type f \) ! -name '.*')

# LOCAL=0 builds without local models. What was built last is named by a file, so that the other is built anew.
LOCAL ?= 1

build: dist/rein

run: build
	@sh scripts/examples $(LOCAL)

test:
	@sh scripts/test.sh

loops := $(patsubst bench/baselines/%.ts,dist/bench/%,$(wildcard bench/baselines/*.ts))
bench: build dist/bench/launch $(loops)
	@scripts/bun run bench/main.ts

# The tests that are a sample in `make test`, at full length.
campaign: build
	@REIN_CAMPAIGN=1 scripts/bun test $$(grep -rl --include='*.test.ts' REIN_CAMPAIGN tests)

# The published suite of the Model Context Protocol alone, which is part of `make test`.
conformance: build
	@scripts/bun run tests/conformance/suite.ts

check: node_modules/.package-lock.json
	@scripts/bun run scripts/test.ts --static

fmt: node_modules/.package-lock.json
	@scripts/bun fmt src tests bench scripts
	@scripts/cargo fmt --all --manifest-path native/Cargo.toml

# A shell may leave the tilde of PREFIX=~/.local to us.
prefix = $(DESTDIR)$(patsubst ~/%,$(HOME)/%,$(PREFIX))
install: build
	mkdir -p "$(prefix)/bin"
	cp dist/rein "$(prefix)/bin/.rein.new"
	chmod 755 "$(prefix)/bin/.rein.new"
	mv -f "$(prefix)/bin/.rein.new" "$(prefix)/bin/rein"
	cd "$(prefix)" && mkdir -p share/man/man1 share/bash-completion/completions share/zsh/site-functions share/fish/vendor_completions.d
	dist/rein man > "$(prefix)/share/man/man1/rein.1"
	dist/rein completions bash > "$(prefix)/share/bash-completion/completions/rein"
	dist/rein completions zsh > "$(prefix)/share/zsh/site-functions/_rein"
	dist/rein completions fish > "$(prefix)/share/fish/vendor_completions.d/rein.fish"

clean:
	rm -rf dist native/target .cache

# npm writes this file last, so an install that was interrupted is made again.
node_modules/.package-lock.json: package-lock.json
	npm ci --no-audit --no-fund --no-update-notifier --loglevel=error
	@touch $@

dist/native/librein_core.so: $(core)
	scripts/cargo build --release --locked --manifest-path native/Cargo.toml --package rein_core
	@scripts/put native/target/release/librein_core.so $@

# What tokens are counted by.
dist/native/%.ranks: scripts/ranks.ts native/Cargo.lock
	scripts/bun run scripts/ranks.ts $* $@

# What services' models cost.
dist/native/models.prices: scripts/prices.ts node_modules/.package-lock.json
	scripts/bun run scripts/prices.ts $@

dist/native/local-$(LOCAL): $(local) node_modules/.package-lock.json
ifeq ($(LOCAL),0)
	@echo "Building without local models: LOCAL=0"
	@mkdir -p dist/native && echo "Built without local models" > dist/native/librein_local.so
else
	scripts/cargo build --release --locked --manifest-path native/Cargo.toml --package rein_local
	@scripts/put native/target/release/librein_local.so dist/native/librein_local.so
endif
	@rm -f dist/native/local-* && touch $@

# Static, so that it starts fast and in any root. A named target keeps the flag away from build scripts and macros.
dist/native/rein-jail: $(jail)
	triple=$$(scripts/cargo --version --verbose | sed -n 's/^host: //p') && \
	RUSTFLAGS='-C target-feature=+crt-static' scripts/cargo build --release --locked --manifest-path native/Cargo.toml \
	  --package rein_jail --target "$$triple" --target-dir native/target/jail && \
	scripts/put "native/target/jail/$$triple/release/rein_jail" $@

# With the crates' sources, which the libraries' builds have fetched.
dist/licences.txt: scripts/licences.ts LICENSE native/local/LICENSE.llama.cpp package-lock.json native/Cargo.lock dist/native/librein_core.so dist/native/local-$(LOCAL) dist/native/rein-jail
	scripts/bun run scripts/licences.ts $@ $(LOCAL)

# Rewritten only when the commit changed, or the tree became different from it.
dist/commit: FORCE
	@mkdir -p dist && scripts/commit > dist/.commit.new
	@if cmp -s dist/.commit.new $@; then rm dist/.commit.new; else mv -f dist/.commit.new $@; fi

parts := node_modules/.package-lock.json dist/licences.txt dist/native/librein_core.so dist/native/local-$(LOCAL) dist/native/rein-jail dist/native/o200k_base.ranks dist/native/cl100k_base.ranks dist/native/models.prices dist/commit

# What libraries print by themselves is left out: on stdout it would be part of the answer, and it holds what servers say, raw.
compile = scripts/compile src/main.ts $(1) --tsconfig-override=tsconfig.build.json --drop=console \
  --define REIN_VERSION="\"$$(sed -n 's/^  "version": "\(.*\)",/\1/p' package.json)\"" \
  --define REIN_COMMIT="\"$$(cat dist/commit)\""

# What short runs use, which is laid side by side in the executable: less of it is read and kept. It is recorded with an executable of
# its own, and again only with other packages: what has changed since is merely not laid there.
orders := $(patsubst %,dist/orders/%.order,openai openai-compatible anthropic ollama)
dist/orders/ollama.order: package-lock.json tsconfig.build.json scripts/order.ts bench/service.ts | $(parts)
	$(call compile,dist/orders/rein)
	scripts/bun run scripts/order.ts dist/orders/rein dist/orders
	@rm -f dist/orders/rein dist/orders/rein.chunks.json

dist/rein: $(parts) dist/orders/ollama.order package.json tsconfig.build.json scripts/compile $(typescript)
	$(call compile,$@) --bytecode-order=$$(echo $(orders) | tr ' ' ,)

# What the benchmark measures rein against is compiled in the same way.
dist/bench/%: bench/baselines/%.ts scripts/compile node_modules/.package-lock.json
	scripts/compile $< $@

dist/bench/launch: bench/launch/Cargo.toml bench/launch/src/main.rs
	scripts/cargo build --release --locked --manifest-path bench/launch/Cargo.toml --target-dir native/target/bench
	@scripts/put native/target/bench/release/launch $@
