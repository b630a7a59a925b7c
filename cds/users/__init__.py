"""Users of the platform: the register, logins, codes for a new password."""
