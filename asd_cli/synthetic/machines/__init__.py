"""The seven machines, one model of the physics in each file."""
