"""What every backend promises, from problem and submission to verdicts. The table of backends is in `support`."""
