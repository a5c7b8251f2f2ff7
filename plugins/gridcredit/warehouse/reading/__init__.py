"""What readers read, who they are, and which rows they see; all of it belongs to the owner of the evidence."""
