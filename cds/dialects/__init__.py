"""How the contests of others are written, and how that becomes our one model: translation without any I/O.

This package knows every dialect of the Contest API in the wild. It must not know where the bytes come from,
nor who will use the result.
"""
