"""Neural networks, as torch modules."""
