"""The role that orders L2 transactions into batches and posts them."""
