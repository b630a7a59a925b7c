"""The ContestWebServer API of CMS over the same contests (seed 002)."""
