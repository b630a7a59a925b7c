"""`cds verify`: whether the log, the files and what is derived from them are what was written."""
