# Snippet of type pass, priority 200: after your own: nothing internal goes to the origin.
# @scope: pass

call edgesig_clean;
