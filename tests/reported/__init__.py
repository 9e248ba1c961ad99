"""Small inputs with their right rewards, after what users of judges and graders reported: one file a kind."""
