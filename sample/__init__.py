"""A sample to try: TPC-H in an embedded PostgreSQL, synced into a lake and served. `make run` is `python -m sample`."""
