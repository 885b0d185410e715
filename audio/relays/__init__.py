"""Other broadcasters' streams: found behind their addresses, pulled, decoded, and watched for silence."""
