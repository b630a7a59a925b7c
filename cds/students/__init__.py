"""Students whose progress at Codeforces is followed: kept, synced, refreshed in the background."""
