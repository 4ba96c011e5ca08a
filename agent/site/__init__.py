"""The status page: HTML made from the store by a short-lived process, so that the agent itself stays small."""
