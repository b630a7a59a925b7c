"""A whole installation with edges, of which one part after the other is killed while many write (`make edges`)."""
