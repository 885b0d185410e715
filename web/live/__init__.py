"""Live talks in this process: what a speaker sends, and everybody who hears it."""
