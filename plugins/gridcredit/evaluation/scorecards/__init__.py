"""Scorecards fitted to a supplier's own history, weights by method where there is none, and how either becomes a
policy.
"""
