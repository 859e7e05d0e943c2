"""One `bench_*.py` per question; each prints ratios to a reference measured in the same run. `make bench` runs all."""
