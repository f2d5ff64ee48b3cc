"""Recordings: editions, names, folders, downloads, the synthetic set, ground truth."""
