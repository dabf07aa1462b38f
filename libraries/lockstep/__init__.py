"""What the keyword libraries share: masking, waiting, asserting, the target in use, the running test."""
