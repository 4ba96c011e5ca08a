"""What the make targets run: checks of the house, and the generator of docs/reference."""
