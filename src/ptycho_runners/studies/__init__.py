"""Studies: data, explicitly selected arms, one evaluation in object space, pictures and a manifest."""
