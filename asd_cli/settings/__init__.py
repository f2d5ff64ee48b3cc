"""Settings: `baseline.yaml`, environment and overrides, checked, each value with its origin."""
