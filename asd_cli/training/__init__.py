"""Training of torch modules: devices, the loop, checkpoints. Knows modules and batches only."""
