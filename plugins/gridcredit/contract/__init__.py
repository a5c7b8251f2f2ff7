"""What suppliers deliver: extracts, their columns and keys, the features made of them, and what is derived from
that.
"""
