"""The command has moved to `python -m gru_tf.tuning`; this says so, for one release."""

if __name__ == "__main__":
    raise SystemExit("gru_tf.search is now gru_tf.tuning: python -m gru_tf.tuning, same options.")
