"""Repositories of pgBackRest: physical backups of a PostgreSQL server, and every instant in between."""

from agent.drivers.repositories.pgbackrest.driver import PgBackRest

DRIVER = PgBackRest
