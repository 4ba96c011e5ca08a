"""Actions that look ahead at what fills up."""
