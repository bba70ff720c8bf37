// A browser reads no other file for a page that was opened from a disk. Search works there without
// the excerpts, for which it would read each page that it has found.
DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = location.protocol !== "file:";
