"""What is minimised: pure functions that give per-image terms in nats, and their registry."""
