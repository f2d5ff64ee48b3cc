"""Embeddings of an encoder that somebody else trained."""
