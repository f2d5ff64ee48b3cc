"""Log-mel spectrograms pooled over time."""
