"""Chapters of ccfr."""
