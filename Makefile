# `make demo` and `make test` are all that a newcomer needs; both install what they need from this repository's files.
.PHONY: demo demo-down demo-openstack demo-openstack-down test test-unit lint format setup prerequisites kit help

help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 22

demo: setup ## From nothing to a proven restore, on a lab of real hosts
	python3 -m demo

demo-down: ## Remove what the demo made
	python3 -m demo down

demo-openstack: setup ## VMs, volumes, networks and another stack, on a real OpenStack
	python3 -m demo.openstack

demo-openstack-down: ## Remove what the OpenStack demo made
	python3 -m demo.openstack down

test: setup ## Every test; ends with 'N passed, N failed'
	python3 -m tests.run

test-unit: node_modules prerequisites ## The tests that need no lab and no engine, in under a minute
	npx jest tests/unit tests/templates

lint: node_modules ## Formatter, linters, type checker, pinned versions
	tests/lint

format: node_modules ## Let the formatter have its way
	npm run format

kit: ## Build the recovery kit of STACK from its state: make kit STACK=prod OUT=kit.tar
	@toolchain/run pulumi stack export --stack "$(STACK)" --show-secrets | host/kit-from-state --out "$(OUT)"

setup: prerequisites node_modules
	toolchain/setup

prerequisites: ## Debian packages for the lab and the tests
	tests/prerequisites

# Nothing that is installed needs to run code of its own: @pulumi/command would download a plugin.
node_modules: package.json package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch node_modules
