"""The sets of DCASE Challenge Task 2: editions, folders, clip names, attributes."""
