"""Chapters across papers, whose questions are our own."""
