"""The ContestWebServer API of CMS."""
