"""What tests of repositories share."""

from tests.system.backups.stanza import shop

__all__ = ["shop"]
