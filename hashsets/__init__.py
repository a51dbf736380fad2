"""Hashes, hash sets, distances and the index. Knows nothing of reports, items, HTTP or the clock."""
