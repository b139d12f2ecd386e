# One set of flags for every target, so that nothing is compiled twice: programs and tests share one optimised build,
# which lets tests see internals. It costs nothing measurable; without it a second build of everything would.
FLAGS = -c release -Xswiftc -enable-testing

# What `make run` rehearses, and further arguments: make run SCENARIO=scenarios/baseline.yaml ARGS='--seed 7'
SCENARIO = scenarios/region-loss.yaml
ARGS =
# Which tests `make test` runs, as a regular expression: make test FILTER=EventKernelTests
FILTER =

.PHONY: help setup build run test lint format bench clean

help:
	@echo 'make run      build, then rehearse $(SCENARIO)'
	@echo 'make test     lint, build with warnings as errors, run all tests'
	@echo 'make build    the release programs, .build/release/antipode among them'
	@echo 'make lint     check the style'
	@echo 'make format   apply the style'
	@echo 'make bench    the benchmark workloads beside C++ and the engines that are installed, and cost against size'
	@echo 'make setup    install what is missing, or say what to install'

setup:
	@.ci/setup --tests

build:
	@.ci/setup
	swift build $(FLAGS)

# Succeeds if the rehearsal passes. Make turns every other exit code into 2; run the program itself to see it.
run:
	@.ci/setup
	@swift build $(FLAGS) --product antipode
	@.build/release/antipode run $(SCENARIO) $(ARGS)

test: setup lint
	swift build $(FLAGS) --build-tests
	swift test $(FLAGS) --skip-build $(if $(FILTER),--filter '$(FILTER)')

lint:
	swift format lint --strict --parallel -r Sources Tests Benchmarks Package.swift

format:
	swift format format -i --parallel -r Sources Tests Benchmarks Package.swift

bench:
	@.ci/setup
	@swift build $(FLAGS) --product antipode
	@Benchmarks/compare
	@Benchmarks/engines
	@Benchmarks/scaling

clean:
	rm -rf .build
