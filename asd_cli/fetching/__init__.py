"""Fetch the recordings of an edition: records, transfers, archives, installed files."""
