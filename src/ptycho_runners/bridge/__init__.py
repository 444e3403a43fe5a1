"""The one program of ours that runs in a checkout's own interpreter."""
