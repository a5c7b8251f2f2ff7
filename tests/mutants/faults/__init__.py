"""What makes faults, each of its kind of file."""
