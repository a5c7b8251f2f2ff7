"""How a file follows those before it: whether it is known, what it shares with them, whose rows it repairs."""
