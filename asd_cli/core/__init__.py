"""What every floor of the house may use: types, errors, events, files, hashes, seeds."""
