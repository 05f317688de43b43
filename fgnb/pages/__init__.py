"""The pages of the book, a module a notebook: what one chapter alone counts, declares and draws."""
