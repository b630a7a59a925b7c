"""The search for leaks: two servers that differ in what somebody must not see, asked everything by that somebody."""
