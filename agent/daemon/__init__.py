"""The daemon only decides: what is in force, what is due, what may start. Maintenance happens in processes of runs."""
