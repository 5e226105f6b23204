# Snippet of type recv, priority 10: first of all recv snippets: one that returns before it would go round it.
# @scope: recv

call edgesig_recv;
