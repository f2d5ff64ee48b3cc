"""What every layer may use: types, errors, events, files, hashes, seeds."""
