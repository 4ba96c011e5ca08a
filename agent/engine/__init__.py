"""The engine: one run, from its document to its end, with the manners that every action gets for nothing."""
