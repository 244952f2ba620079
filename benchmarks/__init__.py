"""Benchmarks: ratios measured in one run, never times asserted in a test. `make bench` writes docs/performance.md."""
