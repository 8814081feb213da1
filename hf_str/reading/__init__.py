"""Reading words in bulk: shards of millions of images, and their way to the network."""
