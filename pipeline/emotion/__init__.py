"""FER2013: one of five emotions for a face of 48x48 pixels."""
