# Snippet of type miss, priority 200: after your own: nothing internal goes to the origin.
# @scope: miss

call edgesig_clean;
