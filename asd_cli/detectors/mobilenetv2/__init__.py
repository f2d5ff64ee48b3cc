"""The MobileNetV2 baseline of DCASE 2021 Task 2, and its embedding."""
