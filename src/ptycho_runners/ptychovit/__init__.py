"""The PtychoViT runner: request → plan (pure) → execute (thin) → manifest."""
