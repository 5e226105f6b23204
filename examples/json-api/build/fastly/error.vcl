# Snippet of type error, priority 10: first: it answers its own status 640 only.
# @scope: error

call edgesig_error;
