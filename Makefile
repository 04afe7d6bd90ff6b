# hostpe: `make help` lists what there is. `make demo` and `make test` install all that they need first (.ci/bootstrap.sh says what).
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help build demo test check format unit e2e fuzz bench lab lab-shell bootstrap clean

# Node 24, vitest, tsc, biome and netns-lab of this workspace come before the system's.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
# The emulated machine starts Node twice as fast with what was compiled natively; `make build` fills the cache.
export NODE_COMPILE_CACHE := $(CURDIR)/.cache/node-compile
LAB := node netns-lab/src/main.ts

help: ## this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z0-9-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

bootstrap: ## install what everything below needs: apt packages, Node 24, npm packages, the lab kernel
	@sh .ci/bootstrap.sh

build: bootstrap ## bundle the executable into packages/hostpe/bundle
	@node packages/hostpe/build.ts
	@for daemon in forwarder route-server; do node packages/hostpe/bundle/hostpe.js $$daemon --config none --check >/dev/null 2>&1; done; true

demo: build ## the main job, shown step by step in a lab: two tenants, three hypervisors, one route server (DIALECT=name)
	@$(LAB) run --timeout 1500 --env NODE_COMPILE_CACHE --env DIALECT -- node e2e/demo/main.ts

test: build ## all checks and all test suites; the last line is 'N passed, N failed'
	@node .ci/test.ts

check: bootstrap ## format, lint, types, layers, unused code
	@node .ci/test.ts check

format: bootstrap ## rewrite the sources as `make check` wants them
	@biome check --write .

unit: bootstrap ## unit tests, on this machine's kernel (T=name: only the files whose path contains it)
	@vitest run --project unit $(T)

e2e: build ## kernel and end-to-end tests, in the lab kernel (T=name: only the files whose path contains it)
	@node .ci/test.ts lab $(T)

fuzz: bootstrap ## random streams into the XMPP parser, damaged BGP messages, random events at the reconciler (S=seconds each)
	@node packages/xmpp/test/fuzz.ts $(S)
	@node packages/bgp/test/fuzz.ts $(S)
	@node packages/reconciler/test/fuzz.ts $(S)

bench: bootstrap ## all benchmarks: ratios to peers and limits
	@for f in packages/*/bench/*.bench.ts; do node $$f || exit 1; done

bench-%: bootstrap
	@node $$(ls packages/*/bench/$*.bench.ts)

lab: bootstrap ## run one command in the lab kernel: make lab CMD='ip link'
	@$(LAB) run -- sh -c '$(subst ','\'',$(CMD))'

lab-shell: bootstrap ## a shell in the lab kernel
	@$(LAB) shell

clean: ## remove everything that was built, fetched or left behind by a crash
	@if [ -e node_modules/.bin/node ] && [ "$$(id -u)" = 0 ]; then $(LAB) clean; fi
	rm -rf .cache bench-results node_modules packages/*/node_modules packages/*/dist packages/hostpe/bundle netns-lab/node_modules netns-lab/dist e2e/node_modules e2e/dist
