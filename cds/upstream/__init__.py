"""Following other contest servers: what they say is kept as it was said, translated, and told on as our contest.

`following` and what it stands on are pure; the rest is about connections, files and the log.
"""
