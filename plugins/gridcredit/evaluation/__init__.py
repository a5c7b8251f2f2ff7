"""Evaluation of ratings: what became of the customers rated, how well the score predicted it, and the monthly watch."""
