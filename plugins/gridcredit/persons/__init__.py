"""Persons behind customers: pseudonyms for names and numbers, and who stood behind a customer when."""
