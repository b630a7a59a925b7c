"""An edge: it serves what the core publishes over JetStream, to very many, without a database and without deciding.

Of each contest it follows the lines of the roles that somebody asks for, folds them into views, and answers feeds,
collections, objects and scoreboards out of these with the bytes, entity tags and tokens of the core. Who somebody is,
the core says, and that is kept for a moment. Whatever else is asked for is passed on, as a relay does.
"""
