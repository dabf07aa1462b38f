"""Two small platforms with dialects of their own: one speaks by cookies and forms, one by frames."""
