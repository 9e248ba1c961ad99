"""Judging processes: where one event loop cannot feed all slots, several processes hold a share of them each.

The server keeps what there must be one of: requests, queue, caches, problems, counts. A slot's work goes to its process
in one message, and comes back judged.
"""
