"""``./run target``: the targets that the project knows, and how those that bring a ``boot.yaml`` are started."""
