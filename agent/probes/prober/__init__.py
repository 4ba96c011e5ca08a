"""The prober: a process that measures the probes of the policies, so that nothing of it can hold the agent up."""
