"""The pages for people, over HTTP and in a browser."""
