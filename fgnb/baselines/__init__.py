"""What every table sets beside the papers' rows: plain backbones, honestly trained."""
