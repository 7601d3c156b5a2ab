"""What the compose stack needs besides the images: configuration files, and ``init``, which makes its secrets."""
