"""What the chapters of pose count and draw, a module a notebook."""
