"""Users of the platform, logins, codes for new passwords."""
