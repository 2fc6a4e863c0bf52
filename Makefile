# SPDX-License-Identifier: Apache-2.0

GO        = $(shell scripts/find-go || echo go)
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS   = -s -w -X main.version=$(VERSION)
GOFILES   = $(shell git ls-files '*.go')
TESTFLAGS ?=

export CGO_ENABLED = 0

.DEFAULT_GOAL := help
.PHONY: help setup languages up down build test check test-race fmt lint generate bench simulate clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what this machine lacks: Go, Python, Node.js
	@scripts/setup

languages: ## install the toolchains of all languages and S3's clients, which the tests need
	@scripts/setup languages

up: build ## set up, build, start the platform, deploy the thumbnailer example
	@scripts/up

down: ## stop what make up started
	@scripts/down

build: setup ## build bin/dayfly
	@mkdir -p bin
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/dayfly ./cmd/dayfly

test: languages ## set up, run every test
	$(GO) test -timeout 40m $(TESTFLAGS) ./...

check: setup lint ## what must hold beside the tests: format, vet, lint, the house's rules
	$(GO) test -count 1 .

test-race: setup ## run the tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race -short -timeout 40m $(TESTFLAGS) ./...

fmt: ## format the Go files
	$(GO)fmt -l -w $(GOFILES)

lint: ## gofmt, go vet, staticcheck
	@unformatted=$$($(GO)fmt -l $(GOFILES)); test -z "$$unformatted" || \
		{ echo "make fmt would change:"; echo "$$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

generate: ## write the schema and the golden files anew; tests compare them
	$(GO) test -short -count 1 $(dir $(addprefix ./,$(shell git grep -l 'flag.Bool."update"' -- '*_test.go'))) -update

bench: build ## measure this machine: a table, bench/results/results.json and a picture
	PATH="$(dir $(GO)):$$PATH" $(GO) run ./bench -binary bin/dayfly $(BENCHFLAGS)

simulate: ## run the keep-warm policies over simulated weeks: a table and a picture in bench/results
	$(GO) run ./bench/simulate $(SIMULATEFLAGS)

clean: ## remove what was built; data in .dayfly stays
	rm -rf bin bench/results
