"""Programs for whoever works on this project: what they write is committed."""
