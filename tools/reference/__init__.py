"""Writes docs/reference from the schemas and the code, so that it cannot say anything else than they do."""
