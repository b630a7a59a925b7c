"""Forgetting earlier backups: their manifests, and what they alone hold of the tables beside the log.

Rows and files are in every later backup too; what was erased beside the log since is in the earlier ones alone, and
goes with them. This module must not know why anything is forgotten.
"""

from datetime import datetime

from cds.backups.layout import BackupDirectory
from cds.backups.manifest import is_before, manifest_names, read_manifest


def forget_backups(directory: BackupDirectory, before: datetime) -> int:
    """Delete the backups that were taken before a moment, but never the last of all; how many those were.

    Whatever ends this, the next call goes on. Raises BackupRefused, and deletes nothing, where a manifest that stays
    cannot be read: nobody knows then what it needs.
    """
    names = manifest_names(directory)
    gone = [name for name in names[:-1] if is_before(name, before)]
    kept = [read_manifest(directory.manifests / name).manifest for name in names if name not in gone]
    needed = {
        directory.piece(entry.sha256) for manifest in kept for entries in manifest.tables.values() for entry in entries
    }
    directory.remove([directory.manifests / name for name in gone])
    directory.remove([path for path in directory.pieces_on_disk() if path not in needed])
    return len(gone)
