"""The autoencoder baselines of DCASE Task 2."""
