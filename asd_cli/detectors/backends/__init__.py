"""Back ends: from the embeddings of normal clips to anomaly scores of others."""
