"""Fine-tuning by progressive unfreezing: a policy becomes stages (pure), stages become runs (thin)."""
