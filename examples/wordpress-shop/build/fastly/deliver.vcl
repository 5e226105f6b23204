# Snippet of type deliver, priority 10: early: it looks at the response as it came.
# @scope: deliver

call edgesig_deliver;
