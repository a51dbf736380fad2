"""Formats of shared lists, one per file; no network."""
