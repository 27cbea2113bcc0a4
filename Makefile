# Pollux. `make help` says what there is.
GO      ?= go
BIN     := bin/pollux
FUZZTIME ?= 20s

.PHONY: help build demo test race fuzz bench bench-peers lint generate clean peers

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/pollux
	@mkdir -p bin
	$(GO) build -o $(BIN) ./cmd/pollux

demo: build ## three hosts, 1,000 flows, a million packets, every one accounted for (root)
	./$(BIN) demo

# install installs $$missing. What it brings is for tests, which start it themselves: no service
# is left to run, now or after the next start.
define install
	if [ -n "$$missing" ]; then \
		echo "installing:$$missing"; \
		policy=/usr/sbin/policy-rc.d; \
		if [ ! -e $$policy ]; then \
			printf '#!/bin/sh\nexit 101\n' >$$policy; chmod 755 $$policy; trap 'rm -f /usr/sbin/policy-rc.d' EXIT; \
		fi; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null || exit 1; \
		for s in $$missing; do \
			case $$s in openvswitch-switch|openvswitch-testcontroller) systemctl disable -q $$s 2>/dev/null || true;; esac; \
		done; \
	fi
endef

# The switch itself needs none of these, to build or to run.
peers: ## install the tools that tests compare with (Debian)
	@missing=""; \
	command -v nfcapd >/dev/null || missing="$$missing nfdump"; \
	command -v nfacctd >/dev/null || missing="$$missing pmacct"; \
	command -v ipfixDump >/dev/null || missing="$$missing libfixbuf-tools"; \
	command -v tshark >/dev/null || missing="$$missing tshark"; \
	command -v ovs-ofctl >/dev/null || missing="$$missing openvswitch-common"; \
	command -v ovs-testcontroller >/dev/null || missing="$$missing openvswitch-testcontroller"; \
	command -v osken-manager >/dev/null || missing="$$missing python3-os-ken"; \
	command -v ping >/dev/null || missing="$$missing iputils-ping"; \
	command -v ethtool >/dev/null || missing="$$missing ethtool"; \
	command -v tcpdump >/dev/null || missing="$$missing tcpdump"; \
	command -v gcc >/dev/null || missing="$$missing gcc libc6-dev"; \
	command -v ovs-vswitchd >/dev/null && command -v ovsdb-server >/dev/null || missing="$$missing openvswitch-switch"; \
	test -x /usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk || missing="$$missing openvswitch-switch-dpdk"; \
	command -v pkg-config >/dev/null || missing="$$missing pkg-config"; \
	pkg-config --exists libdpdk 2>/dev/null || missing="$$missing dpdk-dev"; \
	ls /usr/lib/*/dpdk/pmds-*/librte_net_null.so* >/dev/null 2>&1 || missing="$$missing librte-net-null23"; \
	command -v dpdk-testpmd >/dev/null || missing="$$missing dpdk"; \
	$(install)

# Switches of others poll a core each, so what starts them runs when all else is done.
test: peers build ## all tests with the race detector, then those that it would disturb, then laws without assembly (root)
	$(GO) vet ./...
	CI=true $(GO) test -race -timeout 20m $$($(GO) list ./... | grep -v /bench/peers$$)
	CI=true $(GO) test -race -timeout 20m ./bench/peers
	$(GO) test -count=1 -run 'Alloc|Inline' ./flow/ ./classifier/ ./actions/ ./ipfix/... ./internal/... ./pmd/...
	$(GO) test -tags purego ./flow/ ./classifier/ ./ipfix/cache/ ./pmd/

race: peers ## only the tests under the race detector
	$(GO) test -race -timeout 20m ./...

fuzz: peers ## every fuzz target for FUZZTIME (20s) each, then new cases beside Open vSwitch (root)
	@for pkg in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "== $$pkg $$f"; \
			$(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
		done; \
	done
	$(GO) test -count=1 -run OpenVSwitchAgrees ./pmd -ovs 200 -ovs-seed 0

bench: build ## memory, veths, stalls, a storm of flow-mods and all scenarios in four minutes; ends with a table, writes bench/out/report.html (root)
	@mkdir -p bench/out && rm -f bench/out/*.json
	./$(BIN) bench memory --turns 9 --out bench/out/memory.json
	./$(BIN) bench veth --repeats 3 --out bench/out/veth.json
	./$(BIN) bench stalls --time 45s --out bench/out/stalls.json
	./$(BIN) bench storm --time 15s --out bench/out/storm.json
	./$(BIN) bench run all --brief --repeats 5 --out bench/out/run.json
	./$(BIN) bench report bench/out/*.json --html bench/out/report.html --md bench/out/report.md

# bin/pollux bench peers restores what it changes of the machine (huge pages).
bench-peers: peers build ## Pollux beside OVS-DPDK, in turns on one core (root, Debian)
	./$(BIN) bench peers

lint: ## gofmt, vet, staticcheck
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

generate: ## schema and configuration reference from the types
	$(GO) generate ./...

clean: ## remove what was built
	rm -rf bin
