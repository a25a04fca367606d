"""Training: the loop, its exact resume, checkpoints."""
