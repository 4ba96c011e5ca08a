"""What a repository says to whoever finds it without the agent."""

TEXT = """\
Backups made by Hostkeeper. Nothing but common programs is needed to read them:
b3sum, zstd and GNU tar, and age or gpg where the names of files end in .age or .gpg.

  <host>/<task>/<id>/       one backup; the id tells when it began (UTC) and its level
    backup.json             what it is; "parent" is the backup that it builds on
    B3SUMS                  the BLAKE3 of its files; the id ends with the first 16 digits
                            of the SHA-256 of B3SUMS itself
    files.tar.zst           files and directories
    files.manifest.zst      one line of JSON for each of them, with the SHA-256 of files
    database-<name>...zst   a database; "form" in backup.json tells how it was written

To check a backup, in its directory:

    b3sum --check B3SUMS
    sha256sum B3SUMS

To bring files back: make an empty directory, and never use one with anything in it,
since tar removes what was not there at the time of a backup. Follow "parent" to the full
backup. Then unpack the full backup, and each that builds on it, in the order of time:

    zstd -dc --long=31 files.tar.zst | tar --extract --file=- --listed-incremental=/dev/null \\
        --xattrs --xattrs-include='*' --acls --numeric-owner --preserve-permissions --directory=DIRECTORY

Encrypted files are decrypted first:

    age --decrypt --identity=KEYFILE files.tar.zst.age | zstd -dc --long=31 | tar ...
    gpg --decrypt files.tar.zst.gpg | zstd -dc --long=31 | tar ...

To bring a database back, the same way up to zstd, and then, by its "form":

    pg_dump custom      | pg_restore --dbname=NAME
    mariadb-dump sql    | mariadb NAME
    sqlite file         > FILE
"""
