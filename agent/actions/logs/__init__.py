"""Actions on logs: rotating files, clearing out the journal, and finding what is new in what they say."""
