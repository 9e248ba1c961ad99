"""What an evaluation costs, beside what it could cost at the least: `make bench`.

Not a test: it states the goals beside the numbers and fails for none of them. Times of a loaded machine say little but
for their ratios, which is why the ways take turns.
"""
