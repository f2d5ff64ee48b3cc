"""From scores and labels to the figures of the challenge."""
