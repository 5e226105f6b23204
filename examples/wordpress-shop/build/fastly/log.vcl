# Snippet of type log, priority 100: anywhere: it returns nothing.
# @scope: log

call edgesig_log;
