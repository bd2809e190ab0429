# Every recipe runs on the project's own Node and pnpm, which `install` puts into .tools.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
export PATH := $(CURDIR)/.tools/node_modules/.bin:$(CURDIR)/node_modules/.bin:$(CURDIR)/.tools/bin:$(PATH)
export BROKERS ?= 3

.DEFAULT_GOAL := help
.PHONY: help install run run-kafka demo first tour git-history kafka-up kafka-down s3-up s3-down topics entdb test test-all external \
	check fmt gen lock types bench bench-restore chaos chaos-kafka every-offset recovery-chaos damage retention conformance clean

help: ## print the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: install ## start the fleet on the embedded log; Ctrl-C stops it
	@exec node deploy/local/run.ts

run-kafka: install ## start the fleet on the brokers of kafka-up
	@exec node deploy/local/run.ts --kafka

demo: install ## load Debian's package index through the client and check it (ARGS=...)
	@exec node examples/debian/src/main.ts $(ARGS)

first: install ## the README's first write and read, on a running fleet
	@exec node examples/first/src/main.ts

tour: install ## the tour of docs/guides/getting-started.md, on a running fleet
	@exec node examples/first/src/tour.ts

git-history: install ## restore to random commits of a git repository, compare with git (ARGS="--repo PATH --s3")
	@exec node examples/git-history/src/main.ts $(ARGS)

kafka-up: install ## start local Kafka brokers (BROKERS=1 or 3)
	@deploy/kafka/up.sh

kafka-down: install ## stop the local Kafka brokers
	@deploy/kafka/down.sh

s3-up: install ## start a local S3 server with a bucket, and print the settings for it
	@deploy/s3/up.sh

s3-down: install ## stop the local S3 server
	@deploy/s3/down.sh

topics: export ENTDB_LOG := kafka
topics: export ENTDB_KAFKA_BROKERS ?= 127.0.0.1:19091,127.0.0.1:19092,127.0.0.1:19093
topics: install ## create the topics on the brokers of kafka-up, or on ENTDB_KAFKA_BROKERS (ARGS=...)
	@exec node libs/cli/src/main.ts topics create $(ARGS)

entdb: install ## run the command line (ARGS="explain LOG_GAP")
	@exec node libs/cli/src/main.ts $(ARGS)

test: install ## run every test that needs Node only (SPECS=libs/wal for a part)
	@exec node deploy/tools/test/main.ts $(SPECS)

test-all: install external ## run every test, those with Kafka and other external parts too
	@ENTDB_TEST_EXTERNAL=1 exec node deploy/tools/test/main.ts $(SPECS)

check: install ## format, lint, types, generated code, contract, import rules
	@exec node deploy/tools/check/main.ts

fmt: install ## format every file
	@oxfmt .

types: install ## check the types of every package
	@tsc -b

gen: install ## generate the TypeScript of proto/, and the pages of docs/errors and docs/reference
	@buf generate
	@node deploy/tools/docs/errors.ts --write
	@node deploy/tools/docs/reference.ts --write

bench: install ## measure writes and reads beside their raw limits (ARGS=...)
	@exec node e2e/src/bench/main.ts $(ARGS)

bench-restore: install ## measure restore, replay, verify and archiving beside their raw limits (ARGS=...)
	@exec node e2e/src/bench-restore/main.ts $(ARGS)

chaos: install ## kill services under load on the embedded log, then count (ARGS=...)
	@exec node e2e/src/chaos/main.ts $(ARGS)

chaos-kafka: install ## the same on Kafka, brokers too (ARGS=...)
	@exec node e2e/src/chaos/main.ts --kafka $(ARGS)

every-offset: install ## restore to every offset and to random times, compare rows (ARGS="--s3 --records N")
	@exec node e2e/src/restore/main.ts $(ARGS)

recovery-chaos: install ## kill archiver, snapshotter and restore 300 times, compare everything (ARGS="--s3 --kafka")
	@exec node e2e/src/recovery-chaos/main.ts $(ARGS)

damage: install ## change every byte of every kind of object, ask restore and verify (ARGS="--s3 --one-of N")
	@exec node e2e/src/damage/main.ts $(ARGS)

retention: install external ## let Kafka forget its log under a fleet, and restore from S3 all the same (ARGS=...)
	@exec node e2e/src/retention/main.ts $(ARGS)

conformance: install external ## run the RPC protocols' own conformance suite on the server kit
	@deploy/conformance/run.sh

install: ## bring Node, pnpm and the packages (the targets above do it by themselves)
	@deploy/tools/bootstrap.sh

external: install ## bring Kafka, an S3 server, grpcurl, the conformance suite and grpcio into .tools
	@deploy/tools/external.sh

lock: ## renew pnpm-lock.yaml after a change to a package.json
	@deploy/tools/bootstrap.sh toolchain
	@pnpm install --no-frozen-lockfile

clean: ## delete what builds and tests leave; .tools and data folders stay
	@find libs services e2e examples deploy -name node_modules -prune -o -name dist -type d -exec rm -rf {} +
