"""From recordings to numbers: audio reading, log-mel spectrograms, windows, the feature store."""
