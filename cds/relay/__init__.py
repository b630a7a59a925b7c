"""A relay: it serves what another contest data server says, to many, without a database and without deciding anything.

For each audience that somebody asks for it follows one feed of the other server, with the credentials that were
brought, and fans its lines out as they are, tokens included. Every other answer is passed on, and kept while nothing
has happened. Whether a login is right and what it may see, the other server says.
"""
