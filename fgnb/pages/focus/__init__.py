"""Chapters of focus."""
