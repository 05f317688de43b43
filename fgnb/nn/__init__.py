"""What two papers or more share: backbones, cached maps, heads."""
