# What a developer types. The work is done by scripts/test.sh; docs/testing.md says what is tested how.

.PHONY: help test test-all check

help: ## This list.
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 18

test: ## The gate: installs what is missing, then format, clippy, all tests, and the demo in Chromium.
	@scripts/test.sh gate

test-all: ## The gate, and what takes longer.
	@scripts/test.sh all

check: ## Format, clippy and the fast tests, without PostgreSQL and browser.
	@scripts/test.sh fast
