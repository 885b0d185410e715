"""The Common Alerting Protocol for its consumer: reading, deciding, whom it reaches, what is spoken. No clock."""
