"""What several use cases share: paths of a run, models, machines at once."""
