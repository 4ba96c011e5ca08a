"""The report: one page that says what came of the maintenance of a host in a stretch of time."""
