"""Experiments across papers: what several of them claim, under conditions that none of them has.

A room may use several papers' parts; no paper knows of it.
"""
