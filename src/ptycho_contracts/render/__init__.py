"""One result, several renderings: a file for each."""
