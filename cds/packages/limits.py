"""How large a source may be. Beyond these it is refused, naming the limit.

Numbers only; a source within all of them can be read in bounded memory. How large a file may be that an object
names is the store's to say: eventstore.limits.FILE_BYTES_MAX.
"""

MEBIBYTE = 1024 * 1024

LINE_BYTES_MAX = 32 * MEBIBYTE
"""One line of a recorded feed."""

FEED_BYTES_MAX = 16 * 1024 * MEBIBYTE
"""A recorded feed of one notification a line; it is never held in memory."""

COLLECTION_BYTES_MAX = 1024 * MEBIBYTE
"""One file of a package that holds a collection, or a feed that is one JSON array."""

YAML_BYTES_MAX = 32 * MEBIBYTE
"""One YAML file of a package; YAML takes a hundred times as long as JSON."""

ARCHIVE_ENTRIES_MAX = 1_000_000
"""Entries of a zip archive."""

UNPACKED_BYTES_MAX = 32 * 1024 * MEBIBYTE
"""A zip archive unpacked, all together."""

RATIO_MAX = 250
"""How many times its packed size an entry of an archive may have; JSON comes to some thirty times."""

RATIO_FREE_BYTES = 16 * MEBIBYTE
"""Below this size the ratio does not matter."""

CHUNK_BYTES = MEBIBYTE
"""Files are hashed and unpacked in pieces of this size."""
