"""Evaluation of ratings: what became of the customers rated, how well the score told it, and the monthly watch."""
