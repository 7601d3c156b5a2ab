"""The stack's one-shot service: makes passwords once, and writes each service the files that only it may read."""
